#ifndef CAFFE_LAYERS_MULTI_SIGMOID_CROSS_ENTROPY_LOSS_LAYER_HPP_
#define CAFFE_LAYERS_MULTI_SIGMOID_CROSS_ENTROPY_LOSS_LAYER_HPP_

#include "caffe/layers/multilabel_sigmoid_cross_entropy_loss_layer.hpp"

namespace caffe {

/**
 * @brief MultilabelSigmoidCrossEntropyLoss under the name that the authors'
 *        release gives it.
 */
template <typename Dtype>
class MultiSigmoidCrossEntropyLossLayer
    : public MultilabelSigmoidCrossEntropyLossLayer<Dtype> {
 public:
  explicit MultiSigmoidCrossEntropyLossLayer(const LayerParameter& param)
      : MultilabelSigmoidCrossEntropyLossLayer<Dtype>(param) {}

  virtual inline const char* type() const {
    return "MultiSigmoidCrossEntropyLoss";
  }
};

}  // namespace caffe

#endif  // CAFFE_LAYERS_MULTI_SIGMOID_CROSS_ENTROPY_LOSS_LAYER_HPP_
