#ifdef USE_ONEDNN
#include "caffe/layers/onednn_region_layer.hpp"

#include <omp.h>

#include <algorithm>
#include <vector>

#include "caffe/util/blocked_normalization.hpp"
#include "caffe/util/onednn_patch_convolution.hpp"
#include "caffe/util/parallel_for.hpp"
#include "caffe/util/winograd_patch_convolution.hpp"

namespace caffe {

using dnnl::memory;
using onednn::Data;
using onednn::Diff;
using onednn::Values;

// What one thread needs for one patch, kept between passes. Not for a shape for
// which the convolution is not fast.
class OneDNNRegionLayer::Workspace {
 public:
  Workspace(int num, int channels, int height, int width, int kernel, float eps,
            bool use_winograd)
      : convolution(channels, height, width, kernel),
        normalization(num, channels, convolution.block(), height, width, eps),
        image(onednn::Count(convolution.image())),
        x(onednn::Layout({num, channels, height, width}, convolution.layout()),
          onednn::Engine()),
        g(x.get_desc(), onednn::Engine()),
        dz(x.get_desc(), onednn::Engine()),
        a(convolution.image(), onednn::Engine()) {
    if (use_winograd) {
      winograd.reset(
          new WinogradPatchConvolution(channels, height, width, kernel));
    }
  }

