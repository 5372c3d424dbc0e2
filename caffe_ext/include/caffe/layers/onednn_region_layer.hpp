#ifndef CAFFE_LAYERS_ONEDNN_REGION_LAYER_HPP_
#define CAFFE_LAYERS_ONEDNN_REGION_LAYER_HPP_
#ifdef USE_ONEDNN

#include <vector>

#include "caffe/layers/region_layer.hpp"
#include "caffe/util/onednn.hpp"

namespace caffe {

/**
 * @brief RegionLayer on the processor, in the layout of its neighbours and in
 *        fewer multiplications.
 *
 * Options, blobs and results are RegionLayer's (sums in another order). Where
 * WinogradPatchConvolution takes the shape, all blobs are worked on in blocks
 * of as many channels, as oneDNN's convolutions and poolings leave them, and
 * are converted only where somebody else wrote or wants them. Other shapes
 * (channels that are no multiple of a vector, kernels of one pixel) are
 * RegionLayer's.
 */
class OneDNNRegionLayer : public RegionLayer<float> {
 public:
  explicit OneDNNRegionLayer(const LayerParameter& param)
      : RegionLayer<float>(param) {}
  virtual void Reshape(const vector<Blob<float>*>& bottom,
                       const vector<Blob<float>*>& top);

 protected:
  virtual void Forward_cpu(const vector<Blob<float>*>& bottom,
                           const vector<Blob<float>*>& top);
  virtual void Backward_cpu(const vector<Blob<float>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<float>*>& bottom);
  virtual shared_ptr<Workspace> NewWorkspace() const;
  virtual void SetForward(int patch, PatchConvolution<float>* convolution);

 private:
  void KeepFilters();

  // Blobs in blocks, where they are not so themselves.
  dnnl::memory blocked_x_, blocked_y_, blocked_dx_;
  // Each patch's, transformed, which a TEST net keeps until a weight may have
  // been written; else empty.
  vector<WinogradConvolution::Filters> filters_;
  onednn::SeenContent seen_;
};

}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_LAYERS_ONEDNN_REGION_LAYER_HPP_
