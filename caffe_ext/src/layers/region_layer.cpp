#include "caffe/layers/region_layer.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "caffe/filler.hpp"
#include "caffe/util/blob_name.hpp"
#include "caffe/util/math_functions.hpp"
#include "caffe/util/parallel_for.hpp"

namespace caffe {

template <typename Dtype>
RegionLayer<Dtype>::RegionLayer(const LayerParameter& param)
    : Layer<Dtype>(param), num_(0), height_(0), width_(0), block_(1) {}

template <typename Dtype>
void RegionLayer<Dtype>::LayerSetUp(const vector<Blob<Dtype>*>& bottom,
                                    const vector<Blob<Dtype>*>& top) {
  const RegionParameter& param = this->layer_param_.region_param();
  const string& name = this->layer_param_.name();
  LOG_IF(FATAL, bottom[0]->num_axes() != 4)
      << "Region layer '" << name << "': blob "
      << BlobName(this->layer_param_.bottom(), 0)
      << " must have 4 axes (N x C x H x W), not " << bottom[0]->shape_string()
      << "; give images or feature maps.";
  grid_h_ = param.has_grid_h() ? param.grid_h() : param.grid();
  grid_w_ = param.has_grid_w() ? param.grid_w() : param.grid();
  LOG_IF(FATAL, grid_h_ < 1 || grid_w_ < 1)
      << "Region layer '" << name
      << "': region_param { grid } must be at least 1.";
  CheckGrid(*bottom[0]);  // before there are weights for each patch
  patches_ = grid_h_ * grid_w_;
  kernel_ = param.kernel_size();
  pad_ = param.has_pad() ? param.pad() : (kernel_ - 1) / 2;
  LOG_IF(FATAL, kernel_ < 1 || pad_ != (kernel_ - 1) / 2 || kernel_ % 2 == 0)
      << "Region layer '" << name << "': a kernel_size of " << kernel_
      << " with pad " << pad_
      << " changes a patch's size; use an odd kernel_size and pad = "
      << "(kernel_size - 1) / 2.";
  bias_term_ = param.bias_term();
  use_global_stats_ = param.has_use_global_stats() ? param.use_global_stats()
                                                   : this->phase_ == TEST;
  moving_average_fraction_ = param.moving_average_fraction();
  eps_ = param.eps();
  LOG_IF(FATAL, param.eps() <= 0)
      << "Region layer '" << name << "': region_param { eps } must be above 0.";
  channels_ = bottom[0]->channels();
  mean_id_ = bias_term_ ? 2 : 1;
  if (this->blobs_.empty()) CreateBlobs();
  FixStatistics();
  this->param_propagate_down_.resize(this->blobs_.size(), true);
}

template <typename Dtype>
void RegionLayer<Dtype>::CheckGrid(const Blob<Dtype>& bottom) const {
  LOG_IF(FATAL, bottom.height() % grid_h_ || bottom.width() % grid_w_)
      << "Region layer '" << this->layer_param_.name() << "': blob "
      << BlobName(this->layer_param_.bottom(), 0) << " is " << bottom.height()
      << " x " << bottom.width() << " (H x W), which a grid of " << grid_h_
      << " x " << grid_w_ << " does not divide; change the input's size or "
      << "region_param { grid }.";
}

template <typename Dtype>
vector<int> RegionLayer<Dtype>::BlobShape(int param_id) const {
  if (param_id == mean_id_ + 2) return vector<int>(1, 1);
  vector<int> shape(1, patches_ * channels_);
  if (param_id == 0) shape.insert(shape.end(), {channels_, kernel_, kernel_});
  return shape;
}

template <typename Dtype>
string RegionLayer<Dtype>::WhyOtherShape(int param_id,
                                         const vector<int>& shape) const {
  vector<int> of_this_grid = BlobShape(param_id);
  if (shape.empty() || shape == of_this_grid) return "";
  const int patches = shape[0] / channels_;
  of_this_grid[0] = patches * channels_;
  if (shape != of_this_grid || param_id == mean_id_ + 2) return "";
  const int side = std::lround(std::sqrt(patches));
  std::ostringstream text;
  text << "Region layer '" << this->layer_param_.name()
       << "': the weights are of a grid of " << patches << " patches";
  if (side * side == patches) text << " (" << side << " x " << side << "?)";
  text << ", the layer's is " << grid_h_ << " x " << grid_w_
       << ": give the grid that they were trained with, region_param { grid }, "
       << "or rename the layer to train it anew.";
  return text.str();
}

template <typename Dtype>
void RegionLayer<Dtype>::CreateBlobs() {
  const RegionParameter& param = this->layer_param_.region_param();
  this->blobs_.resize(mean_id_ + 3);
  for (int i = 0; i < mean_id_ + 3; ++i) {
    this->blobs_[i].reset(new Blob<Dtype>(BlobShape(i)));
  }
  shared_ptr<Filler<Dtype> > weight_filler(
      GetFiller<Dtype>(param.weight_filler()));
  weight_filler->Fill(this->blobs_[0].get());
  if (bias_term_) {
    shared_ptr<Filler<Dtype> > bias_filler(
        GetFiller<Dtype>(param.bias_filler()));
    bias_filler->Fill(this->blobs_[1].get());
  }
  for (int i = mean_id_; i < mean_id_ + 3; ++i) {
    caffe_set(this->blobs_[i]->count(), Dtype(0),
              this->blobs_[i]->mutable_cpu_data());
  }
}

// The solver must neither learn the statistics nor let them decay.
template <typename Dtype>
void RegionLayer<Dtype>::FixStatistics() {
  while (this->layer_param_.param_size() < mean_id_) {
    this->layer_param_.add_param();
  }
  for (int i = mean_id_; i < mean_id_ + 3; ++i) {
    if (this->layer_param_.param_size() == i) {
      this->layer_param_.add_param()->set_lr_mult(0);
    }
    LOG_IF(FATAL, this->layer_param_.param(i).lr_mult() != 0)
        << "Region layer '" << this->layer_param_.name() << "': param " << i
        << " is a statistic and cannot be learned; give lr_mult only for the "
        << (bias_term_ ? "weights and the bias." : "weights.");
    this->layer_param_.mutable_param(i)->set_decay_mult(0);
  }
}

template <typename Dtype>
void RegionLayer<Dtype>::Reshape(const vector<Blob<Dtype>*>& bottom,
                                 const vector<Blob<Dtype>*>& top) {
  if (num_ != bottom[0]->num() || height_ != bottom[0]->height() ||
      width_ != bottom[0]->width()) {
    workspaces_.clear();
  }
  num_ = bottom[0]->num();
  height_ = bottom[0]->height();
  width_ = bottom[0]->width();
  LOG_IF(FATAL, bottom[0]->channels() != channels_)
      << "Region layer '" << this->layer_param_.name() << "': blob "
      << BlobName(this->layer_param_.bottom(), 0) << " has "
      << bottom[0]->channels() << " channels, its weights are for " << channels_
      << "; the number of channels cannot change.";
  CheckGrid(*bottom[0]);
  patch_h_ = height_ / grid_h_;
  patch_w_ = width_ / grid_w_;
  const int shape[] = {patches_, channels_};
  mean_.Reshape(vector<int>(shape, shape + 2));
  variance_.Reshape(vector<int>(shape, shape + 2));
  top[0]->ReshapeLike(*bottom[0]);
  if (bottom[0] == top[0]) bottom_copy_.ReshapeLike(*bottom[0]);
}

// A block's channels count as columns.
template <typename Dtype>
Rectangle RegionLayer<Dtype>::PatchRectangle(int patch) const {
  Rectangle rectangle;
  rectangle.planes = num_ * channels_ / block_;
  rectangle.image_height = height_;
  rectangle.image_width = width_ * block_;
  rectangle.y = patch / grid_w_ * patch_h_;
  rectangle.x = patch % grid_w_ * patch_w_ * block_;
  rectangle.height = patch_h_;
  rectangle.width = patch_w_ * block_;
  return rectangle;
}

template <typename Dtype>
const Dtype* RegionLayer<Dtype>::Weight(int patch) const {
  return this->blobs_[0]->cpu_data() +
         this->blobs_[0]->offset(patch * channels_);
}

template <typename Dtype>
const Dtype* RegionLayer<Dtype>::Bias(int patch) const {
  return bias_term_ ? this->blobs_[1]->cpu_data() + patch * channels_ : NULL;
}

template <typename Dtype>
void RegionLayer<Dtype>::SetForward(int patch,
                                    PatchConvolution<Dtype>* convolution) {
  convolution->SetForward(Weight(patch), Bias(patch));
}

template <typename Dtype>
shared_ptr<typename RegionLayer<Dtype>::Workspace>
RegionLayer<Dtype>::NewWorkspace() const {
  shared_ptr<Workspace> work(new Workspace);
  work->normalization.reset(new PlainPatchNormalization<Dtype>(
      num_, channels_, patch_h_, patch_w_, eps_));
  work->convolution.reset(
      new PlainPatchConvolution<Dtype>(channels_, patch_h_, patch_w_, kernel_));
  return work;
}

// They are kept, since the system clears the pages of what is allocated anew.
template <typename Dtype>
void RegionLayer<Dtype>::AllocateWorkspaces() {
  const size_t threads = omp_get_max_threads();
  while (workspaces_.size() < threads) {
    workspaces_.push_back(NewWorkspace());
    workspaces_.back()->x.resize(num_ * PatchImage());
    workspaces_.back()->a.resize(PatchImage());
  }
}

template <typename Dtype>
typename RegionLayer<Dtype>::Workspace* RegionLayer<Dtype>::MyWorkspace()
    const {
  return workspaces_[omp_get_thread_num()].get();
}

template <typename Dtype>
void RegionLayer<Dtype>::LoadGlobalStatistics() {
  const Dtype weight = this->blobs_[mean_id_ + 2]->cpu_data()[0];
  const Dtype scale = weight == 0 ? 0 : 1 / weight;
  caffe_cpu_scale(mean_.count(), scale, this->blobs_[mean_id_]->cpu_data(),
                  mean_.mutable_cpu_data());
  caffe_cpu_scale(variance_.count(), scale,
                  this->blobs_[mean_id_ + 1]->cpu_data(),
                  variance_.mutable_cpu_data());
}

template <typename Dtype>
void RegionLayer<Dtype>::UpdateMovingAverages() {
  const int m = num_ * patch_h_ * patch_w_;
  const Dtype unbiased = m > 1 ? Dtype(m) / (m - 1) : 1;
  Dtype* weight = this->blobs_[mean_id_ + 2]->mutable_cpu_data();
  weight[0] = weight[0] * moving_average_fraction_ + 1;
  caffe_cpu_axpby(mean_.count(), Dtype(1), mean_.cpu_data(),
                  moving_average_fraction_,
                  this->blobs_[mean_id_]->mutable_cpu_data());
  caffe_cpu_axpby(variance_.count(), unbiased, variance_.cpu_data(),
                  moving_average_fraction_,
                  this->blobs_[mean_id_ + 1]->mutable_cpu_data());
}

template <typename Dtype>
void RegionLayer<Dtype>::ForwardPatch(const Dtype* x, int patch,
                                      Workspace* work, Dtype* y) {
  const Rectangle there = PatchRectangle(patch);
  const WinogradConvolution::Layout images =
      WinogradConvolution::Dense(channels_, height_, width_, block_);
  const bool past_cache =
      WinogradConvolution::OutgrowCaches(num_ * images.image);
  Dtype* mean = mean_.mutable_cpu_data() + mean_.offset(patch);
  Dtype* variance = variance_.mutable_cpu_data() + variance_.offset(patch);
  Dtype *z = work->x.data(), *a = work->a.data();
  gather_rectangle_cpu(there, x, z);
  if (!use_global_stats_) work->normalization->Statistics(z, mean, variance);
  work->normalization->SetStatistics(mean, variance);
  SetForward(patch, work->convolution.get());
  int offset = there.y * images.row + there.x;
  for (int n = 0; n < num_; ++n, z += PatchImage(), offset += images.image) {
    work->normalization->Forward(z, a);  // steps 1 and 2
    work->convolution->Forward(a, x + offset, y + offset, images,
                               past_cache);  // step 3, and the identity
  }
}

// Blobs allocate and synchronise on first use, which threads must not race.
template <typename Dtype>
void RegionLayer<Dtype>::ForwardPatches(const Dtype* x, Dtype* y) {
  for (const shared_ptr<Blob<Dtype> >& blob : this->blobs_) blob->cpu_data();
  mean_.mutable_cpu_data();
  variance_.mutable_cpu_data();
  if (use_global_stats_) LoadGlobalStatistics();
  AllocateWorkspaces();
  ParallelFor(patches_,
              [&](int patch) { ForwardPatch(x, patch, MyWorkspace(), y); });
  if (!use_global_stats_) UpdateMovingAverages();
}

template <typename Dtype>
void RegionLayer<Dtype>::Forward_cpu(const vector<Blob<Dtype>*>& bottom,
                                     const vector<Blob<Dtype>*>& top) {
  const Dtype* x = bottom[0]->cpu_data();
  if (bottom[0] == top[0]) {
    caffe_copy(bottom[0]->count(), x, bottom_copy_.mutable_cpu_data());
  }
  ForwardPatches(x, top[0]->mutable_cpu_data());
}

template <typename Dtype>
void RegionLayer<Dtype>::BackwardPatch(const Dtype* x, const Dtype* g,
                                       int patch, Workspace* work, Dtype* dx) {
  PatchNormalization<Dtype>* normalization = work->normalization.get();
  PatchConvolution<Dtype>* convolution = work->convolution.get();
  gather_rectangle_cpu(PatchRectangle(patch), x, work->x.data());
  gather_rectangle_cpu(PatchRectangle(patch), g, work->g.data());
  normalization->SetStatistics(mean_.cpu_data() + mean_.offset(patch),
                               variance_.cpu_data() + variance_.offset(patch));
  convolution->SetBackward(Weight(patch));
  Dtype *weight_diff = NULL, *bias_diff = NULL;
  if (this->param_propagate_down_[0]) {
    weight_diff = this->blobs_[0]->mutable_cpu_diff() +
                  this->blobs_[0]->offset(patch * channels_);
  }
  if (bias_term_ && this->param_propagate_down_[1]) {
    bias_diff = this->blobs_[1]->mutable_cpu_diff() + patch * channels_;
  }
  for (int n = 0; n < num_ * PatchImage(); n += PatchImage()) {
    Dtype* z = work->x.data() + n;
    normalization->Forward(z, work->a.data());
    if (weight_diff || bias_diff) {
      convolution->BackwardWeight(work->g.data() + n, work->a.data());
    }
    if (!dx) continue;
    convolution->BackwardData(work->g.data() + n, work->dz.data() + n);
    normalization->BackwardRectify(z, work->dz.data() + n);
  }
  convolution->AddWeightDiff(weight_diff, bias_diff);
  if (!dx) return;
  normalization->Backward(work->g.data(), work->x.data(), !use_global_stats_,
                          work->dz.data());
  put_rectangle_cpu(PatchRectangle(patch), work->dz.data(), dx);
}

template <typename Dtype>
void RegionLayer<Dtype>::BackwardPatches(const Dtype* x, const Dtype* g,
                                         Dtype* dx) {
  for (int i = 0; i < mean_id_; ++i) {
    this->blobs_[i]->cpu_data();
    this->blobs_[i]->mutable_cpu_diff();
  }
  mean_.cpu_data();
  variance_.cpu_data();
  AllocateWorkspaces();
  for (const shared_ptr<Workspace>& work : workspaces_) {
    work->g.resize(work->x.size());
    if (dx) work->dz.resize(work->x.size());
  }
  ParallelFor(patches_, [&](int patch) {
    BackwardPatch(x, g, patch, MyWorkspace(), dx);
  });
}

template <typename Dtype>
void RegionLayer<Dtype>::Backward_cpu(const vector<Blob<Dtype>*>& top,
                                      const vector<bool>& propagate_down,
                                      const vector<Blob<Dtype>*>& bottom) {
  const Blob<Dtype>& x = bottom[0] == top[0] ? bottom_copy_ : *bottom[0];
  BackwardPatches(x.cpu_data(), top[0]->cpu_diff(),
                  propagate_down[0] ? bottom[0]->mutable_cpu_diff() : NULL);
}

#ifdef CPU_ONLY
STUB_GPU(RegionLayer);
#endif

INSTANTIATE_CLASS(RegionLayer);
REGISTER_LAYER_CLASS(Region);

}  // namespace caffe
