#ifndef CAFFE_UTIL_REGION_DEVICE_CUH_
#define CAFFE_UTIL_REGION_DEVICE_CUH_

#include "caffe/common.hpp"
#include "caffe/util/neighbours.cuh"
#include "caffe/util/region_gpu.hpp"

namespace caffe {

// Shared memory for a block to ask for: every card gives 48 KiB, and kernels
// have some of their own.
const int kRegionShared = 47 << 10;

// Where a patch lies in the blob.
struct Patch {
  int row, column;    // upper left corner
  int first_channel;  // of its statistics, biases and filters
};

static __device__ Patch PatchAt(const RegionShape& s, int patch) {
  return {patch / s.grid_w * s.patch_h, patch % s.grid_w * s.patch_w,
          patch * s.channels};
}

// Step 1 of the layer, for one channel of one patch.
template <typename Dtype>
struct Normalization {
  Dtype mean, scale;
  __device__ Dtype operator()(Dtype x) const { return (x - mean) * scale; }
};

// The statistics of all patches and channels.
template <typename Dtype>
struct Statistics {
  const Dtype *mean, *variance;
  Dtype eps;
  __device__ Normalization<Dtype> operator[](int i) const {
    return {mean[i], 1 / sqrt(variance[i] + eps)};
  }
};

// LAUNCH(k) for a kernel size that is known when compiling.
#define REGION_FOR_KERNEL(kernel, LAUNCH) \
  switch (kernel) {                       \
    case 1:                               \
      LAUNCH(1);                          \
      break;                              \
    case 3:                               \
      LAUNCH(3);                          \
      break;                              \
    default:                              \
      LAUNCH(5);                          \
  }                                       \
  CUDA_POST_KERNEL_CHECK

}  // namespace caffe

#endif  // CAFFE_UTIL_REGION_DEVICE_CUH_
