#ifndef CAFFE_LAYERS_BATCH_LAYER_HPP_
#define CAFFE_LAYERS_BATCH_LAYER_HPP_

#include "caffe/layer.hpp"
#include "caffe/layers/batch_norm_layer.hpp"
#include "caffe/proto/caffe.pb.h"

namespace caffe {

/**
 * @brief BatchNorm under the name that the authors' release gives it, with its
 *        options in batch_param. Bottom, top, the three blobs and the gradient
 *        are BatchNormLayer's.
 */
template <typename Dtype>
class BatchLayer : public BatchNormLayer<Dtype> {
 public:
  explicit BatchLayer(const LayerParameter& param);

  virtual inline const char* type() const { return "Batch"; }
};

}  // namespace caffe

#endif  // CAFFE_LAYERS_BATCH_LAYER_HPP_
