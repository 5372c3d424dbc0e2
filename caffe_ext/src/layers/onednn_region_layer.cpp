#ifdef USE_ONEDNN
#include "caffe/layers/onednn_region_layer.hpp"

#include <omp.h>

#include <algorithm>
#include <exception>
#include <vector>

#include "caffe/util/blocked_normalization.hpp"
#include "caffe/util/onednn_patch_convolution.hpp"

namespace caffe {

using dnnl::memory;
using onednn::Data;
using onednn::Diff;
using onednn::Values;

static const memory::format_tag kBlocked = memory::format_tag::nChw16c;

// What one thread needs for one patch, kept between passes. Not for a shape for
// which the convolution is not fast.
class OneDNNRegionLayer::Workspace {
 public:
  Workspace(int num, int channels, int height, int width, int kernel, float eps)
      : convolution(channels, height, width, kernel),
        normalization(num, channels, convolution.block(), height, width, eps),
        image(onednn::Count(convolution.image())),
        x(onednn::Layout({num, channels, height, width}, convolution.layout()),
          onednn::Engine()),
        g(x.get_desc(), onednn::Engine()),
        dz(x.get_desc(), onednn::Engine()),
        a(convolution.image(), onednn::Engine()) {}

  onednn::PatchConvolution convolution;
  BlockedNormalization normalization;
  int image;        // values of one image of the patch
  memory x, g, dz;  // (N, C, h, w)
  memory a;         // (1, C, h, w)
};

// Likewise for scoring; images are read and written where they are.
class OneDNNRegionLayer::Winograd {
 public:
  Winograd(const WinogradConvolution::Shape& patch, float eps)
      : convolution(patch),
        normalization(1, patch.channels, convolution.block(), patch.height,
                      patch.width, eps),
        a(onednn::Layout({1, patch.channels, patch.height, patch.width},
                         kBlocked),
          onednn::Engine()) {}

