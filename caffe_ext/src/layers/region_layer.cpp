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
#include "caffe/util/rectified_convolution.hpp"

namespace caffe {

// What one thread needs for one patch. It is kept, since the system clears the
// pages of what is allocated anew.
template <typename Dtype>
class RegionLayer<Dtype>::Workspace {
 public:
  Workspace(int num, int channels, int height, int width, int kernel)
      : convolution(channels, height, width, kernel),
        z(num * channels * height * width),
        g(z.size()),
        result(z.size()) {}
  RectifiedConvolution<Dtype> convolution;
  vector<Dtype> z;       // (N, C, h, w) normalised
  vector<Dtype> g;       // (N, C, h, w) the output's gradient
  vector<Dtype> result;  // (N, C, h, w) of the convolution, or dz
};

template <typename Dtype>
RegionLayer<Dtype>::RegionLayer(const LayerParameter& param)
    : Layer<Dtype>(param), num_(0), height_(0), width_(0) {}

template <typename Dtype>
RegionLayer<Dtype>::~RegionLayer() {}

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
  LOG_IF(FATAL, param.eps() <= 0)
      << "Region layer '" << name << "': region_param { eps } must be above 0.";
  channels_ = bottom[0]->channels();
  mean_id_ = bias_term_ ? 2 : 1;
  if (this->blobs_.empty()) {
    CreateBlobs();
  } else {
    CheckBlobs();
  }
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
void RegionLayer<Dtype>::CheckBlobs() const {
  const string name = "Region layer '" + this->layer_param_.name() + "'";
  const int count = this->blobs_.size();
  LOG_IF(FATAL, count != mean_id_ + 3)
      << name << " comes with " << count << " blobs and has " << mean_id_ + 3
      << "; compare bias_term with the net that it was trained in.";
  for (int i = 0; i < count; ++i) {
    const string why = WhyOtherShape(i, this->blobs_[i]->shape());
    LOG_IF(FATAL, !why.empty()) << why;
    LOG_IF(FATAL, this->blobs_[i]->shape() != BlobShape(i))
        << name << ": blob " << i << " is " << this->blobs_[i]->shape_string()
        << " and should be " << Blob<Dtype>(BlobShape(i)).shape_string()
        << "; compare region_param with the net that it was trained in.";
  }
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
  normalization_.num = num_;
  normalization_.channels = channels_;
  normalization_.size = patch_h_ * patch_w_;
  normalization_.eps = this->layer_param_.region_param().eps();
  top[0]->ReshapeLike(*bottom[0]);
  if (bottom[0] == top[0]) bottom_copy_.ReshapeLike(*bottom[0]);
}

template <typename Dtype>
Rectangle RegionLayer<Dtype>::PatchRectangle(int patch) const {
  Rectangle rectangle;
  rectangle.planes = num_ * channels_;
  rectangle.image_height = height_;
  rectangle.image_width = width_;
  rectangle.y = patch / grid_w_ * patch_h_;
  rectangle.x = patch % grid_w_ * patch_w_;
  rectangle.height = patch_h_;
  rectangle.width = patch_w_;
  return rectangle;
}

template <typename Dtype>
void RegionLayer<Dtype>::AddIdentity(const Dtype* x, const Dtype* values,
                                     int patch, Dtype* y) const {
  const Rectangle r = PatchRectangle(patch);
  for (int plane = 0; plane < r.planes; ++plane) {
    for (int row = r.y; row < r.y + r.height; ++row, values += r.width) {
      const int offset = (plane * r.image_height + row) * r.image_width + r.x;
      for (int i = 0; i < r.width; ++i)
        y[offset + i] = x[offset + i] + values[i];
    }
  }
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
void RegionLayer<Dtype>::ForwardPatch(const Dtype* bottom, int patch,
                                      Workspace* work, Dtype* top) {
  Dtype* z = work->z.data();
  Dtype* mean = mean_.mutable_cpu_data() + mean_.offset(patch);
  Dtype* variance = variance_.mutable_cpu_data() + variance_.offset(patch);
  gather_rectangle_cpu(PatchRectangle(patch), bottom, z);
  if (!use_global_stats_) normalization_.Statistics(z, mean, variance);
  normalization_.Forward(z, mean, variance, z);  // step 1
  work->convolution.SetWeight(this->blobs_[0]->cpu_data() +
                              this->blobs_[0]->offset(patch * channels_));
  const int image = channels_ * patch_h_ * patch_w_;
  for (int n = 0; n < num_ * image; n += image) {
    Dtype* y = work->result.data() + n;
    work->convolution.Forward(z + n, y);  // steps 2 and 3
    if (bias_term_) AddBias(patch, y);
  }
  AddIdentity(bottom, work->result.data(), patch, top);
}

template <typename Dtype>
void RegionLayer<Dtype>::AddBias(int patch, Dtype* y) const {
  const Dtype* bias = this->blobs_[1]->cpu_data() + patch * channels_;
  const int size = patch_h_ * patch_w_;
  for (int c = 0; c < channels_; ++c) {
    for (int i = c * size; i < (c + 1) * size; ++i) y[i] += bias[c];
  }
}

template <typename Dtype>
void RegionLayer<Dtype>::AllocateWorkspaces() {
  const size_t threads = omp_get_max_threads();
  while (workspaces_.size() < threads) {
    workspaces_.push_back(shared_ptr<Workspace>(
        new Workspace(num_, channels_, patch_h_, patch_w_, kernel_)));
  }
}

template <typename Dtype>
void RegionLayer<Dtype>::Forward_cpu(const vector<Blob<Dtype>*>& bottom,
                                     const vector<Blob<Dtype>*>& top) {
  const Dtype* bottom_data = bottom[0]->cpu_data();
  if (bottom[0] == top[0]) {
    caffe_copy(bottom[0]->count(), bottom_data,
               bottom_copy_.mutable_cpu_data());
  }
  // Blobs allocate and synchronise on first use, which threads must not race.
  Dtype* top_data = top[0]->mutable_cpu_data();
  for (int i = 0; i < mean_id_ + 3; ++i) this->blobs_[i]->cpu_data();
  mean_.mutable_cpu_data();
  variance_.mutable_cpu_data();
  if (use_global_stats_) LoadGlobalStatistics();

  AllocateWorkspaces();
  ParallelFor(patches_, [&](int patch) {
    ForwardPatch(bottom_data, patch, workspaces_[omp_get_thread_num()].get(),
                 top_data);
  });
  if (!use_global_stats_) UpdateMovingAverages();
}

template <typename Dtype>
void RegionLayer<Dtype>::BackwardBias(const Dtype* g, int patch) {
  const int size = patch_h_ * patch_w_;
  Dtype* diff = this->blobs_[1]->mutable_cpu_diff() + patch * channels_;
  for (int c = 0; c < channels_; ++c) {
    Dtype sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = c * size; i < (c + 1) * size; ++i) sum += g[i];
    diff[c] += sum;
  }
}

template <typename Dtype>
void RegionLayer<Dtype>::BackwardPatch(const Dtype* bottom,
                                       const Dtype* top_diff, int patch,
                                       Workspace* work, Dtype* bottom_diff) {
  Dtype* z = work->z.data();
  const Dtype* mean = mean_.cpu_data() + mean_.offset(patch);
  const Dtype* variance = variance_.cpu_data() + variance_.offset(patch);
  gather_rectangle_cpu(PatchRectangle(patch), bottom, z);
  normalization_.Forward(z, mean, variance, z);
  gather_rectangle_cpu(PatchRectangle(patch), top_diff, work->g.data());
  BackwardParameters(patch, work);
  if (!bottom_diff) return;
  const int image = channels_ * patch_h_ * patch_w_;
  Dtype* dz = work->result.data();
  for (int n = 0; n < num_ * image; n += image) {
    work->convolution.BackwardData(work->g.data() + n, z + n, dz + n);
  }
  normalization_.Backward(z, variance, !use_global_stats_, dz);
  AddIdentity(top_diff, dz, patch, bottom_diff);
}

// Also leaves the patch's weights in the convolution.
template <typename Dtype>
void RegionLayer<Dtype>::BackwardParameters(int patch, Workspace* work) {
  const int image = channels_ * patch_h_ * patch_w_;
  const int weight = this->blobs_[0]->offset(patch * channels_);
  work->convolution.SetWeight(this->blobs_[0]->cpu_data() + weight);
  for (int n = 0; n < num_ * image; n += image) {
    const Dtype* g = work->g.data() + n;
    if (bias_term_ && this->param_propagate_down_[1]) BackwardBias(g, patch);
    if (this->param_propagate_down_[0]) {
      work->convolution.BackwardWeight(g, work->z.data() + n);
    }
  }
  if (this->param_propagate_down_[0]) {
    work->convolution.AddWeightDiff(this->blobs_[0]->mutable_cpu_diff() +
                                    weight);
  }
}

template <typename Dtype>
void RegionLayer<Dtype>::Backward_cpu(const vector<Blob<Dtype>*>& top,
                                      const vector<bool>& propagate_down,
                                      const vector<Blob<Dtype>*>& bottom) {
  const Dtype* bottom_data =
      bottom[0] == top[0] ? bottom_copy_.cpu_data() : bottom[0]->cpu_data();
  const Dtype* top_diff = top[0]->cpu_diff();
  Dtype* bottom_diff = propagate_down[0] ? bottom[0]->mutable_cpu_diff() : NULL;
  for (int i = 0; i < mean_id_; ++i) {
    this->blobs_[i]->cpu_data();
    this->blobs_[i]->mutable_cpu_diff();
  }
  mean_.cpu_data();
  variance_.cpu_data();

  AllocateWorkspaces();
  ParallelFor(patches_, [&](int patch) {
    BackwardPatch(bottom_data, top_diff, patch,
                  workspaces_[omp_get_thread_num()].get(), bottom_diff);
  });
}

#ifdef CPU_ONLY
STUB_GPU(RegionLayer);
#endif

INSTANTIATE_CLASS(RegionLayer);
REGISTER_LAYER_CLASS(Region);

}  // namespace caffe
