#include <algorithm>

#include "caffe/util/region_device.cuh"

namespace caffe {

// A block computes kFilters output channels of a tile of one patch of one
// image; a thread kThreadFilters of them in kThreadRows pixels of a column, so
// that neighbouring threads have neighbouring columns. Input channels pass
// through shared memory, `inputs` at a time.
static const int kFilters = 32;
static const int kFilterPitch = kFilters + 4;  // spreads stores over the banks
static const int kThreadFilters = 8;
static const int kThreadRows = 4;
static const int kThreads = 512;
static const int kMostInputs = 8;
// Loads that a thread has under way before it stores: the compiler must not
// move a load before a store that may be to the same place.
static const int kAtOnce = 4;

struct Tile {
  int rows, columns;           // of pixels
  int across, count;           // tiles in a row of the patch, and in all
  int window_rows, row_pitch;  // of the input in shared memory
  int inputs;

  __host__ __device__ int window() const { return window_rows * row_pitch; }
};

template <typename Dtype>
static Tile MakeTile(const RegionShape& s) {
  Tile t;
  t.across = (s.patch_w + 63) / 64;
  t.columns = (s.patch_w + t.across - 1) / t.across;
  const int positions = kThreads / (kFilters / kThreadFilters);
  t.rows = std::min((s.patch_h + kThreadRows - 1) / kThreadRows,
                    positions / t.columns) *
           kThreadRows;
  t.count = t.across * ((s.patch_h + t.rows - 1) / t.rows);
  t.window_rows = t.rows + s.kernel - 1;
  t.row_pitch = t.columns + s.kernel - 1;
  // A warp goes over from one row of threads to the next, four pixels below,
  // without meeting a bank twice.
  while (t.columns % 4 == 0 && t.row_pitch % 8 != t.columns / 4 % 8) {
    ++t.row_pitch;
  }
  const int filter_size = s.kernel * s.kernel * kFilterPitch;
  t.inputs =
      std::min<int>(std::min(kMostInputs, s.channels),
                    kRegionShared / sizeof(Dtype) / (filter_size + t.window()));
  return t;
}

// An input's value: forward max(0, z), backward the gradient itself. A thread
// keeps its place and goes through the channels, whose loads do not wait for
// each other.
template <typename Dtype, bool kForward>
static __device__ void LoadWindow(const RegionShape& s, const Tile& t,
                                  const Patch& patch, int row0, int column0,
                                  const Dtype* in, int inputs,
                                  const Normalization<Dtype>* z,
                                  Dtype* window) {
  const int width = t.columns + s.kernel - 1, half = s.kernel / 2;
  const int plane = s.height * s.width;
  for (int i = threadIdx.x; i < t.window_rows * width; i += blockDim.x) {
    const int row = i / width, column = i % width;
    const int y = row0 + row - half, x = column0 + column - half;
    const bool inside = y >= 0 && y < s.patch_h && x >= 0 && x < s.patch_w;
    const Dtype* from = in + (patch.row + y) * s.width + patch.column + x;
    Dtype* to = window + row * t.row_pitch + column;
#pragma unroll 4
    for (int c = 0; c < inputs; ++c) {
      Dtype value = inside ? from[c * plane] : Dtype(0);
      if (kForward && inside) value = max(z[c](value), Dtype(0));
      to[c * t.window()] = value;
    }
  }
}

// Filters as (inputs, taps, kFilterPitch); backward those of the transposed
// convolution: inputs and outputs change places, and taps are mirrored.
template <typename Dtype, int kKernel, bool kForward>
static __device__ void LoadFilters(const RegionShape& s, const Patch& patch,
                                   int filter0, int channel0, int inputs,
                                   const Dtype* filters, Dtype* loaded) {
  const int kTaps = kKernel * kKernel;
  const int count = inputs * kTaps * kFilters;
  // `inputs` is this but for a last few channels, and then no division is left.
  const bool usual = inputs == kMostInputs;
  for (int i0 = threadIdx.x; i0 < count; i0 += kAtOnce * blockDim.x) {
    Dtype values[kAtOnce];
    int places[kAtOnce];
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) {
      // tap is what follows itself in memory, then what `filters` has inside
      const int i = i0 + k * blockDim.x;
      const int tap = i % kTaps, j = i / kTaps;
      const int row = usual ? j / kMostInputs : j / inputs;
      const int c = kForward ? j - row * inputs : j / kFilters;
      const int f = kForward ? row : j % kFilters;
      const int output = kForward ? filter0 + f : channel0 + c;
      const int input = kForward ? channel0 + c : filter0 + f;
      const int kernel = (patch.first_channel + output) * s.channels + input;
      const bool there = i < count && filter0 + f < s.channels;
      places[k] = i < count ? (c * kTaps + tap) * kFilterPitch + f : -1;
      values[k] =
          there ? filters[kernel * kTaps + (kForward ? tap : kTaps - 1 - tap)]
                : Dtype(0);
    }
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) {
      if (places[k] >= 0) loaded[places[k]] = values[k];
    }
  }
}

