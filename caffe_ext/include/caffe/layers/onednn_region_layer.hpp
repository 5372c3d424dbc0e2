#ifndef CAFFE_LAYERS_ONEDNN_REGION_LAYER_HPP_
#define CAFFE_LAYERS_ONEDNN_REGION_LAYER_HPP_
#ifdef USE_ONEDNN

#include <vector>

#include "caffe/layers/region_layer.hpp"
#include "caffe/util/onednn.hpp"
#include "caffe/util/onednn_patches.hpp"
#include "caffe/util/winograd_convolution.hpp"

namespace caffe {

/**
 * @brief RegionLayer with oneDNN's convolutions on the processor.
 *
 * Options, blobs and results are RegionLayer's (sums in another order), its
 * threads too. Bottom and the top's gradient may be in any layout: a patch of
 * them is copied into the convolutions' layout, which converts nothing where
 * the neighbours are in it as well. The outputs are in it, or plain if somebody
 * wants them plain. The convolutions are WinogradPatchConvolution's where that
 * saves time; the forward pass then reads and writes patches where they are, in
 * copies of the whole blobs if those are plain. A shape for which oneDNN has
 * only its slow reference code is left to RegionLayer.
 */
class OneDNNRegionLayer : public RegionLayer<float> {
 public:
  explicit OneDNNRegionLayer(const LayerParameter& param);
  virtual ~OneDNNRegionLayer();
  virtual void Reshape(const vector<Blob<float>*>& bottom,
                       const vector<Blob<float>*>& top);

 protected:
  virtual void Forward_cpu(const vector<Blob<float>*>& bottom,
                           const vector<Blob<float>*>& top);
  virtual void Backward_cpu(const vector<Blob<float>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<float>*>& bottom);

 private:
  class Workspace;
  typedef onednn::Patches Patches;

  void AllocateWorkspaces();
  void PrepareBlobs();
  void ForwardOneDNN(const Blob<float>& bottom, Blob<float>* top);
  void ForwardWinograd(const Blob<float>& bottom, Blob<float>* top);
  void CopyBottom(const dnnl::memory& bottom);
  dnnl::memory::desc OutputLayout(const onednn::Tensor& output) const;

  void Gather(const Patches& patches, int patch,
              const dnnl::memory& copy) const;
  void Scatter(const dnnl::memory& copy, int patch,
               const Patches& patches) const;
  const float* Weight(int patch) const;
  const float* Bias(int patch) const;
  void SetStatistics(int patch, Workspace* work) const;
  // One patch of all images; dx NULL: not wanted.
  void ForwardPatch(const Patches& from, int patch, Workspace* work,
                    const Patches& to);
  void ForwardWinogradPatch(const float* from, int patch, Workspace* work,
                            float* to);
  void KeepFilters();
  template <class Convolution>
  void BackwardPatch(const Patches& x, const Patches& g, int patch,
                     Convolution* convolution, Workspace* work,
                     const Patches* dx);
  template <class Convolution>
  void AddParameterDiffs(int patch, const Convolution& convolution);

  vector<int> shape_;         // the bottom's, which what follows is for
  bool use_onednn_;           // whether it is any good
  bool use_winograd_;         // and which
  dnnl::memory bottom_copy_;  // in place only
  vector<shared_ptr<Workspace> > workspaces_;  // one a thread
  dnnl::memory blocked_bottom_, blocked_top_;  // where the blobs are not
  // Each patch's, transformed, which a TEST net keeps until a weight may have
  // been written; else empty.
  vector<WinogradConvolution::Filters> filters_;
  onednn::SeenContent seen_;
};

}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_LAYERS_ONEDNN_REGION_LAYER_HPP_