  WinogradConvolution convolution;
  BlockedNormalization normalization;
  memory a;  // (1, C, h, w)
};

// What is thrown must not leave a parallel region.
template <class Work>
static void ForEachPatch(int patches, const Work& work) {
  std::exception_ptr thrown;
#pragma omp parallel for schedule(static)
  for (int patch = 0; patch < patches; ++patch) {
    try {
      work(patch);
    } catch (...) {
#pragma omp critical
      thrown = std::current_exception();
    }
  }
  if (thrown) std::rethrow_exception(thrown);
}

OneDNNRegionLayer::OneDNNRegionLayer(const LayerParameter& param)
    : RegionLayer<float>(param), use_onednn_(false), use_winograd_(false) {}

OneDNNRegionLayer::~OneDNNRegionLayer() {}

void OneDNNRegionLayer::Reshape(const vector<Blob<float>*>& bottom,
                                const vector<Blob<float>*>& top) {
  RegionLayer<float>::Reshape(bottom, top);
  if (bottom[0]->shape() == shape_) return;
  shape_ = bottom[0]->shape();
  workspaces_.clear();
  winograds_.clear();
  use_onednn_ =
      bottom[0]->count() > 0 &&
      onednn::PatchConvolution(channels_, patch_h_, patch_w_, kernel_).IsFast();
  use_winograd_ = use_onednn_ && phase_ == TEST && use_global_stats_ &&
                  channels_ % 16 == 0 && onednn::HasAvx512() &&
                  WinogradConvolution::Pays(Patch(), num_);
}

WinogradConvolution::Shape OneDNNRegionLayer::Patch() const {
  return {channels_, patch_h_, patch_w_, channels_,
          kernel_,   kernel_,  pad_,     pad_};
}

void OneDNNRegionLayer::AllocateWorkspaces() {
  const size_t threads = omp_get_max_threads();
  const float eps = layer_param_.region_param().eps();
  while (workspaces_.size() < threads) {
    workspaces_.push_back(shared_ptr<Workspace>(
        new Workspace(num_, channels_, patch_h_, patch_w_, kernel_, eps)));
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
  if (use_winograd_) return ForwardWinograd(*bottom[0], top[0]);
  if (!use_onednn_) return RegionLayer<float>::Forward_cpu(bottom, top);
  AllocateWorkspaces();
  PrepareBlobs();
  if (use_global_stats_) LoadGlobalStatistics();
  const memory from = onednn::Read(Data(*bottom[0]));
  if (bottom[0] == top[0]) CopyBottom(from);
  const onednn::Output to(Data(*top[0]), OutputLayout(Data(*top[0])), NULL);
  const memory::desc patch_layout = workspaces_[0]->x.get_desc();
  const Patches x(from, patch_layout), y(to.get(), patch_layout);
  ForEachPatch(patches_, [&](int patch) {
    ForwardPatch(x, patch, workspaces_[omp_get_thread_num()].get(), y);
  });
  to.Store();
  if (!use_global_stats_) UpdateMovingAverages();
}

void OneDNNRegionLayer::CopyBottom(const memory& bottom) {
  onednn::Allocate(bottom.get_desc(), &bottom_copy_);
  onednn::Reorder(bottom, bottom_copy_);
}

void OneDNNRegionLayer::ForwardWinograd(const Blob<float>& bottom,
                                        Blob<float>* top) {
  const size_t threads = omp_get_max_threads();
  while (winograds_.size() < threads) {
    winograds_.push_back(shared_ptr<Winograd>(
        new Winograd(Patch(), layer_param_.region_param().eps())));
  }
  PrepareBlobs();
  LoadGlobalStatistics();
  const memory::desc blocked =
      onednn::Layout(onednn::Dims(bottom.shape()), kBlocked);
  const memory from = onednn::ReadAs(Data(bottom), blocked, &blocked_bottom_);
  if (&bottom == top) CopyBottom(from);
  const onednn::Output to(Data(*top), blocked, &blocked_top_);
  const float* x = Values(from);
  float* y = Values(to.get());
  ForEachPatch(patches_, [&](int patch) {
    ForwardWinogradPatch(x, patch, winograds_[omp_get_thread_num()].get(), y);
  });
  to.Store();
}

void OneDNNRegionLayer::ForwardWinogradPatch(const float* x, int patch,
                                             Winograd* work, float* y) {
  typedef WinogradConvolution::Layout Layout;
  work->normalization.SetStatistics(
      mean_.cpu_data() + mean_.offset(patch),
      variance_.cpu_data() + variance_.offset(patch));
  work->convolution.SetFilters(
      blobs_[0]->cpu_data() + blobs_[0]->offset(patch * channels_),
      bias_term_ ? blobs_[1]->cpu_data() + patch * channels_ : NULL);
  const int block = work->convolution.block();
  const Layout images =
      WinogradConvolution::Dense(channels_, height_, width_, block);
  const Layout part =
      WinogradConvolution::Dense(channels_, patch_h_, patch_w_, block);
  const int first = patch / grid_w_ * patch_h_ * images.row +
                    patch % grid_w_ * patch_w_ * block;
  const bool past_cache =
      WinogradConvolution::OutgrowCaches(num_ * images.image);
  for (int n = 0; n < num_; ++n) {
    const int image = first + n * images.image;
    float* a = Values(work->a);
    work->normalization.Forward(x + image, images.block, images.row, a);
    work->convolution.Forward(a, part, 1, x + image, y + image, images,
                              past_cache);
  }
}

void OneDNNRegionLayer::Gather(const Patches& patches, int patch,
                               const memory& copy) const {
  patches.Gather(patch / grid_w_ * patch_h_, patch % grid_w_ * patch_w_, copy);
}

void OneDNNRegionLayer::Scatter(const memory& copy, int patch,
                                const Patches& patches) const {
  patches.Scatter(copy, patch / grid_w_ * patch_h_, patch % grid_w_ * patch_w_);
}

void OneDNNRegionLayer::SetParameters(int patch, Workspace* work) {
  work->normalization.SetStatistics(
      mean_.cpu_data() + mean_.offset(patch),
      variance_.cpu_data() + variance_.offset(patch));
  work->convolution.SetWeight(
      blobs_[0]->cpu_data() + blobs_[0]->offset(patch * channels_),
      bias_term_ ? blobs_[1]->cpu_data() + patch * channels_ : NULL);
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
  SetParameters(patch, work);
  for (int n = 0; n < num_; ++n, x += work->image) {
    work->normalization.Forward(x, a);   // steps 1 and 2
    work->convolution.AddForward(a, x);  // step 3, and the identity
  }
  Scatter(work->x, patch, to);
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
      (!bottom_copy_ || bottom_copy_.get_desc().dims() != dims)) {
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
  ForEachPatch(patches_, [&](int patch) {
    BackwardPatch(x, g, patch, workspaces_[omp_get_thread_num()].get(),
                  dx.get());
  });
  if (output) output->Store();
}

// The patch's values become the normalised ones in place.
void OneDNNRegionLayer::BackwardPatch(const Patches& x, const Patches& g,
                                      int patch, Workspace* work,
                                      const Patches* dx) {
  Gather(x, patch, work->x);
  Gather(g, patch, work->g);
  SetParameters(patch, work);
  const bool parameters =
      param_propagate_down_[0] || (bias_term_ && param_propagate_down_[1]);
  float* a = Values(work->a);
  for (int n = 0; n < num_ * work->image; n += work->image) {
    float* z = Values(work->x) + n;
    work->normalization.ForwardInPlace(z, a);
    if (parameters) work->convolution.BackwardWeight(Values(work->g) + n, a);
    if (!dx) continue;
    float* dz = Values(work->dz) + n;
    work->convolution.BackwardData(Values(work->g) + n, dz);
    work->normalization.BackwardRectify(z, dz);
  }
  if (parameters) AddParameterDiffs(patch, work);
  if (!dx) return;
  work->normalization.Backward(Values(work->g), Values(work->x),
                               !use_global_stats_, Values(work->dz));
  Scatter(work->dz, patch, *dx);
}

void OneDNNRegionLayer::AddParameterDiffs(int patch, Workspace* work) {
  float *weight = NULL, *bias = NULL;
  if (param_propagate_down_[0]) {
    weight =
        blobs_[0]->mutable_cpu_diff() + blobs_[0]->offset(patch * channels_);
  }
  if (bias_term_ && param_propagate_down_[1]) {
    bias = blobs_[1]->mutable_cpu_diff() + patch * channels_;
  }
  work->convolution.AddWeightDiff(weight, bias);
}

}  // namespace caffe
#endif  // USE_ONEDNN
