#ifndef CAFFE_LAYERS_ONEDNN_SCALE_LAYER_HPP_
#define CAFFE_LAYERS_ONEDNN_SCALE_LAYER_HPP_
#ifdef USE_ONEDNN

#include <vector>

#include "caffe/layers/scale_layer.hpp"
#include "caffe/util/onednn.hpp"

namespace caffe {

/**
 * @brief Caffe's Scale, with or without a bias, of blobs in oneDNN's layouts,
 *        on all threads.
 *
 * Options, parameters and results are ScaleLayer's, but for rounding. Ours is
 * what has a factor a channel as its parameter (the default); the rest is
 * Caffe's. In place the old values are kept for the factors' gradients: those
 * of a private blob in their own memory, while the new ones are written to
 * another, so that nothing is copied.
 */
class OneDNNScaleLayer : public ScaleLayer<float> {
 public:
  explicit OneDNNScaleLayer(const LayerParameter& param)
      : ScaleLayer<float>(param), is_ours_(false) {}

 protected:
  virtual void Forward_cpu(const vector<Blob<float>*>& bottom,
                           const vector<Blob<float>*>& top);
  virtual void Backward_cpu(const vector<Blob<float>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<float>*>& bottom);

 private:
  bool IsOurs(const Blob<float>& bottom) const;
  void BackwardParameters(const dnnl::memory& x, const dnnl::memory& dy);

  bool is_ours_;  // the last forward pass
  // Used where a blob is plain but its neighbour is not.
  dnnl::memory bottom_, top_, bottom_diff_, top_diff_;
  onednn::KeptValues kept_;  // the bottom, in place
};

}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_LAYERS_ONEDNN_SCALE_LAYER_HPP_
