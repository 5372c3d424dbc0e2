#ifdef USE_ONEDNN
#include "caffe/layers/onednn_region_layer.hpp"

#include <algorithm>
#include <vector>

#include "caffe/util/parallel_for.hpp"

namespace caffe {

using dnnl::memory;
using onednn::Data;
using onednn::Diff;
using onednn::Values;

void OneDNNRegionLayer::Reshape(const vector<Blob<float>*>& bottom,
                                const vector<Blob<float>*>& top) {
  RegionLayer<float>::Reshape(bottom, top);
  const bool winograd =
      bottom[0]->count() > 0 &&
      WinogradPatchConvolution::Fits(channels_, patch_h_, patch_w_, kernel_);
  block_ = winograd ? winograd::Best().lanes : 1;
}

shared_ptr<OneDNNRegionLayer::Workspace> OneDNNRegionLayer::NewWorkspace()
    const {
  if (block_ == 1) return RegionLayer<float>::NewWorkspace();
  shared_ptr<Workspace> work(new Workspace);
  work->normalization.reset(new BlockedPatchNormalization(
      num_, channels_, block_, patch_h_, patch_w_, eps_));
  work->convolution.reset(
      new WinogradPatchConvolution(channels_, patch_h_, patch_w_, kernel_));
  return work;
}

void OneDNNRegionLayer::KeepFilters() {
  if (phase_ != TEST) return;
  vector<shared_ptr<Blob<float> > > weights(blobs_.begin(),
                                            blobs_.begin() + mean_id_);
  if (seen_.IsSame(weights) && !filters_.empty()) return;
  filters_.resize(patches_);
  for (const shared_ptr<Blob<float> >& blob : weights) blob->cpu_data();
  const WinogradPatchConvolution convolution(channels_, patch_h_, patch_w_,
                                             kernel_);
  ParallelFor(patches_, [&](int patch) {
    convolution.Transform(Weight(patch), Bias(patch), &filters_[patch]);
  });
}

void OneDNNRegionLayer::SetForward(int patch,
                                   PatchConvolution<float>* convolution) {
  if (block_ == 1 || filters_.empty()) {
    RegionLayer<float>::SetForward(patch, convolution);
  } else {
    static_cast<WinogradPatchConvolution*>(convolution)
        ->SetForward(filters_[patch]);
  }
}

void OneDNNRegionLayer::Forward_cpu(const vector<Blob<float>*>& bottom,
                                    const vector<Blob<float>*>& top) {
  if (block_ == 1) return RegionLayer<float>::Forward_cpu(bottom, top);
  const memory::desc layout =
      onednn::Blocked(onednn::Dims(bottom[0]->shape()), block_);
  const memory x = onednn::ReadAs(Data(*bottom[0]), layout, &blocked_x_);
  if (bottom[0] == top[0]) {
    std::copy_n(Values(x), bottom[0]->count(), bottom_copy_.mutable_cpu_data());
  }
  const onednn::Output y(Data(*top[0]), layout, &blocked_y_);
  KeepFilters();
  ForwardPatches(Values(x), Values(y.get()));
  y.Store();
}

void OneDNNRegionLayer::Backward_cpu(const vector<Blob<float>*>& top,
                                     const vector<bool>& propagate_down,
                                     const vector<Blob<float>*>& bottom) {
  if (block_ == 1) {
    return RegionLayer<float>::Backward_cpu(top, propagate_down, bottom);
  }
  const memory::desc layout =
      onednn::Blocked(onednn::Dims(bottom[0]->shape()), block_);
  const memory kept =
      bottom[0] == top[0]
          ? memory(layout, onednn::Engine(), bottom_copy_.mutable_cpu_data())
          : onednn::ReadAs(Data(*bottom[0]), layout, &blocked_x_);
  const float* x = Values(kept);
  const memory g = onednn::ReadAs(Diff(*top[0]), layout, &blocked_y_);
  if (!propagate_down[0]) return BackwardPatches(x, Values(g), NULL);
  const onednn::Output dx(Diff(*bottom[0]), layout, &blocked_dx_);
  BackwardPatches(x, Values(g), Values(dx.get()));
  dx.Store();
}

}  // namespace caffe
#endif  // USE_ONEDNN
