#include "caffe/util/in_place.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "caffe/common.hpp"

namespace caffe {

static string Title(const LayerParameter& layer) {
  return layer.type() + " layer '" + layer.name() + "'";
}

static string Refused(const string& title) {
  return title + " cannot run in place";
}

static const char kRemedy[] = "; give its top a name of its own.";

static bool IsOneOf(const LayerParameter& layer,
                    const std::set<string>& types) {
  return types.count(layer.type());
}

template <typename Names>
static bool Has(const Names& names, const string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

static bool IsAcrossChannels(const LayerParameter& layer) {
  return layer.lrn_param().norm_region() ==
         LRNParameter_NormRegion_ACROSS_CHANNELS;
}

static bool IsProduct(const LayerParameter& layer) {
  return layer.eltwise_param().operation() == EltwiseParameter_EltwiseOp_PROD;
}

static bool OverwritesItsInput(const LayerParameter& layer) {
  static const std::set<string> kTypes = {
      "BatchReindex", "Convolution", "Deconvolution", "InnerProduct",
      "Pooling",      "SPP",         "Splice"};
  if (layer.type() == "LRN") return IsAcrossChannels(layer);
  if (layer.type() == "Eltwise") return !IsProduct(layer);
  return IsOneOf(layer, kTypes);
}

static bool FailsBackward(const LayerParameter& layer) {
  static const std::set<string> kTypes = {"BNLL", "Box",      "Clip", "Crop",
                                          "Log",  "Eltwise",  "LRN",  "Im2col",
                                          "LSTM", "LSTMUnit", "RNN"};
  for (const float weight : layer.loss_weight()) {
    if (weight != 0) return true;  // it stands where the gradient is written
  }
  if (layer.type() == "MVN") return layer.mvn_param().normalize_variance();
  if (layer.type() == "Power") return layer.power_param().power() != 1;
  if (layer.type() == "ReLU") return layer.relu_param().negative_slope() < 0;
  if (layer.type() == "ELU") return layer.elu_param().alpha() < 0;
  return IsOneOf(layer, kTypes);
}

// Whether the backward pass reads this top.
static bool ReadsItsOutput(const LayerParameter& layer, int top_id) {
  static const std::set<string> kTypes = {"ELU",     "Exp",   "Sigmoid",
                                          "Softmax", "Swish", "TanH"};
  static const std::set<string> kOfSecondTops = {
      "InfogainLoss", "LSTM", "LSTMUnit", "Pooling", "RNN", "SoftmaxWithLoss"};
  if (top_id > 0) return IsOneOf(layer, kOfSecondTops);
  if (layer.type() == "LRN") return IsAcrossChannels(layer);
  if (layer.type() == "MVN") return layer.mvn_param().normalize_variance();
  if (layer.type() == "Power") {
    const float power = layer.power_param().power();
    return power != 1 && power != 2;
  }
  if (layer.type() == "Eltwise") {
    return IsProduct(layer) && !layer.eltwise_param().stable_prod_grad();
  }
  return IsOneOf(layer, kTypes);
}

// Whether the backward pass reads bottoms; of types that are not known it may.
static bool ReadsItsInput(const LayerParameter& layer) {
  static const std::set<string> kTypes = {
      "Accuracy",      "ArgMax",  "BatchNorm", "Concat",  "Dropout",
      "EuclideanLoss", "Flatten", "Pooling",   "Reshape", "Sigmoid",
      "Silence",       "Slice",   "Softmax",   "Split",   "TanH"};
  if (layer.type() == "Eltwise") return IsProduct(layer);
  return !IsOneOf(layer, kTypes);
}

// What a backward pass reads of a value, from little to all: its sign; what is
// multiplied with its gradient; the value.
enum Reading { kSigns, kProducts, kValues, kNothing };

static Reading ReadingOfOutput(const LayerParameter& layer, int top_id) {
  return top_id == 0 && layer.type() != "MVN" ? kProducts : kValues;
}

// The first of them that a layer spoils.
static Reading Spoils(const LayerParameter& layer) {
  if (layer.type() == "Dropout") {
    return layer.phase() == TEST ? kNothing : kProducts;
  }
  if (layer.type() == "ReLU") {
    const float slope = layer.relu_param().negative_slope();
    return slope == 0 ? kValues : slope > 0 ? kProducts : kSigns;
  }
  const PowerParameter& power = layer.power_param();
  const bool scales = layer.type() == "Power" && power.power() == 1 &&
                      power.shift() == 0 && power.scale() > 0;
  return scales ? kProducts : kSigns;
}

static bool SharesItsInput(const LayerParameter& layer) {
  const bool is_only = layer.bottom_size() == 1 && layer.top_size() == 1;
  return IsOneOf(layer, {"Flatten", "Reshape", "Split"}) ||
         (is_only && IsOneOf(layer, {"Concat", "Slice"}));
}

// Whether this top is written once, and read by every forward pass.
static bool IsKept(const LayerParameter& layer, int top_id) {
  if (layer.type() != "DummyData") {
    return IsOneOf(layer, {"MemoryData", "Parameter"});
  }
  const auto& fillers = layer.dummy_data_param().data_filler();
  if (fillers.size() == 0) return true;
  return fillers.Get(fillers.size() == 1 ? 0 : top_id).type() == "constant";
}

void InPlaceCheck::Add(const LayerParameter& layer, bool needs_backward) {
  const string title = Title(layer);
  for (const string& bottom : layer.bottom()) {
    const View& blob = blobs_.at(bottom);
    if (layer.type() != "Silence") CheckReading(blob, title + " reads");
    if (needs_backward && ReadsItsInput(layer) && !Has(layer.top(), bottom)) {
      blob.memory->readers[kValues] = title;
    }
  }
  for (int i = 0; i < layer.top_size(); ++i) {
    View& blob = blobs_[layer.top(i)];
    if (Has(layer.bottom(), layer.top(i))) {
      CheckWriting(layer, needs_backward, *blob.memory);
      if (Spoils(layer) != kNothing) {
        blob.memory->writer = title;
        blob.version = ++blob.memory->version;
      }
      if (needs_backward && layer.type() == "ReLU") {
        blob.memory->readers[kSigns] = title;
      }
    } else if (SharesItsInput(layer)) {
      blob = blobs_.at(layer.bottom(0));
    } else {
      blob = {std::make_shared<Memory>(), 0};
      if (IsKept(layer, i)) blob.memory->keeper = title;
    }
    if (needs_backward && ReadsItsOutput(layer, i)) {
      blob.memory->readers[ReadingOfOutput(layer, i)] = title;
    }
  }
}

void InPlaceCheck::AddOutput(const string& name) const {
  CheckReading(blobs_.at(name), "the net's output '" + name + "' is");
}

void InPlaceCheck::CheckReading(const View& blob, const string& reader) const {
  LOG_IF(FATAL, blob.version != blob.memory->version)
      << Refused(blob.memory->writer) << ": " << reader << " what it overwrites"
      << kRemedy;
}

void InPlaceCheck::CheckWriting(const LayerParameter& layer,
                                bool needs_backward, const Memory& memory) {
  const string refused = Refused(Title(layer));
  LOG_IF(FATAL, OverwritesItsInput(layer)) << refused << kRemedy;
  // ReLU may be repeated.
  LOG_IF(FATAL, Spoils(layer) < kValues && !memory.keeper.empty())
      << refused << ": " << memory.keeper << " writes only once what it "
      << "overwrites" << kRemedy;
  string why;
  if (needs_backward && FailsBackward(layer)) {
    why = " where it passes gradients on";
  }
  for (int reading = Spoils(layer); reading < kNothing; ++reading) {
    const string& reader = memory.readers[reading];
    if (why.empty() && !reader.empty()) {
      why = ": " + reader + " passes gradients on by what it overwrites";
    }
  }
  if (why_no_backward_.empty() && !why.empty()) {
    why_no_backward_ = refused + why + kRemedy;
  }
}

}  // namespace caffe