// sums[f][r] += filters * window, for one input channel.
template <typename Dtype, int kKernel>
static __device__ void Accumulate(const Dtype* filters, const Dtype* window,
                                  int row_pitch,
                                  Dtype (&sums)[kThreadFilters][kThreadRows]) {
#pragma unroll
  for (int kx = 0; kx < kKernel; ++kx) {
    Dtype values[kThreadRows + kKernel - 1];
#pragma unroll
    for (int i = 0; i < kThreadRows + kKernel - 1; ++i) {
      values[i] = window[i * row_pitch + kx];
    }
#pragma unroll
    for (int ky = 0; ky < kKernel; ++ky) {
      const Four<Dtype>* w = reinterpret_cast<const Four<Dtype>*>(
          filters + (ky * kKernel + kx) * kFilterPitch);
#pragma unroll
      for (int f = 0; f < kThreadFilters; f += 4) {
        const Four<Dtype> weights = w[f / 4];
#pragma unroll
        for (int i = 0; i < 4 * kThreadRows; ++i) {
          sums[f + i / kThreadRows][i % kThreadRows] +=
              weights.v[i / kThreadRows] * values[ky + i % kThreadRows];
        }
      }
    }
  }
}

// What becomes of a sum: forward x + sum + bias, backward [z > 0] sum.
template <typename Dtype, bool kForward>
static __device__ Dtype Finish(Dtype sum, Dtype x, Dtype bias,
                               const Normalization<Dtype>& z) {
  if (kForward) return x + sum + bias;
  return z(x) > 0 ? sum : Dtype(0);
}

template <typename Dtype, int kKernel, bool kForward>
__global__ void __launch_bounds__(kThreads, sizeof(Dtype) == 4 ? 2 : 1)
    RegionConvolution(RegionShape s, Tile t, const Dtype* in, const Dtype* x,
                      Statistics<Dtype> statistics, const Dtype* filters,
                      const Dtype* bias, Dtype* out) {
  __shared__ Normalization<Dtype> normalizations[kMostInputs];
  extern __shared__ Four<double> memory[];
  const int kTaps = kKernel * kKernel;
  Dtype* shared_filters = reinterpret_cast<Dtype*>(memory);
  Dtype* window = shared_filters + t.inputs * kTaps * kFilterPitch;

  const Patch patch = PatchAt(s, blockIdx.x / t.count);
  const int tile = blockIdx.x % t.count;
  const int row0 = tile / t.across * t.rows;
  const int column0 = tile % t.across * t.columns;
  const int filter0 = blockIdx.z * kFilters, n = blockIdx.y;
  const int positions = t.columns * (t.rows / kThreadRows);
  const int filter = threadIdx.x / positions * kThreadFilters;
  const int column = threadIdx.x % positions % t.columns;
  const int row = threadIdx.x % positions / t.columns * kThreadRows;

  Dtype sums[kThreadFilters][kThreadRows] = {};
  for (int c0 = 0; c0 < s.channels; c0 += t.inputs) {
    const int inputs = min(t.inputs, s.channels - c0);
    __syncthreads();  // the last inputs were read
    if (kForward && threadIdx.x < inputs) {
      normalizations[threadIdx.x] =
          statistics[patch.first_channel + c0 + threadIdx.x];
    }
    LoadFilters<Dtype, kKernel, kForward>(s, patch, filter0, c0, inputs,
                                          filters, shared_filters);
    __syncthreads();
    LoadWindow<Dtype, kForward>(s, t, patch, row0, column0,
                                in + (n * s.channels + c0) * s.height * s.width,
                                inputs, normalizations, window);
    __syncthreads();
    for (int c = 0; c < inputs; ++c) {
      Accumulate<Dtype, kKernel>(
          shared_filters + c * kTaps * kFilterPitch + filter,
          window + c * t.window() + row * t.row_pitch + column, t.row_pitch,
          sums);
    }
  }

  if (column0 + column >= s.patch_w) return;
#pragma unroll
  for (int f = 0; f < kThreadFilters; ++f) {
    const int channel = filter0 + filter + f;
    if (channel >= s.channels) return;
    const int p = patch.first_channel + channel;
    const Normalization<Dtype> z = statistics[p];
    const Dtype b = bias ? bias[p] : Dtype(0);
    const int y = row0 + row;
    const int i =
        ((n * s.channels + channel) * s.height + patch.row + y) * s.width +
        patch.column + column0 + column;
    Dtype inputs[kThreadRows];
#pragma unroll
    for (int r = 0; r < kThreadRows; ++r) {
      inputs[r] = y + r < s.patch_h ? x[i + r * s.width] : Dtype(0);
    }
#pragma unroll
    for (int r = 0; r < kThreadRows; ++r) {
      if (y + r >= s.patch_h) break;
      out[i + r * s.width] =
          Finish<Dtype, kForward>(sums[f][r], inputs[r], b, z);
    }
  }
}

