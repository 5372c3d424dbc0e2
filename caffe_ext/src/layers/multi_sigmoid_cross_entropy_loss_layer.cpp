#include "caffe/layers/multi_sigmoid_cross_entropy_loss_layer.hpp"

namespace caffe {

INSTANTIATE_CLASS(MultiSigmoidCrossEntropyLossLayer);
REGISTER_LAYER_CLASS(MultiSigmoidCrossEntropyLoss);

}  // namespace caffe
