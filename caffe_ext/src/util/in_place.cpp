#include "caffe/util/in_place.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "caffe/common.hpp"

namespace caffe {

static bool IsInPlace(const LayerParameter& layer) {
  const auto& tops = layer.top();
  return std::any_of(
      layer.bottom().begin(), layer.bottom().end(), [&](const string& bottom) {
        return std::find(tops.begin(), tops.end(), bottom) != tops.end();
      });
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

void CheckInPlace(const LayerParameter& layer, bool needs_backward) {
  if (!IsInPlace(layer)) return;
  const string refused =
      layer.type() + " layer '" + layer.name() + "' cannot run in place";
  const string remedy = "; give its top a name of its own.";
  LOG_IF(FATAL, OverwritesItsInput(layer)) << refused << remedy;
  LOG_IF(FATAL, needs_backward && FailsBackward(layer))
      << refused << " where it passes gradients on" << remedy;
}

}  // namespace caffe
