// Runs our layers' kernels that have barriers under the thread sanitizer, to
// which a block's threads are threads that only barriers order (blocks.cpp):
// where two of them meet in shared memory it says so and the program fails,
// also if the values were right.
#include <cuda_runtime.h>

#include <string>

#include "caffe/common.hpp"
#include "caffe/util/local_gpu.hpp"
#include "caffe/util/region_gpu.hpp"

namespace caffe {

std::string CudaErrorSentence(cudaError_t error) {
  return cudaGetErrorString(error);
}

// On the GPU, with some values.
static float* Some(size_t count) {
  float* values;
  CUDA_CHECK(
      cudaMalloc(reinterpret_cast<void**>(&values), count * sizeof(float)));
  for (size_t i = 0; i < count; ++i) values[i] = i * 7919 % 101 / 50. - 1;
  return values;
}

static void RunRegion(const RegionShape& s) {
  const size_t patches = s.grid_h * s.grid_w * s.channels;
  const size_t filters = patches * s.channels * s.kernel * s.kernel;
  const size_t count = s.num * s.channels * s.height * s.width;
  float *x = Some(count), *y = Some(count), *g = Some(count), *dz = Some(count);
  float *w = Some(filters), *dw = Some(filters);
  float *b = Some(patches), *db = Some(patches), *mean = Some(patches);
  float *variance = Some(patches), *sums = Some(patches);
  float *squares = Some(patches), *weight = Some(1);
  float *mean_dz = Some(patches), *mean_dz_z = Some(patches);
  float* scratch =
      Some(RegionStatisticsScratch(s) + RegionParametersScratch(s));
  const float eps = 1e-5;
  region_statistics_gpu(s, x, 0.9f, scratch, mean, variance, sums, squares,
                        weight);
  region_forward_gpu(s, x, mean, variance, eps, w, b, y);
  region_backward_parameters_gpu(s, g, x, mean, variance, eps, scratch, dw, db);
  region_backward_z_gpu(s, g, x, mean, variance, eps, w, dz);
  region_gradient_means_gpu(s, dz, x, mean, variance, eps, scratch, mean_dz,
                            mean_dz_z);
  region_backward_x_gpu(s, g, dz, x, mean, variance, eps, mean_dz, mean_dz_z,
                        dz);
}

static void RunLocal(const LocalShape& s, int num) {
  const size_t weights = s.positions() * s.outputs;
  const size_t bottoms = num * s.channels * s.height * s.width;
  float *x = Some(bottoms), *dx = Some(bottoms);
  float *y = Some(num * weights), *g = Some(num * weights);
  float *w = Some(weights * s.taps()), *dw = Some(weights * s.taps());
  float *b = Some(weights), *db = Some(weights);
  float* scratch = Some(LocalScratch(s, num));
  local_forward_gpu(s, num, x, w, b, scratch, y);
  local_backward_parameters_gpu(s, num, x, g, scratch, dw, db);
  local_backward_bottom_gpu(s, num, g, w, scratch, dx);
}

}  // namespace caffe

int main() {
  // More channels than a block loads at once, and several bands, images and
  // patches.
  caffe::RunRegion({3, 11, 16, 24, 2, 2, 8, 12, 3});
  // More outputs, taps and images than a block takes at once.
  for (int num : {5, 33}) caffe::RunLocal({12, 4, 3, 3, 1, 1, 35, 4, 3}, num);
  return 0;
}
