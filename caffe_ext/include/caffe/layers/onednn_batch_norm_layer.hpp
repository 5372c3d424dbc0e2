#ifndef CAFFE_LAYERS_ONEDNN_BATCH_NORM_LAYER_HPP_
#define CAFFE_LAYERS_ONEDNN_BATCH_NORM_LAYER_HPP_
#ifdef USE_ONEDNN

#include <vector>

#include "caffe/layers/batch_norm_layer.hpp"
#include "caffe/util/onednn.hpp"

namespace caffe {

/**
 * @brief Caffe's BatchNorm of blobs in oneDNN's layouts, on all threads.
 *
 * Options, parameters and results are BatchNormLayer's, but for rounding. With
 * global statistics the top gets the bottom's layout, whatever that is, and
 * nothing is kept for the backward pass; otherwise the normalised values are,
 * since a layer behind may work in place.
 */
class OneDNNBatchNormLayer : public BatchNormLayer<float> {
 public:
  explicit OneDNNBatchNormLayer(const LayerParameter& param)
      : BatchNormLayer<float>(param), is_ours_(false) {}

 protected:
  virtual void Forward_cpu(const vector<Blob<float>*>& bottom,
                           const vector<Blob<float>*>& top);
  virtual void Backward_cpu(const vector<Blob<float>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<float>*>& bottom);

 private:
  dnnl::memory::desc LayoutOf(const Blob<float>& bottom) const;
  void ReadStatistics();
  void UpdateStatistics(int values);
  void NormaliseVariance();

  bool is_ours_;  // the last forward pass
  // Used where a blob is plain but its neighbour is not.
  dnnl::memory bottom_, top_, bottom_diff_, top_diff_;
  dnnl::memory normalised_;  // unless by global statistics
};

}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_LAYERS_ONEDNN_BATCH_NORM_LAYER_HPP_
