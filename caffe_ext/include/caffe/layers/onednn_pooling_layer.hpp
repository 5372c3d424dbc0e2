#ifndef CAFFE_LAYERS_ONEDNN_POOLING_LAYER_HPP_
#define CAFFE_LAYERS_ONEDNN_POOLING_LAYER_HPP_
#ifdef USE_ONEDNN

#include <vector>

#include "caffe/layers/pooling_layer.hpp"
#include "caffe/util/onednn.hpp"

namespace caffe {

/**
 * @brief Caffe's Pooling, computed by oneDNN on the processor.
 *
 * Options and results are PoolingLayer's: of equal values in a window the first
 * is the maximum, and windows that stick out (round_mode CEIL) are cut off.
 * Left to PoolingLayer are a second top (the mask), STOCHASTIC, averages whose
 * windows stick out of a padded image (Caffe counts the padding, but not what
 * is beyond it), what oneDNN has only its slow reference code for, and GPU
 * mode.
 */
class OneDNNPoolingLayer : public PoolingLayer<float> {
 public:
  explicit OneDNNPoolingLayer(const LayerParameter& param)
      : PoolingLayer<float>(param), use_onednn_(false) {}

 protected:
  virtual void Forward_cpu(const vector<Blob<float>*>& bottom,
                           const vector<Blob<float>*>& top);
  virtual void Backward_cpu(const vector<Blob<float>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<float>*>& bottom);

 private:
  /// For the bottom's layout. False: it is PoolingLayer's.
  bool CreatePrimitives(const Blob<float>& bottom, const Blob<float>& top);
  dnnl::algorithm Algorithm() const;

  dnnl::memory::desc layout_;  // the bottom's, which the primitives are for
  dnnl::memory::dims top_dims_;
  bool use_onednn_;
  dnnl::pooling_forward::primitive_desc forward_;
  dnnl::pooling_backward::primitive_desc backward_;
  dnnl::memory chosen_;                        // where each window's maximum is
  dnnl::memory top_, top_diff_, bottom_diff_;  // used where a blob is plain
};

}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_LAYERS_ONEDNN_POOLING_LAYER_HPP_
