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
 * Blobs are taken to a layout that hangs on their shape alone.
 * Left to PoolingLayer are a second top (the mask), STOCHASTIC, averages whose
 * windows stick out of a padded image (Caffe counts the padding, but not what
 * is beyond it), what oneDNN has only its slow reference code for, and GPU
 * mode.
 */
class OneDNNPoolingLayer : public PoolingLayer<float> {
 public:
  explicit OneDNNPoolingLayer(const LayerParameter& param)
      : PoolingLayer<float>(param) {}

 protected:
  virtual void Forward_cpu(const vector<Blob<float>*>& bottom,
                           const vector<Blob<float>*>& top);
  virtual void Backward_cpu(const vector<Blob<float>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<float>*>& bottom);

 private:
  /// For here and now. False: it is PoolingLayer's.
  bool MakePrimitives(const Blob<float>& bottom, const Blob<float>& top);
  /// oneDNN's name for what is asked for, or undef; end: how far the last
  /// window reaches beyond the image, downwards and to the right.
  dnnl::algorithm Algorithm(const dnnl::memory::dims& end) const;

  onednn::Primitive<dnnl::pooling_forward> forward_;
  onednn::Primitive<dnnl::pooling_backward> backward_;
  dnnl::memory chosen_;  // where each window's maximum is
  // Used where a blob is not in the primitives' layout.
  dnnl::memory bottom_, top_, top_diff_, bottom_diff_;
};

}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_LAYERS_ONEDNN_POOLING_LAYER_HPP_