template <typename Dtype, bool kForward>
static void Convolve(const RegionShape& s, const Dtype* in, const Dtype* x,
                     const Statistics<Dtype>& statistics, const Dtype* filters,
                     const Dtype* bias, Dtype* out) {
  const Tile t = MakeTile<Dtype>(s);
  const dim3 blocks(s.grid_h * s.grid_w * t.count, s.num,
                    (s.channels + kFilters - 1) / kFilters);
  const int threads =
      t.columns * (t.rows / kThreadRows) * (kFilters / kThreadFilters);
  const int taps = s.kernel * s.kernel;
  const int bytes =
      t.inputs * (taps * kFilterPitch + t.window()) * sizeof(Dtype);
#define LAUNCH(k)                                                    \
  RegionConvolution<Dtype, k, kForward><<<blocks, threads, bytes>>>( \
      s, t, in, x, statistics, filters, bias, out)
  REGION_FOR_KERNEL(s.kernel, LAUNCH);
#undef LAUNCH
}

template <typename Dtype>
void region_forward_gpu(const RegionShape& s, const Dtype* x, const Dtype* mean,
                        const Dtype* variance, Dtype eps, const Dtype* filters,
                        const Dtype* bias, Dtype* y) {
  const Statistics<Dtype> statistics = {mean, variance, eps};
  Convolve<Dtype, true>(s, x, x, statistics, filters, bias, y);
}

template <typename Dtype>
void region_backward_z_gpu(const RegionShape& s, const Dtype* g, const Dtype* x,
                           const Dtype* mean, const Dtype* variance, Dtype eps,
                           const Dtype* filters, Dtype* dz) {
  const Statistics<Dtype> statistics = {mean, variance, eps};
  const Dtype* no_bias = NULL;
  Convolve<Dtype, false>(s, g, x, statistics, filters, no_bias, dz);
}

// A block has one row of patches in a plane, a thread columns of them.
template <typename Dtype>
__global__ void RegionBackwardX(RegionShape s, const Dtype* g, const Dtype* dz,
                                const Dtype* x, Statistics<Dtype> statistics,
                                const Dtype* mean_dz, const Dtype* mean_dz_z,
                                Dtype* dx) {
  const int plane = blockIdx.x, grid_row = blockIdx.y;
  for (int column = threadIdx.x; column < s.width; column += blockDim.x) {
    const int patch = grid_row * s.grid_w + column / s.patch_w;
    const int p = patch * s.channels + plane % s.channels;
    const Normalization<Dtype> z = statistics[p];
    const Dtype mean = mean_dz ? mean_dz[p] : Dtype(0);
    const Dtype mean_z = mean_dz ? mean_dz_z[p] : Dtype(0);
    const int first =
        (plane * s.height + grid_row * s.patch_h) * s.width + column;
    for (int row = 0; row < s.patch_h; row += kAtOnce) {
      Dtype values[kAtOnce];
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) {
        if (row + k >= s.patch_h) break;
        const int i = first + (row + k) * s.width;
        Dtype d = dz[i];
        if (mean_dz) d -= mean + z(x[i]) * mean_z;
        values[k] = g[i] + d * z.scale;
      }
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) {
        if (row + k >= s.patch_h) break;
        dx[first + (row + k) * s.width] = values[k];
      }
    }
  }
}

template <typename Dtype>
void region_backward_x_gpu(const RegionShape& s, const Dtype* g,
                           const Dtype* dz, const Dtype* x, const Dtype* mean,
                           const Dtype* variance, Dtype eps,
                           const Dtype* mean_dz, const Dtype* mean_dz_z,
                           Dtype* dx) {
  const dim3 blocks(s.num * s.channels, s.grid_h);
  const int threads = std::min((s.width + 31) / 32 * 32, 512);
  // NOLINT_NEXT_LINE(whitespace/operators)
  RegionBackwardX<Dtype><<<blocks, threads>>>(
      s, g, dz, x, {mean, variance, eps}, mean_dz, mean_dz_z, dx);
  CUDA_POST_KERNEL_CHECK;
}

#define INSTANTIATE(Dtype)                                              \
  template void region_forward_gpu(const RegionShape&, const Dtype*,    \
                                   const Dtype*, const Dtype*, Dtype,   \
                                   const Dtype*, const Dtype*, Dtype*); \
  template void region_backward_z_gpu(                                  \
      const RegionShape&, const Dtype*, const Dtype*, const Dtype*,     \
      const Dtype*, Dtype, const Dtype*, Dtype*);                       \
  template void region_backward_x_gpu(                                  \
      const RegionShape&, const Dtype*, const Dtype*, const Dtype*,     \
      const Dtype*, const Dtype*, Dtype, const Dtype*, const Dtype*, Dtype*)
INSTANTIATE(float);
INSTANTIATE(double);
#undef INSTANTIATE

}  // namespace caffe
