#ifndef CAFFE_UTIL_REGION_GPU_HPP_
#define CAFFE_UTIL_REGION_GPU_HPP_
#ifndef CPU_ONLY

namespace caffe {

/**
 * @file What RegionLayer does on a GPU. All pointers are of the device.
 *
 * x, y, g, dz and dx are (N, C, H, W); mean, variance (biased), mean_dz and
 * mean_dz_z are (P, C) for P patches; filters are (P C, C, k, k), bias (P C).
 * Sums are taken in one order, without atomics: equal inputs give equal bits.
 */
struct RegionShape {
  int num, channels, height, width;
  int grid_h, grid_w, patch_h, patch_w;
  int kernel;  // odd, at most kRegionLargestKernel
};

const int kRegionLargestKernel = 5;

/// How many values of scratch the functions below want.
int RegionStatisticsScratch(const RegionShape& shape);
int RegionParametersScratch(const RegionShape& shape);

/// Statistics of a batch in one pass over x. The moving sums, (P, C), and their
/// weight, (1), are multiplied by `fraction`, and the batch's are added.
template <typename Dtype>
void region_statistics_gpu(const RegionShape& shape, const Dtype* x,
                           Dtype fraction, Dtype* scratch, Dtype* mean,
                           Dtype* variance, Dtype* mean_sum,
                           Dtype* variance_sum, Dtype* weight_sum);

/// Statistics from the moving sums.
template <typename Dtype>
void region_global_statistics_gpu(const RegionShape& shape,
                                  const Dtype* mean_sum,
                                  const Dtype* variance_sum,
                                  const Dtype* weight_sum, Dtype* mean,
                                  Dtype* variance);

/// y = x + filters * max(0, z) + bias; bias may be NULL. y must not be x.
template <typename Dtype>
void region_forward_gpu(const RegionShape& shape, const Dtype* x,
                        const Dtype* mean, const Dtype* variance, Dtype eps,
                        const Dtype* filters, const Dtype* bias, Dtype* y);

/// dz = [z > 0] (filters transposed * g). dz must not be g.
template <typename Dtype>
void region_backward_z_gpu(const RegionShape& shape, const Dtype* g,
                           const Dtype* x, const Dtype* mean,
                           const Dtype* variance, Dtype eps,
                           const Dtype* filters, Dtype* dz);

/// The means of dz and of dz z over the statistics' domain.
template <typename Dtype>
void region_gradient_means_gpu(const RegionShape& shape, const Dtype* dz,
                               const Dtype* x, const Dtype* mean,
                               const Dtype* variance, Dtype eps, Dtype* scratch,
                               Dtype* mean_dz, Dtype* mean_dz_z);

/// dx = g + (dz - mean_dz - z mean_dz_z) / sqrt(variance + eps); without the
/// means where they are NULL. dx may be g or dz.
template <typename Dtype>
void region_backward_x_gpu(const RegionShape& shape, const Dtype* g,
                           const Dtype* dz, const Dtype* x, const Dtype* mean,
                           const Dtype* variance, Dtype eps,
                           const Dtype* mean_dz, const Dtype* mean_dz_z,
                           Dtype* dx);

/// Adds the gradients to filters_diff and bias_diff; either may be NULL.
template <typename Dtype>
void region_backward_parameters_gpu(const RegionShape& shape, const Dtype* g,
                                    const Dtype* x, const Dtype* mean,
                                    const Dtype* variance, Dtype eps,
                                    Dtype* scratch, Dtype* filters_diff,
                                    Dtype* bias_diff);

}  // namespace caffe

#endif  // CPU_ONLY
#endif  // CAFFE_UTIL_REGION_GPU_HPP_
