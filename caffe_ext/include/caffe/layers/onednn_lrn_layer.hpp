#ifndef CAFFE_LAYERS_ONEDNN_LRN_LAYER_HPP_
#define CAFFE_LAYERS_ONEDNN_LRN_LAYER_HPP_
#ifdef USE_ONEDNN

#include <vector>

#include "caffe/layers/lrn_layer.hpp"
#include "caffe/util/onednn.hpp"

namespace caffe {

/**
 * @brief Caffe's LRN across channels, computed by oneDNN on the processor.
 *
 * Options and results are LRNLayer's. Left to LRNLayer are WITHIN_CHANNEL, what
 * oneDNN has only its slow reference code for, and GPU mode.
 */
class OneDNNLRNLayer : public LRNLayer<float> {
 public:
  explicit OneDNNLRNLayer(const LayerParameter& param)
      : LRNLayer<float>(param), use_onednn_(false) {}

 protected:
  virtual void CrossChannelForward_cpu(const vector<Blob<float>*>& bottom,
                                       const vector<Blob<float>*>& top);
  virtual void CrossChannelBackward_cpu(const vector<Blob<float>*>& top,
                                        const vector<bool>& propagate_down,
                                        const vector<Blob<float>*>& bottom);

 private:
  void CreatePrimitives(const dnnl::memory::desc& layout);

  dnnl::memory::desc layout_;  // the bottom's, which the primitives are for
  bool use_onednn_;            // whether they are any good
  dnnl::lrn_forward::primitive_desc forward_;
  dnnl::lrn_backward::primitive_desc backward_;
  dnnl::memory workspace_;
  // Used where a blob is not in the primitives' layout.
  dnnl::memory bottom_, top_, top_diff_, bottom_diff_;
};

}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_LAYERS_ONEDNN_LRN_LAYER_HPP_
