#include <algorithm>

#include "caffe/util/region_device.cuh"

namespace caffe {

// A block sums the gradients of kFilters x kInputs kernels of one patch over
// its share of the images; a thread has kThreadFilters output channels (its
// warp's) and one input channel (its lane's), and all taps. It goes along the
// rows of a band of the patch, which lies in shared memory.
static const int kInputs = 32, kFilters = 32, kThreadFilters = 4;
static const int kThreads = kInputs * kFilters / kThreadFilters;
static const int kPixelPitch = kFilters + 4;  // spreads stores over the banks

struct Band {
  int rows, columns;  // of pixels; columns a multiple of the kernel's
  int row_pitch;      // of the rectified input
  int plane;          // odd, so that 32 channels meet 32 banks

  __host__ __device__ int input_size() const { return kInputs * plane; }
};

static Band MakeBand(const RegionShape& s, int rows, int columns) {
  Band b;
  b.rows = rows;
  b.columns = (columns + s.kernel - 1) / s.kernel * s.kernel;
  b.row_pitch = b.columns + s.kernel - 1;
  // input_size() stays a multiple of 4 values, as the gradients behind it want
  b.plane = (b.rows + s.kernel - 1) * b.row_pitch | 1;
  return b;
}

template <typename Dtype>
static int Bytes(const Band& b) {
  const int gradients = b.rows * b.columns * kPixelPitch;
  const int bias = kFilters * (kInputs + 1);  // instead, at the end
  return std::max(b.input_size() + gradients, bias) * sizeof(Dtype);
}

template <typename Dtype>
static Band LargestBand(const RegionShape& s) {
  const int bands = (s.patch_h + 4) / 5, across = (s.patch_w + 31) / 32;
  int rows = (s.patch_h + bands - 1) / bands;
  int columns = (s.patch_w + across - 1) / across;
  while (Bytes<Dtype>(MakeBand(s, rows, columns)) > kRegionShared) {
    if (rows > 1) {
      rows = (rows + 1) / 2;
    } else {
      columns = (columns + 1) / 2;
    }
  }
  return MakeBand(s, rows, columns);
}

static int Tiles(const RegionShape& s) {
  return (s.channels + kInputs - 1) / kInputs;
}

// Shares of the images: enough blocks for a large card, whichever card it is,
// so that sums are the same on every one.
static int Shares(const RegionShape& s) {
  const int blocks = s.grid_h * s.grid_w * Tiles(s) * Tiles(s);
  return std::min(s.num, (1024 + blocks - 1) / blocks);
}

static int FilterCount(const RegionShape& s) {
  return s.grid_h * s.grid_w * s.channels * s.channels * s.kernel * s.kernel;
}

static int BiasCount(const RegionShape& s) {
  return s.grid_h * s.grid_w * s.channels;
}

int RegionParametersScratch(const RegionShape& s) {
  return Shares(s) * (FilterCount(s) + BiasCount(s));
}

// A warp loads every eighth channel: kWarpInputs of them.
static const int kWarps = kThreads / 32, kWarpInputs = kInputs / kWarps;

// max(0, z) of a band, with the zeros around the patch. A lane keeps its place
// and goes through its warp's channels.
template <typename Dtype>
static __device__ void LoadInput(const RegionShape& s, const Band& b,
                                 const Patch& patch, int row0, int column0,
                                 int channel0, const Dtype* x,
                                 const Normalization<Dtype> (&z)[kWarpInputs],
                                 Dtype* input) {
  const int warp = threadIdx.x / 32, half = s.kernel / 2;
  for (int i = threadIdx.x % 32; i < b.plane; i += 32) {
    const int row = row0 + i / b.row_pitch - half;
    const int column = column0 + i % b.row_pitch - half;
    const bool inside =
        row >= 0 && row < s.patch_h && column >= 0 && column < s.patch_w;
    const int place = (patch.row + row) * s.width + patch.column + column;
    Dtype values[kWarpInputs] = {};
#pragma unroll
    for (int j = 0; j < kWarpInputs; ++j) {
      const int channel = channel0 + warp + j * kWarps;
      if (inside && channel < s.channels) {
        values[j] =
            max(z[j](x[channel * s.height * s.width + place]), Dtype(0));
      }
    }
#pragma unroll
    for (int j = 0; j < kWarpInputs; ++j) {
      input[(warp + j * kWarps) * b.plane + i] = values[j];
    }
  }
}

// The gradients of a warp's output channels, as (rows, columns, kPixelPitch),
// zero outside the patch; their sums are the bias's gradient.
template <typename Dtype>
static __device__ void LoadGradients(const RegionShape& s, const Band& b,
                                     const Patch& patch, int row0, int column0,
                                     int filter0, const Dtype* g,
                                     Dtype* gradients,
                                     Dtype (&sums)[kThreadFilters]) {
  const int lane = threadIdx.x % 32;
  const int filter = threadIdx.x / 32 * kThreadFilters;
  for (int i = lane; i < b.rows * b.columns; i += 32) {
    const int row = row0 + i / b.columns, column = i % b.columns;
    const bool inside = row < s.patch_h && column0 + column < s.patch_w;
    Four<Dtype> values;
#pragma unroll
    for (int f = 0; f < kThreadFilters; ++f) {
      const int channel = filter0 + filter + f;
      values.v[f] = inside && channel < s.channels
                        ? g[(channel * s.height + patch.row + row) * s.width +
                            patch.column + column0 + column]
                        : Dtype(0);
      sums[f] += values.v[f];
    }
    *reinterpret_cast<Four<Dtype>*>(gradients + i * kPixelPitch + filter) =
        values;
  }
}

// sums[f][tap] += gradient * input along one row. The window of inputs slides:
// window[ky][(column + kx) % k] stays where it is, so that no value is copied.
template <typename Dtype, int kKernel>
static __device__ void AccumulateRow(
    const Band& b, const Dtype* input, const Dtype* gradients,
    Dtype (&sums)[kThreadFilters][kKernel * kKernel]) {
  Dtype window[kKernel][kKernel];
#pragma unroll
  for (int i = 0; i < kKernel * (kKernel - 1); ++i) {
    const int ky = i % kKernel, kx = i / kKernel;
    window[ky][kx] = input[ky * b.row_pitch + kx];
  }
  for (int column = 0; column < b.columns; column += kKernel) {
#pragma unroll
    for (int j = 0; j < kKernel; ++j) {
      const int last = j + kKernel - 1;
#pragma unroll
      for (int ky = 0; ky < kKernel; ++ky) {
        window[ky][last % kKernel] = input[ky * b.row_pitch + column + last];
      }
      const Four<Dtype> g = *reinterpret_cast<const Four<Dtype>*>(
          gradients + (column + j) * kPixelPitch);
#pragma unroll
      for (int f = 0; f < kThreadFilters; ++f) {
#pragma unroll
        for (int tap = 0; tap < kKernel * kKernel; ++tap) {
          sums[f][tap] +=
              g.v[f] * window[tap / kKernel][(j + tap % kKernel) % kKernel];
        }
      }
    }
  }
}

// The sum over a warp's lanes of what each saw of its four channels.
template <typename Dtype>
static __device__ void StoreBias(const RegionShape& s, const Patch& patch,
                                 int filter0, int share,
                                 const Dtype (&sums)[kThreadFilters],
                                 Dtype* memory, Dtype* bias) {
  const int filter = threadIdx.x / 32 * kThreadFilters;
  __syncthreads();  // the band was read
  for (int f = 0; f < kThreadFilters; ++f) {
    memory[(filter + f) * (kInputs + 1) + threadIdx.x % 32] = sums[f];
  }
  __syncthreads();
  const int channel = filter0 + threadIdx.x;
  if (threadIdx.x >= kFilters || channel >= s.channels) return;
  Dtype sum = 0;
  for (int lane = 0; lane < 32; ++lane) {
    sum += memory[threadIdx.x * (kInputs + 1) + lane];
  }
  const int count = s.grid_h * s.grid_w * s.channels;
  bias[share * count + patch.first_channel + channel] = sum;
}

template <typename Dtype, int kKernel>
__global__ void __launch_bounds__(kThreads)
    RegionParameterGradients(RegionShape s, Band b, int tiles, const Dtype* g,
                             const Dtype* x, Statistics<Dtype> statistics,
                             Dtype* filters, Dtype* bias) {
  extern __shared__ Four<double> memory[];
  Dtype* input = reinterpret_cast<Dtype*>(memory);
  Dtype* gradients = input + b.input_size();
  const Patch patch = PatchAt(s, blockIdx.x);
  const int share = blockIdx.y, shares = gridDim.y;
  const int filter0 = blockIdx.z / tiles * kFilters;
  const int channel0 = blockIdx.z % tiles * kInputs;
  const int lane = threadIdx.x % 32;
  const int filter = threadIdx.x / 32 * kThreadFilters;

  Normalization<Dtype> z[kWarpInputs] = {};
#pragma unroll
  for (int j = 0; j < kWarpInputs; ++j) {
    const int channel = channel0 + threadIdx.x / 32 + j * kWarps;
    if (channel < s.channels) z[j] = statistics[patch.first_channel + channel];
  }
  Dtype sums[kThreadFilters][kKernel * kKernel] = {};
  Dtype bias_sums[kThreadFilters] = {};
  for (int n = share; n < s.num; n += shares) {
    const int image = n * s.channels * s.height * s.width;
    for (int row0 = 0; row0 < s.patch_h; row0 += b.rows) {
      for (int column0 = 0; column0 < s.patch_w; column0 += b.columns) {
        __syncthreads();  // the last band was read
        LoadInput(s, b, patch, row0, column0, channel0, x + image, z, input);
        LoadGradients(s, b, patch, row0, column0, filter0, g + image, gradients,
                      bias_sums);
        __syncthreads();
        for (int row = 0; row < b.rows; ++row) {
          AccumulateRow<Dtype, kKernel>(
              b, input + lane * b.plane + row * b.row_pitch,
              gradients + row * b.columns * kPixelPitch + filter, sums);
        }
      }
    }
  }
  if (channel0 == 0) {
    StoreBias(s, patch, filter0, share, bias_sums, input, bias);
  }
  const int count = s.grid_h * s.grid_w * s.channels * s.channels;
  for (int f = 0; f < kThreadFilters; ++f) {
    const int output = filter0 + filter + f, channel = channel0 + lane;
    if (output >= s.channels || channel >= s.channels) return;
    const int kernel =
        share * count + (patch.first_channel + output) * s.channels + channel;
#pragma unroll
    for (int tap = 0; tap < kKernel * kKernel; ++tap) {
      filters[kernel * kKernel * kKernel + tap] = sums[f][tap];
    }
  }
}

// diff += the shares' sums
template <typename Dtype>
__global__ void RegionAddShares(int count, int shares, const Dtype* sums,
                                Dtype* diff) {
  CUDA_KERNEL_LOOP(i, count) {
    Dtype sum = 0;
    for (int share = 0; share < shares; ++share) sum += sums[share * count + i];
    diff[i] += sum;
  }
}

template <typename Dtype>
static void AddShares(int count, int shares, const Dtype* sums, Dtype* diff) {
  if (!diff) return;
  // NOLINT_NEXT_LINE(whitespace/operators)
  RegionAddShares<Dtype><<<CAFFE_GET_BLOCKS(count), CAFFE_CUDA_NUM_THREADS>>>(
      count, shares, sums, diff);
  CUDA_POST_KERNEL_CHECK;
}

template <typename Dtype>
void region_backward_parameters_gpu(const RegionShape& s, const Dtype* g,
                                    const Dtype* x, const Dtype* mean,
                                    const Dtype* variance, Dtype eps,
                                    Dtype* scratch, Dtype* filters_diff,
                                    Dtype* bias_diff) {
  const Band b = LargestBand<Dtype>(s);
  const Statistics<Dtype> statistics = {mean, variance, eps};
  const int shares = Shares(s), tiles = Tiles(s);
  const dim3 blocks(s.grid_h * s.grid_w, shares, tiles * tiles);
  const int bytes = Bytes<Dtype>(b);
  Dtype* bias = scratch + shares * FilterCount(s);
#define LAUNCH(k)                                                  \
  RegionParameterGradients<Dtype, k><<<blocks, kThreads, bytes>>>( \
      s, b, tiles, g, x, statistics, scratch, bias)
  REGION_FOR_KERNEL(s.kernel, LAUNCH);
#undef LAUNCH
  AddShares(FilterCount(s), shares, scratch, filters_diff);
  AddShares(BiasCount(s), shares, bias, bias_diff);
}

#define INSTANTIATE(Dtype)                                          \
  template void region_backward_parameters_gpu(                     \
      const RegionShape&, const Dtype*, const Dtype*, const Dtype*, \
      const Dtype*, Dtype, Dtype*, Dtype*, Dtype*)
INSTANTIATE(float);
INSTANTIATE(double);
#undef INSTANTIATE

}  // namespace caffe
