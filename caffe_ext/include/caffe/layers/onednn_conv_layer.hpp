#ifndef CAFFE_LAYERS_ONEDNN_CONV_LAYER_HPP_
#define CAFFE_LAYERS_ONEDNN_CONV_LAYER_HPP_
#ifdef USE_ONEDNN

#include <vector>

#include "caffe/layers/conv_layer.hpp"
#include "caffe/util/onednn.hpp"
#include "caffe/util/winograd_convolution.hpp"
#include "caffe/util/winograd_weight_gradient.hpp"

namespace caffe {

/**
 * @brief Caffe's Convolution, computed by oneDNN on the processor.
 *
 * Options, blobs and results are ConvolutionLayer's (sums in another order).
 * Bottom and top are in the layouts that oneDNN chooses; weights are plain and
 * are reordered in every pass, but that a TEST net's forward pass keeps its
 * filters until a weight may have been written. Where that saves time, the
 * forward pass and the bottom's gradient are WinogradConvolution's, the
 * weights' gradient is WinogradWeightGradient's. What oneDNN does not do, or
 * only in its slow reference code (axis other than 1, more than 3 spatial
 * axes), and GPU mode are left to ConvolutionLayer.
 */
class OneDNNConvolutionLayer : public ConvolutionLayer<float> {
 public:
  explicit OneDNNConvolutionLayer(const LayerParameter& param)
      : ConvolutionLayer<float>(param) {}
  virtual void Reshape(const vector<Blob<float>*>& bottom,
                       const vector<Blob<float>*>& top);

 protected:
  virtual void Forward_cpu(const vector<Blob<float>*>& bottom,
                           const vector<Blob<float>*>& top);
  virtual void Backward_cpu(const vector<Blob<float>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<float>*>& bottom);

 private:
  void ChooseWinograd(const Blob<float>& bottom);
  /// backward: from the top's gradient to the bottom's.
  void RunWinograd(bool backward, const onednn::Tensor& from,
                   const onednn::Tensor& to);
  const float* GroupWeights(int group) const;
  /// For here and now, the forward pass's alone or all. False: it is
  /// ConvolutionLayer's.
  bool MakePrimitives(const Blob<float>& bottom, const Blob<float>& top,
                      bool backward);
  void BackwardWeights(const Blob<float>& top, const Blob<float>& bottom);
  void BackwardWeightsWinograd(const Blob<float>& top,
                               const Blob<float>& bottom);
  void BackwardData(const Blob<float>& top, Blob<float>* bottom);

  // Of a group; null: oneDNN's convolution is faster.
  shared_ptr<WinogradConvolution> winograd_, backward_winograd_;
  // Likewise (empty), one for each part of the images.
  vector<shared_ptr<WinogradWeightGradient> > weight_winograd_;
  dnnl::memory::dims weights_dims_;  // (O, C, k, k), or (G, O / G, C / G, k, k)
  onednn::Primitive<dnnl::convolution_forward> forward_;
  onednn::Primitive<dnnl::convolution_backward_data> backward_data_;
  onednn::Primitive<dnnl::convolution_backward_weights> backward_weights_;
  // In the layouts of the primitives; bottom and top where their blobs' differ.
  dnnl::memory bottom_, top_, weights_diff_, bias_diff_;
  dnnl::memory forward_filters_, backward_filters_;
  // What a TEST net's forward pass keeps, and of which weights.
  dnnl::memory filters_;
  vector<WinogradConvolution::Filters> winograd_filters_;  // a group
  onednn::SeenContent forward_seen_, winograd_seen_;
};

}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_LAYERS_ONEDNN_CONV_LAYER_HPP_
