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
 * Options and results are LRNLayer's. Blobs are taken to a layout that hangs on
 * their shape alone, so that results do, too, down to the last bit. Left to
 * LRNLayer are WITHIN_CHANNEL, what oneDNN has only its slow reference code
 * for, and GPU mode.
 */
class OneDNNLRNLayer : public LRNLayer<float> {
 public:
  explicit OneDNNLRNLayer(const LayerParameter& param)
      : LRNLayer<float>(param) {}

 protected:
  virtual void CrossChannelForward_cpu(const vector<Blob<float>*>& bottom,
                                       const vector<Blob<float>*>& top);
  virtual void CrossChannelBackward_cpu(const vector<Blob<float>*>& top,
                                        const vector<bool>& propagate_down,
                                        const vector<Blob<float>*>& bottom);

 private:
  /// For here and now. False: it is LRNLayer's.
  bool MakePrimitives(const Blob<float>& bottom);

  onednn::Primitive<dnnl::lrn_forward> forward_;
  onednn::Primitive<dnnl::lrn_backward> backward_;
  dnnl::memory workspace_;  // from forward to backward
  // Used where a blob is not in the primitives' layout.
  dnnl::memory bottom_, top_, top_diff_, bottom_diff_;
};

}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_LAYERS_ONEDNN_LRN_LAYER_HPP_