  onednn::PatchConvolution convolution;
  shared_ptr<WinogradPatchConvolution> winograd;  // instead, unless null
  BlockedNormalization normalization;
  int image;        // values of one image of the patch
  memory x, g, dz;  // (N, C, h, w)
  memory a;         // (1, C, h, w)
};

OneDNNRegionLayer::OneDNNRegionLayer(const LayerParameter& param)
    : RegionLayer<float>(param), use_onednn_(false), use_winograd_(false) {}

OneDNNRegionLayer::~OneDNNRegionLayer() {}

void OneDNNRegionLayer::Reshape(const vector<Blob<float>*>& bottom,
                                const vector<Blob<float>*>& top) {
  RegionLayer<float>::Reshape(bottom, top);
  if (bottom[0]->shape() == shape_) return;
  shape_ = bottom[0]->shape();
  workspaces_.clear();
  const onednn::PatchConvolution convolution(channels_, patch_h_, patch_w_,
                                             kernel_);
  use_onednn_ = bottom[0]->count() > 0 && convolution.IsFast();
  use_winograd_ = use_onednn_ &&
                  convolution.block() == winograd::Best().lanes &&
                  WinogradPatchConvolution::Pays(channels_, patch_h_, patch_w_,
                                                 kernel_, num_, phase_ == TEST);
}

void OneDNNRegionLayer::KeepFilters() {
  if (phase_ != TEST) return;
  vector<shared_ptr<Blob<float> > > weights(blobs_.begin(),
                                            blobs_.begin() + mean_id_);
  if (seen_.IsSame(weights) && !filters_.empty()) return;
  filters_.resize(patches_);
  ParallelFor(patches_, [&](int patch) {
    workspaces_[omp_get_thread_num()]->winograd->Transform(
        Weight(patch), Bias(patch), &filters_[patch]);
  });
}

void OneDNNRegionLayer::AllocateWorkspaces() {
  const size_t threads = omp_get_max_threads();
  const float eps = layer_param_.region_param().eps();
  while (workspaces_.size() < threads) {
    workspaces_.push_back(shared_ptr<Workspace>(new Workspace(
        num_, channels_, patch_h_, patch_w_, kernel_, eps, use_winograd_)));
  }
}

// Blobs allocate and synchronise on first use, which threads must not race.
void OneDNNRegionLayer::PrepareBlobs() {
  for (const shared_ptr<Blob<float> >& blob : blobs_) blob->cpu_data();
  mean_.mutable_cpu_data();
  variance_.mutable_cpu_data();
}

memory::desc OneDNNRegionLayer::OutputLayout(
    const onednn::Tensor& output) const {
  if (!output.memory->may_be_private()) return onednn::Plain(output.dims);
  return onednn::Layout(output.dims, workspaces_[0]->convolution.layout());
}

void OneDNNRegionLayer::Forward_cpu(const vector<Blob<float>*>& bottom,
                                    const vector<Blob<float>*>& top) {
  if (!use_onednn_) return RegionLayer<float>::Forward_cpu(bottom, top);
  AllocateWorkspaces();
  PrepareBlobs();
  if (use_global_stats_) LoadGlobalStatistics();
  if (use_winograd_) {
    ForwardWinograd(*bottom[0], top[0]);
  } else {
    ForwardOneDNN(*bottom[0], top[0]);
  }
  if (!use_global_stats_) UpdateMovingAverages();
}

void OneDNNRegionLayer::ForwardOneDNN(const Blob<float>& bottom,
                                      Blob<float>* top) {
  const memory from = onednn::Read(Data(bottom));
  if (&bottom == top) CopyBottom(from);
  const onednn::Output to(Data(*top), OutputLayout(Data(*top)), NULL);
  const memory::desc patch_layout = workspaces_[0]->x.get_desc();
  const Patches x(from, patch_layout), y(to.get(), patch_layout);
  ParallelFor(patches_, [&](int patch) {
    ForwardPatch(x, patch, workspaces_[omp_get_thread_num()].get(), y);
  });
  to.Store();
}

void OneDNNRegionLayer::CopyBottom(const memory& bottom) {
  onednn::Allocate(bottom.get_desc(), &bottom_copy_);
  onednn::Reorder(bottom, bottom_copy_);
}

void OneDNNRegionLayer::ForwardWinograd(const Blob<float>& bottom,
                                        Blob<float>* top) {
  const memory::desc layout = onednn::Layout(
      onednn::Dims(bottom.shape()), workspaces_[0]->convolution.layout());
  const memory x = onednn::ReadAs(Data(bottom), layout, &blocked_bottom_);
  if (&bottom == top) CopyBottom(x);
  const onednn::Output y(Data(*top), layout, &blocked_top_);
  KeepFilters();
  ParallelFor(patches_, [&](int patch) {
    ForwardWinogradPatch(Values(x), patch,
                         workspaces_[omp_get_thread_num()].get(),
                         Values(y.get()));
  });
  y.Store();
}

void OneDNNRegionLayer::Gather(const Patches& patches, int patch,
                               const memory& copy) const {
  patches.Gather(patch / grid_w_ * patch_h_, patch % grid_w_ * patch_w_, copy);
}

void OneDNNRegionLayer::Scatter(const memory& copy, int patch,
                                const Patches& patches) const {
  patches.Scatter(copy, patch / grid_w_ * patch_h_, patch % grid_w_ * patch_w_);
}

const float* OneDNNRegionLayer::Weight(int patch) const {
  return blobs_[0]->cpu_data() + blobs_[0]->offset(patch * channels_);
}

const float* OneDNNRegionLayer::Bias(int patch) const {
  return bias_term_ ? blobs_[1]->cpu_data() + patch * channels_ : NULL;
}

void OneDNNRegionLayer::SetStatistics(int patch, Workspace* work) const {
  work->normalization.SetStatistics(
      mean_.cpu_data() + mean_.offset(patch),
      variance_.cpu_data() + variance_.offset(patch));
}

void OneDNNRegionLayer::ForwardPatch(const Patches& from, int patch,
                                     Workspace* work, const Patches& to) {
  float *x = Values(work->x), *a = Values(work->a);
  Gather(from, patch, work->x);
  if (!use_global_stats_) {
    work->normalization.Statistics(
        x, mean_.mutable_cpu_data() + mean_.offset(patch),
        variance_.mutable_cpu_data() + variance_.offset(patch));
  }
  SetStatistics(patch, work);
  work->convolution.SetForward(Weight(patch), Bias(patch));
  for (int n = 0; n < num_; ++n, x += work->image) {
    work->normalization.Forward(x, a);   // steps 1 and 2
    work->convolution.AddForward(a, x);  // step 3, and the identity
  }
  Scatter(work->x, patch, to);
}

void OneDNNRegionLayer::ForwardWinogradPatch(const float* from, int patch,
                                             Workspace* work, float* to) {
  const WinogradConvolution::Layout images = WinogradConvolution::Dense(
      channels_, height_, width_, work->convolution.block());
  const BlockedNormalization::Strides strides = {images.image, images.block,
                                                 images.row};
  const bool past_cache =
      WinogradConvolution::OutgrowCaches(num_ * images.image);
  int offset = patch / grid_w_ * patch_h_ * images.row +
               patch % grid_w_ * patch_w_ * work->convolution.block();
  if (!use_global_stats_) {
    work->normalization.Statistics(
        from + offset, strides, mean_.mutable_cpu_data() + mean_.offset(patch),
        variance_.mutable_cpu_data() + variance_.offset(patch));
  }
  SetStatistics(patch, work);
  if (filters_.empty()) {
    work->winograd->SetForward(Weight(patch), Bias(patch));
  } else {
    work->winograd->SetForward(filters_[patch]);
  }
  float* a = Values(work->a);
  for (int n = 0; n < num_; ++n, offset += images.image) {
    work->normalization.Forward(from + offset, strides, a);
    work->winograd->Forward(a, from + offset, to + offset, images, past_cache);
  }
}

void OneDNNRegionLayer::Backward_cpu(const vector<Blob<float>*>& top,
                                     const vector<bool>& propagate_down,
                                     const vector<Blob<float>*>& bottom) {
  if (!use_onednn_) {
    RegionLayer<float>::Backward_cpu(top, propagate_down, bottom);
    return;
  }
  AllocateWorkspaces();
  PrepareBlobs();
  for (int i = 0; i < mean_id_; ++i) blobs_[i]->mutable_cpu_diff();
  const memory::desc patch_layout = workspaces_[0]->x.get_desc();
  const memory::dims dims = onednn::Dims(bottom[0]->shape());
  if (bottom[0] == top[0] &&
      (!bottom_copy_ || onednn::DimsOf(bottom_copy_.get_desc()) != dims)) {
    onednn::AllocateZeros(onednn::Plain(dims),
                          &bottom_copy_);  // reshaped since
  }
  const Patches x(
      bottom[0] == top[0] ? bottom_copy_ : onednn::Read(Data(*bottom[0])),
      patch_layout);
  const Patches g(onednn::Read(Diff(*top[0])), patch_layout);
  shared_ptr<onednn::Output> output;
  shared_ptr<Patches> dx;
  if (propagate_down[0]) {
    const onednn::Tensor diff = Diff(*bottom[0]);
    output.reset(new onednn::Output(diff, OutputLayout(diff), NULL));
    dx.reset(new Patches(output->get(), patch_layout));
  }
  ParallelFor(patches_, [&](int patch) {
    Workspace* work = workspaces_[omp_get_thread_num()].get();
    if (use_winograd_) {
      BackwardPatch(x, g, patch, work->winograd.get(), work, dx.get());
    } else {
      BackwardPatch(x, g, patch, &work->convolution, work, dx.get());
    }
  });
  if (output) output->Store();
}

// The patch's values become the normalised ones in place.
template <class Convolution>
void OneDNNRegionLayer::BackwardPatch(const Patches& x, const Patches& g,
                                      int patch, Convolution* convolution,
                                      Workspace* work, const Patches* dx) {
  Gather(x, patch, work->x);
  Gather(g, patch, work->g);
  SetStatistics(patch, work);
  convolution->SetBackward(Weight(patch));
  const bool parameters =
      param_propagate_down_[0] || (bias_term_ && param_propagate_down_[1]);
  float* a = Values(work->a);
  for (int n = 0; n < num_ * work->image; n += work->image) {
    float* z = Values(work->x) + n;
    work->normalization.ForwardInPlace(z, a);
    if (parameters) convolution->BackwardWeight(Values(work->g) + n, a);
    if (!dx) continue;
    float* dz = Values(work->dz) + n;
    convolution->BackwardData(Values(work->g) + n, dz);
    work->normalization.BackwardRectify(z, dz);
  }
  if (parameters) AddParameterDiffs(patch, *convolution);
  if (!dx) return;
  work->normalization.Backward(Values(work->g), Values(work->x),
                               !use_global_stats_, Values(work->dz));
  Scatter(work->dz, patch, *dx);
}

template <class Convolution>
void OneDNNRegionLayer::AddParameterDiffs(int patch,
                                          const Convolution& convolution) {
  float *weight = NULL, *bias = NULL;
  if (param_propagate_down_[0]) {
    weight =
        blobs_[0]->mutable_cpu_diff() + blobs_[0]->offset(patch * channels_);
  }
  if (bias_term_ && param_propagate_down_[1]) {
    bias = blobs_[1]->mutable_cpu_diff() + patch * channels_;
  }
  convolution.AddWeightDiff(weight, bias);
}

}  // namespace caffe
#endif  // USE_ONEDNN
