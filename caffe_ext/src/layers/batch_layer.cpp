#include "caffe/layers/batch_layer.hpp"

namespace caffe {

static LayerParameter WithBatchNormParam(LayerParameter param) {
  const BatchParameter& batch = param.batch_param();
  BatchNormParameter* norm = param.mutable_batch_norm_param();
  if (batch.has_use_global_stats()) {
    norm->set_use_global_stats(batch.use_global_stats());
  }
  norm->set_moving_average_fraction(batch.moving_average_fraction());
  norm->set_eps(batch.eps());
  return param;
}

template <typename Dtype>
BatchLayer<Dtype>::BatchLayer(const LayerParameter& param)
    : BatchNormLayer<Dtype>(WithBatchNormParam(param)) {}

INSTANTIATE_CLASS(BatchLayer);
REGISTER_LAYER_CLASS(Batch);

}  // namespace caffe
