#ifndef CAFFE_UTIL_LOCAL_GPU_HPP_
#define CAFFE_UTIL_LOCAL_GPU_HPP_
#ifndef CPU_ONLY

#include "caffe/util/local_tile.hpp"

namespace caffe {

/**
 * @file What LocallyConnectedLayer does on a GPU, for `num` images. All
 * pointers are of the device.
 *
 * Images stand innermost, (C, H, W, N), while a pass computes: what a position
 * sees is then a vector of images a tap, wherever the tap lies, and nothing is
 * unrolled. A pass goes through its rows in bands, of which both blobs are
 * transposed into `scratch`, of LocalScratch's size. Sums are taken in one
 * order, without atomics: equal inputs give equal bits.
 */

/// Values of scratch: 2^26 (256 MiB of float), or what a single row takes.
int LocalScratch(const LocalShape& shape, int num);

/// top = weight * what each position sees + bias, which may be NULL.
template <typename Dtype>
void local_forward_gpu(const LocalShape& shape, int num, const Dtype* bottom,
                       const Dtype* weight, const Dtype* bias, Dtype* scratch,
                       Dtype* top);

/// Adds to the gradients of weight and bias, of which either may be NULL.
template <typename Dtype>
void local_backward_parameters_gpu(const LocalShape& shape, int num,
                                   const Dtype* bottom, const Dtype* top_diff,
                                   Dtype* scratch, Dtype* weight_diff,
                                   Dtype* bias_diff);

/// Sets the bottom's gradient.
template <typename Dtype>
void local_backward_bottom_gpu(const LocalShape& shape, int num,
                               const Dtype* top_diff, const Dtype* weight,
                               Dtype* scratch, Dtype* bottom_diff);

}  // namespace caffe

#endif  // CPU_ONLY
#endif  // CAFFE_UTIL_LOCAL_GPU_HPP_
