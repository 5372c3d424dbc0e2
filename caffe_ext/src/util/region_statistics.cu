#include <algorithm>

#include "caffe/util/region_device.cuh"

namespace caffe {

// Images are dealt out to this many blocks: a constant, and no property of the
// card, so that sums are the same on every one.
static const int kSplits = 8;

static int Splits(const RegionShape& s) {
  return std::min(s.num, kSplits);
}

// Of a thread's column; (splits, grid_h, C, W) of them are in the scratch.
static __device__ int ColumnIndex(const RegionShape& s, int split, int grid_row,
                                  int channel, int column) {
  return ((split * s.grid_h + grid_row) * s.channels + channel) * s.width +
         column;
}

// Calls visit(index) for the pixels of a column, of one grid row and channel,
// in every gridDim.z-th image. Neighbouring threads have neighbouring columns.
template <typename Visit>
static __device__ void ForColumn(const RegionShape& s, int column,
                                 const Visit& visit) {
  for (int n = blockIdx.z; n < s.num; n += gridDim.z) {
    const int plane = n * s.channels + blockIdx.y;
    int index = (plane * s.height + blockIdx.x * s.patch_h) * s.width + column;
    for (int row = 0; row < s.patch_h; ++row, index += s.width) visit(index);
  }
}

// A column's mean, and its sum of squared distances from it. Values are taken
// from the column's first one: E(x^2) - E(x)^2 loses all digits where the mean
// is large.
template <typename Dtype>
__global__ void RegionColumnMoments(RegionShape s, const Dtype* x, Dtype* means,
                                    Dtype* squares) {
  for (int column = threadIdx.x; column < s.width; column += blockDim.x) {
    const int plane = blockIdx.z * s.channels + blockIdx.y;
    const Dtype first =
        x[(plane * s.height + blockIdx.x * s.patch_h) * s.width + column];
    Dtype sum = 0, square = 0;
    int count = 0;
    ForColumn(s, column, [&](int index) {
      const Dtype d = x[index] - first;
      sum += d;
      square += d * d;
      ++count;
    });
    const int i = ColumnIndex(s, blockIdx.z, blockIdx.x, blockIdx.y, column);
    means[i] = first + sum / count;
    squares[i] = max(square - sum * sum / count, Dtype(0));
  }
}

// The sum of all threads' values, in one order; for every thread.
static const int kMergeThreads = 64;
static __device__ double BlockSum(double value) {
  __shared__ double values[kMergeThreads];
  __syncthreads();  // the last sum was read
  values[threadIdx.x] = value;
  for (int half = kMergeThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) values[threadIdx.x] += values[threadIdx.x + half];
  }
  __syncthreads();
  return values[0];
}

// A block has one patch and channel. Calls visit(index, count) for the columns
// of that patch, which hold `count` pixels each.
template <typename Visit>
static __device__ void ForPatchColumns(const RegionShape& s, int splits,
                                       const Visit& visit) {
  const int patch = blockIdx.x / s.channels, channel = blockIdx.x % s.channels;
  const int column = patch % s.grid_w * s.patch_w;
  for (int i = threadIdx.x; i < splits * s.patch_w; i += blockDim.x) {
    const int split = i / s.patch_w;
    const int images = (s.num - split + splits - 1) / splits;
    visit(ColumnIndex(s, split, patch / s.grid_w, channel,
                      column + i % s.patch_w),
          images * s.patch_h);
  }
}

// Merges the columns' moments and updates the moving sums.
template <typename Dtype>
__global__ void RegionMergeMoments(RegionShape s, int splits,
                                   const Dtype* means, const Dtype* squares,
                                   Dtype fraction, Dtype* mean, Dtype* variance,
                                   Dtype* mean_sum, Dtype* variance_sum,
                                   Dtype* weight_sum) {
  const double count = static_cast<double>(s.num) * s.patch_h * s.patch_w;
  double sum = 0, square = 0;
  ForPatchColumns(s, splits, [&](int i, int pixels) {
    sum += static_cast<double>(means[i]) * pixels;
  });
  const double average = BlockSum(sum) / count;
  ForPatchColumns(s, splits, [&](int i, int pixels) {
    const double distance = means[i] - average;
    square += squares[i] + distance * distance * pixels;
  });
  square = BlockSum(square);
  if (threadIdx.x > 0) return;
  const int i = blockIdx.x;
  mean[i] = average;
  variance[i] = square / count;
  mean_sum[i] = fraction * mean_sum[i] + mean[i];
  variance_sum[i] = fraction * variance_sum[i] +
                    static_cast<Dtype>(square / max(count - 1, 1.));
  if (i == 0) weight_sum[0] = fraction * weight_sum[0] + 1;
}

template <typename Dtype>
__global__ void RegionGlobalMoments(int count, const Dtype* mean_sum,
                                    const Dtype* variance_sum,
                                    const Dtype* weight_sum, Dtype* mean,
                                    Dtype* variance) {
  const Dtype scale = weight_sum[0] == 0 ? Dtype(0) : 1 / weight_sum[0];
  CUDA_KERNEL_LOOP(i, count) {
    mean[i] = scale * mean_sum[i];
    variance[i] = scale * variance_sum[i];
  }
}

