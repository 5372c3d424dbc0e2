#include <algorithm>
#include <vector>

#include "caffe/layers/region_layer.hpp"
#include "caffe/util/math_functions.hpp"
#include "caffe/util/region_gpu.hpp"

namespace caffe {

template <typename Dtype>
RegionShape RegionLayer<Dtype>::ShapeForGPU() const {
  LOG_IF(FATAL, kernel_ > kRegionLargestKernel)
      << "Region layer '" << this->layer_param_.name() << "': kernel_size is "
      << kernel_ << ", and a GPU's kernels are for " << kRegionLargestKernel
      << " at most; use solver_mode: CPU.";
  RegionShape s;
  s.num = num_;
  s.channels = channels_;
  s.height = height_;
  s.width = width_;
  s.grid_h = grid_h_;
  s.grid_w = grid_w_;
  s.patch_h = patch_h_;
  s.patch_w = patch_w_;
  s.kernel = kernel_;
  return s;
}

template <typename Dtype>
Dtype* RegionLayer<Dtype>::Scratch(int count) {
  if (scratch_.count() < count) scratch_.Reshape(vector<int>(1, count));
  return scratch_.mutable_gpu_data();
}

template <typename Dtype>
void RegionLayer<Dtype>::Forward_gpu(const vector<Blob<Dtype>*>& bottom,
                                     const vector<Blob<Dtype>*>& top) {
  const RegionShape s = ShapeForGPU();
  const Dtype* x = bottom[0]->gpu_data();
  if (bottom[0] == top[0]) {
    caffe_copy(bottom[0]->count(), x, bottom_copy_.mutable_gpu_data());
    x = bottom_copy_.gpu_data();
  }
  Dtype* mean = mean_.mutable_gpu_data();
  Dtype* variance = variance_.mutable_gpu_data();
  Blob<Dtype>* mean_sum = this->blobs_[mean_id_].get();
  Blob<Dtype>* variance_sum = this->blobs_[mean_id_ + 1].get();
  Blob<Dtype>* weight_sum = this->blobs_[mean_id_ + 2].get();
  if (use_global_stats_) {
    region_global_statistics_gpu(s, mean_sum->gpu_data(),
                                 variance_sum->gpu_data(),
                                 weight_sum->gpu_data(), mean, variance);
  } else {
    region_statistics_gpu(
        s, x, moving_average_fraction_, Scratch(RegionStatisticsScratch(s)),
        mean, variance, mean_sum->mutable_gpu_data(),
        variance_sum->mutable_gpu_data(), weight_sum->mutable_gpu_data());
  }
  region_forward_gpu(s, x, mean, variance, eps_, this->blobs_[0]->gpu_data(),
                     bias_term_ ? this->blobs_[1]->gpu_data() : NULL,
                     top[0]->mutable_gpu_data());
}

template <typename Dtype>
void RegionLayer<Dtype>::BackwardParameters_gpu(const RegionShape& s,
                                                const Dtype* g,
                                                const Dtype* x) {
  const bool filters = this->param_propagate_down_[0];
  const bool bias = bias_term_ && this->param_propagate_down_[1];
  if (!filters && !bias) return;
  region_backward_parameters_gpu(
      s, g, x, mean_.gpu_data(), variance_.gpu_data(), eps_,
      Scratch(RegionParametersScratch(s)),
      filters ? this->blobs_[0]->mutable_gpu_diff() : NULL,
      bias ? this->blobs_[1]->mutable_gpu_diff() : NULL);
}

template <typename Dtype>
void RegionLayer<Dtype>::Backward_gpu(const vector<Blob<Dtype>*>& top,
                                      const vector<bool>& propagate_down,
                                      const vector<Blob<Dtype>*>& bottom) {
  const RegionShape s = ShapeForGPU();
  const bool in_place = bottom[0] == top[0];
  const Dtype* x = in_place ? bottom_copy_.gpu_data() : bottom[0]->gpu_data();
  const Dtype* g = top[0]->gpu_diff();
  const Dtype* mean = mean_.gpu_data();
  const Dtype* variance = variance_.gpu_data();
  BackwardParameters_gpu(s, g, x);
  if (!propagate_down[0]) return;

  if (in_place) dz_.ReshapeLike(*bottom[0]);
  Dtype* dx = bottom[0]->mutable_gpu_diff();
  Dtype* dz = in_place ? dz_.mutable_gpu_data() : dx;
  region_backward_z_gpu(s, g, x, mean, variance, eps_,
                        this->blobs_[0]->gpu_data(), dz);
  const Dtype* mean_dz = NULL;
  const Dtype* mean_dz_z = NULL;
  if (!use_global_stats_) {
    mean_dz_.ReshapeLike(mean_);
    region_gradient_means_gpu(
        s, dz, x, mean, variance, eps_, Scratch(RegionStatisticsScratch(s)),
        mean_dz_.mutable_gpu_data(), mean_dz_.mutable_gpu_diff());
    mean_dz = mean_dz_.gpu_data();
    mean_dz_z = mean_dz_.gpu_diff();
  }
  region_backward_x_gpu(s, g, dz, x, mean, variance, eps_, mean_dz, mean_dz_z,
                        dx);
}

INSTANTIATE_LAYER_GPU_FUNCS(RegionLayer);

}  // namespace caffe
