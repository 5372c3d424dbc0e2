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

static bool HasBottom(const LayerParameter& layer, const string& name) {
  const auto& bottoms = layer.bottom();
  return std::find(bottoms.begin(), bottoms.end(), name) != bottoms.end();
}

static bool OverwritesItsInput(const LayerParameter& layer) {
  static const std::set<string> kTypes = {"BatchReindex",  "Convolution",
                                          "Deconvolution", "InnerProduct",
                                          "Pooling",       "SPP"};
  if (layer.type() == "LRN") {
    return layer.lrn_param().norm_region() ==
           LRNParameter_NormRegion_ACROSS_CHANNELS;
  }
  if (layer.type() == "Eltwise") {
    return layer.eltwise_param().operation() != EltwiseParameter_EltwiseOp_PROD;
  }
  return kTypes.count(layer.type());
}

static bool FailsBackward(const LayerParameter& layer) {
  static const std::set<string> kTypes = {"BNLL",   "Clip", "Crop", "Eltwise",
                                          "Im2col", "LRN",  "LSTM", "Log",
                                          "MVN",    "RNN"};
  const bool is_power =
      layer.type() == "Power" && layer.power_param().power() != 1;
  return is_power || kTypes.count(layer.type());
}

static bool ReadsItsOutputBackward(const LayerParameter& layer) {
  static const std::set<string> kTypes = {"ELU",     "Exp",   "MVN", "Sigmoid",
                                          "Softmax", "Swish", "TanH"};
  if (layer.type() == "LRN") {
    return layer.lrn_param().norm_region() ==
           LRNParameter_NormRegion_ACROSS_CHANNELS;
  }
  if (layer.type() == "Power") {
    const float power = layer.power_param().power();
    return power != 1 && power != 2;
  }
  if (layer.type() == "Eltwise") {
    const EltwiseParameter& eltwise = layer.eltwise_param();
    return eltwise.operation() == EltwiseParameter_EltwiseOp_PROD &&
           !eltwise.stable_prod_grad();
  }
  return kTypes.count(layer.type());
}

static bool KeepsSigns(const LayerParameter& layer) {
  if (layer.type() == "ReLU") return layer.relu_param().negative_slope() >= 0;
  const PowerParameter& power = layer.power_param();
  const bool scales =
      power.power() == 1 && power.shift() == 0 && power.scale() > 0;
  return layer.type() == "Dropout" || (layer.type() == "Power" && scales);
}

static bool ChangesNothing(const LayerParameter& layer) {
  return layer.type() == "Dropout" && layer.phase() == TEST;
}

static bool SharesItsInput(const LayerParameter& layer) {
  static const std::set<string> kTypes = {"Flatten", "Reshape", "Split"};
  const bool is_only = layer.bottom_size() == 1 && layer.top_size() == 1;
  return kTypes.count(layer.type()) ||
         (is_only && (layer.type() == "Concat" || layer.type() == "Slice"));
}

void InPlaceCheck::Add(const LayerParameter& layer, bool needs_backward) {
  const string title = Title(layer);
  for (const string& bottom : layer.bottom()) {
    const View& blob = blobs_.at(bottom);
    LOG_IF(FATAL, blob.version != blob.memory->version)
        << Refused(blob.memory->writer) << ": " << title
        << " reads what it overwrites" << kRemedy;
  }
  const bool reads_output = needs_backward && ReadsItsOutputBackward(layer);
  for (const string& top : layer.top()) {
    View& blob = blobs_[top];
    if (HasBottom(layer, top)) {
      LOG_IF(FATAL, OverwritesItsInput(layer)) << Refused(title) << kRemedy;
      if (needs_backward) CheckBackward(layer, *blob.memory);
      blob.memory->writer = title;
      blob.version = ++blob.memory->version;
      if (needs_backward && layer.type() == "ReLU") {
        blob.memory->sign_reader = title;
      }
    } else if (SharesItsInput(layer)) {
      blob = blobs_.at(layer.bottom(0));
      if (layer.top_size() > 1) blob.memory->has_other_readers = true;
    } else {
      blob = {std::make_shared<Memory>(), 0};
    }
    if (reads_output) blob.memory->reader = title;
  }
}

void InPlaceCheck::CheckBackward(const LayerParameter& layer,
                                 const Memory& memory) {
  string why;
  const string& reader = memory.reader.empty() && !KeepsSigns(layer)
                             ? memory.sign_reader
                             : memory.reader;
  if (FailsBackward(layer)) {
    why = " where it passes gradients on";
  } else if (ChangesNothing(layer)) {
    return;
  } else if (!reader.empty()) {
    why = ": " + reader + " passes gradients on by what it overwrites";
  } else if (memory.has_other_readers) {
    why = ": other layers pass gradients on by what it overwrites";
  } else {
    return;
  }
  if (why_no_backward_.empty()) {
    why_no_backward_ = Refused(Title(layer)) + why + kRemedy;
  }
}

}  // namespace caffe