template <typename Dtype>
__global__ void RegionColumnGradients(RegionShape s, const Dtype* dz,
                                      const Dtype* x,
                                      Statistics<Dtype> statistics, Dtype* sums,
                                      Dtype* products) {
  for (int column = threadIdx.x; column < s.width; column += blockDim.x) {
    const int patch = blockIdx.x * s.grid_w + column / s.patch_w;
    const Normalization<Dtype> z = statistics[patch * s.channels + blockIdx.y];
    Dtype sum = 0, product = 0;
    ForColumn(s, column, [&](int index) {
      sum += dz[index];
      product += dz[index] * z(x[index]);
    });
    const int i = ColumnIndex(s, blockIdx.z, blockIdx.x, blockIdx.y, column);
    sums[i] = sum;
    products[i] = product;
  }
}

template <typename Dtype>
__global__ void RegionMergeGradients(RegionShape s, int splits,
                                     const Dtype* sums, const Dtype* products,
                                     Dtype* mean_dz, Dtype* mean_dz_z) {
  const double count = static_cast<double>(s.num) * s.patch_h * s.patch_w;
  double sum = 0, product = 0;
  ForPatchColumns(s, splits, [&](int i, int) {
    sum += sums[i];
    product += products[i];
  });
  sum = BlockSum(sum);
  product = BlockSum(product);
  if (threadIdx.x > 0) return;
  mean_dz[blockIdx.x] = sum / count;
  mean_dz_z[blockIdx.x] = product / count;
}

static dim3 ColumnGrid(const RegionShape& s) {
  return dim3(s.grid_h, s.channels, Splits(s));
}

static int ColumnThreads(const RegionShape& s) {
  return std::min((s.width + 31) / 32 * 32, 512);
}

int RegionStatisticsScratch(const RegionShape& s) {
  return 2 * Splits(s) * s.grid_h * s.channels * s.width;
}

template <typename Dtype>
void region_statistics_gpu(const RegionShape& s, const Dtype* x, Dtype fraction,
                           Dtype* scratch, Dtype* mean, Dtype* variance,
                           Dtype* mean_sum, Dtype* variance_sum,
                           Dtype* weight_sum) {
  Dtype* squares = scratch + RegionStatisticsScratch(s) / 2;
  // NOLINT_NEXT_LINE(whitespace/operators)
  RegionColumnMoments<Dtype>
      <<<ColumnGrid(s), ColumnThreads(s)>>>(s, x, scratch, squares);
  CUDA_POST_KERNEL_CHECK;
  const int statistics = s.grid_h * s.grid_w * s.channels;
  // NOLINT_NEXT_LINE(whitespace/operators)
  RegionMergeMoments<Dtype><<<statistics, kMergeThreads>>>(
      s, Splits(s), scratch, squares, fraction, mean, variance, mean_sum,
      variance_sum, weight_sum);
  CUDA_POST_KERNEL_CHECK;
}

template <typename Dtype>
void region_global_statistics_gpu(const RegionShape& s, const Dtype* mean_sum,
                                  const Dtype* variance_sum,
                                  const Dtype* weight_sum, Dtype* mean,
                                  Dtype* variance) {
  const int count = s.grid_h * s.grid_w * s.channels;
  // NOLINT_NEXT_LINE(whitespace/operators)
  RegionGlobalMoments<Dtype>
      <<<CAFFE_GET_BLOCKS(count), CAFFE_CUDA_NUM_THREADS>>>(
          count, mean_sum, variance_sum, weight_sum, mean, variance);
  CUDA_POST_KERNEL_CHECK;
}

template <typename Dtype>
void region_gradient_means_gpu(const RegionShape& s, const Dtype* dz,
                               const Dtype* x, const Dtype* mean,
                               const Dtype* variance, Dtype eps, Dtype* scratch,
                               Dtype* mean_dz, Dtype* mean_dz_z) {
  Dtype* products = scratch + RegionStatisticsScratch(s) / 2;
  // NOLINT_NEXT_LINE(whitespace/operators)
  RegionColumnGradients<Dtype><<<ColumnGrid(s), ColumnThreads(s)>>>(
      s, dz, x, {mean, variance, eps}, scratch, products);
  CUDA_POST_KERNEL_CHECK;
  const int statistics = s.grid_h * s.grid_w * s.channels;
  // NOLINT_NEXT_LINE(whitespace/operators)
  RegionMergeGradients<Dtype><<<statistics, kMergeThreads>>>(
      s, Splits(s), scratch, products, mean_dz, mean_dz_z);
  CUDA_POST_KERNEL_CHECK;
}

#define INSTANTIATE(Dtype)                                                     \
  template void region_statistics_gpu(const RegionShape&, const Dtype*, Dtype, \
                                      Dtype*, Dtype*, Dtype*, Dtype*, Dtype*,  \
                                      Dtype*);                                 \
  template void region_global_statistics_gpu(const RegionShape&, const Dtype*, \
                                             const Dtype*, const Dtype*,       \
                                             Dtype*, Dtype*);                  \
  template void region_gradient_means_gpu(                                     \
      const RegionShape&, const Dtype*, const Dtype*, const Dtype*,            \
      const Dtype*, Dtype, Dtype*, Dtype*, Dtype*)
INSTANTIATE(float);
INSTANTIATE(double);
#undef INSTANTIATE

}  // namespace caffe
