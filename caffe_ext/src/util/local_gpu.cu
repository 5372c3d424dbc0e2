#include "caffe/util/local_gpu.hpp"

#include <algorithm>
#include <cstdint>

#include "caffe/common.hpp"
#include "caffe/util/neighbours.cuh"

namespace caffe {

#ifdef EMULATED_GPU
static const int kMostScratch = 1 << 13;  // so that tests have several bands
#else
static const int kMostScratch = 1 << 26;  // values
#endif

// Loads that a thread has under way before it uses or stores what they bring:
// the compiler must not move a load before a store that may be to its place.
static const int kAtOnce = 4;

// ---- Rows of a blob, images innermost

// Rows first to first + rows - 1 of a blob (num, channels, height, width), as
// (channels, rows, width, images); images beyond num are 0.
struct Band {
  int num, channels, height, width;
  int first, rows;
  int images;  // a multiple of 4

  __host__ __device__ int64_t size() const {
    return int64_t(channels) * rows * width * images;
  }
  // The images' vector at a row of the blob, which has to be in the band.
  __device__ int Vector(int c, int y, int x) const {
    return (c * rows + y - first) * width + x;
  }
};

static const int kTile = 32;  // of columns x images that a block transposes
static const int kTileRows = 8;

struct TilePlace {
  int column, image, row, channel;
};

static __device__ TilePlace PlaceOf(const Band& b, int tile) {
  const int across = (b.width + kTile - 1) / kTile;
  const int deep = (b.images + kTile - 1) / kTile;
  return {tile % across * kTile, tile / across % deep * kTile,
          tile / across / deep % b.rows, tile / across / deep / b.rows};
}

static int Tiles(const Band& b) {
  return (b.width + kTile - 1) / kTile * ((b.images + kTile - 1) / kTile) *
         b.rows * b.channels;
}

template <typename Dtype>
__global__ void LoadBandKernel(const Band b, const Dtype* blob, Dtype* band) {
  __shared__ Dtype tile[kTile][kTile + 1];
  const TilePlace at = PlaceOf(b, blockIdx.x);
  const int x = at.column + threadIdx.x;
  Dtype values[kTile / kTileRows];
#pragma unroll
  for (int i = 0; i < kTile / kTileRows; ++i) {
    const int n = at.image + i * kTileRows + threadIdx.y;
    const int64_t row =
        (int64_t(n) * b.channels + at.channel) * b.height + b.first + at.row;
    values[i] = n < b.num && x < b.width ? blob[row * b.width + x] : Dtype(0);
  }
#pragma unroll
  for (int i = 0; i < kTile / kTileRows; ++i) {
    tile[i * kTileRows + threadIdx.y][threadIdx.x] = values[i];
  }
  __syncthreads();
  const int n = at.image + threadIdx.x;
  for (int i = threadIdx.y; i < kTile; i += kTileRows) {
    const int column = at.column + i;
    if (n < b.images && column < b.width) {
      const int vector = b.Vector(at.channel, b.first + at.row, column);
      band[int64_t(vector) * b.images + n] = tile[threadIdx.x][i];
    }
  }
}

// Adds the bias, (height, width, channels) if any.
template <typename Dtype>
__global__ void StoreBandKernel(const Band b, const Dtype* band,
                                const Dtype* bias, Dtype* blob) {
  __shared__ Dtype tile[kTile][kTile + 1];
  const TilePlace at = PlaceOf(b, blockIdx.x);
  for (int i = threadIdx.y; i < kTile; i += kTileRows) {
    const int column = at.column + i, n = at.image + threadIdx.x;
    if (n < b.images && column < b.width) {
      const int vector = b.Vector(at.channel, b.first + at.row, column);
      tile[i][threadIdx.x] = band[int64_t(vector) * b.images + n];
    }
  }
  __syncthreads();
  const int x = at.column + threadIdx.x, y = b.first + at.row;
  if (x >= b.width) return;
  const Dtype more =
      bias ? bias[(y * b.width + x) * b.channels + at.channel] : Dtype(0);
  for (int i = threadIdx.y; i < kTile; i += kTileRows) {
    const int n = at.image + i;
    if (n >= b.num) continue;
    const int64_t row = (int64_t(n) * b.channels + at.channel) * b.height + y;
    blob[row * b.width + x] = tile[threadIdx.x][i] + more;
  }
}

template <typename Dtype>
static void LoadBand(const Band& b, const Dtype* blob, Dtype* band) {
  if (b.rows == 0) return;
  // NOLINT_NEXT_LINE(whitespace/operators)
  LoadBandKernel<Dtype><<<Tiles(b), dim3(kTile, kTileRows)>>>(b, blob, band);
  CUDA_POST_KERNEL_CHECK;
}

template <typename Dtype>
static void StoreBand(const Band& b, const Dtype* band, const Dtype* bias,
                      Dtype* blob) {
  // NOLINT_NEXT_LINE(whitespace/operators)
  StoreBandKernel<Dtype>
      <<<Tiles(b), dim3(kTile, kTileRows)>>>(b, band, bias, blob);
  CUDA_POST_KERNEL_CHECK;
}

// ---- Which rows of one end belong to those of the other

struct Bands {
  Band bottom, top;

  int64_t size() const { return bottom.size() + top.size(); }
};

static Bands MakeBands(const LocalShape& s, int num) {
  const int images = (num + 3) / 4 * 4;
  return {{num, s.channels, s.height, s.width, 0, 0, images},
          {num, s.outputs, s.top_h, s.top_w, 0, 0, images}};
}

// Rows first to end - 1 as far as the blob has them.
static void SetRows(int first, int end, Band* band) {
  band->first = std::min(std::max(first, 0), band->height);
  band->rows = std::max(std::min(end, band->height) - band->first, 0);
}

// `rows` rows of the top, or what is left of it, and what they see.
static Bands OfTopRows(const LocalShape& s, int num, int first, int rows) {
  Bands bands = MakeBands(s, num);
  SetRows(first, first + rows, &bands.top);
  const int last = bands.top.first + bands.top.rows - 1;
  SetRows(first * s.stride - s.pad, last * s.stride - s.pad + s.kernel,
          &bands.bottom);
  return bands;
}

// `rows` rows of the bottom, or what is left of it, and what sees them.
static Bands OfBottomRows(const LocalShape& s, int num, int first, int rows) {
  Bands bands = MakeBands(s, num);
  SetRows(first, first + rows, &bands.bottom);
  const int last = bands.bottom.first + bands.bottom.rows - 1;
  const int before = std::max(first + s.pad - s.kernel + s.stride, 0);
  SetRows(before / s.stride, (last + s.pad) / s.stride + 1, &bands.top);
  return bands;
}

typedef Bands (*OfRows)(const LocalShape&, int, int, int);

// As many rows as scratch has room for, or one; by the first, while a band in
// the middle, which no edge cuts off, may take some more.
static int RowsOfBand(const LocalShape& s, int num, OfRows of_rows,
                      int height) {
  int rows = height;
  while (rows > 1 && of_rows(s, num, 0, rows).size() > kMostScratch) --rows;
  return rows;
}

static int64_t Largest(const LocalShape& s, int num, OfRows of_rows,
                       int height) {
  const int rows = RowsOfBand(s, num, of_rows, height);
  int64_t size = 1;  // of a batch without images
  for (int first = 0; first < height; first += rows) {
    size = std::max(size, of_rows(s, num, first, rows).size());
  }
  return size;
}

int LocalScratch(const LocalShape& s, int num) {
  return std::max(Largest(s, num, OfTopRows, s.top_h),
                  Largest(s, num, OfBottomRows, s.height));
}

template <typename Function>
static void ForEachBand(const LocalShape& s, int num, OfRows of_rows,
                        int height, Function f) {
  if (num == 0) return;
  const int rows = RowsOfBand(s, num, of_rows, height);
  for (int first = 0; first < height; first += rows) {
    f(of_rows(s, num, first, rows));
  }
}

// ---- Outputs, and the bottom's gradient

// A block computes kResults values (outputs of a position, or channels of the
// bottom) of all images of a group; a warp kThreadResults of them, a thread for
// kImages of the images, so that a warp reads a weight at once and neighbouring
// images by neighbouring threads. Products are summed kDepth at a time.
static const int kResults = 32;
static const int kThreadResults = 8;
static const int kDepth = 32;
static const int kWarp = 32;
static const int kThreads = kResults / kThreadResults * kWarp;
static const int kPitch = kResults + 4;  // spreads stores over the banks
static const int kWeights = kDepth * kResults / kThreads;  // a thread loads

// What the results at one place, (y, x), are sums over: factor k of `count` is
// weight Weight(m, k) for result m, times the images' vector Vector(k).

// Of a position's outputs, in the weights' order: channels, then taps.
struct ForwardFactors {
  LocalShape s;
  Band in;
  int y, x, count;

  __host__ __device__ int results() const { return s.outputs; }
  __host__ __device__ int taps() const {
    return s.channels * s.kernel * s.kernel;
  }
  __device__ void MoveTo(int row, int column) {
    y = row, x = column, count = taps();
  }
  __device__ int64_t Weight(int m, int k) const {
    const int64_t filter = int64_t(y * s.top_w + x) * s.outputs + m;
    return filter * count + k;
  }
  // -1: padding.
  __device__ int Vector(int k) const {
    const int v = k % s.kernel, u = k / s.kernel % s.kernel;
    const int row = y * s.stride - s.pad + u, column = x * s.stride - s.pad + v;
    const bool inside =
        row >= 0 && row < s.height && column >= 0 && column < s.width;
    return inside ? in.Vector(k / s.kernel / s.kernel, row, column) : -1;
  }
  // Neighbouring threads load neighbouring weights of a filter.
  static __device__ int DepthOf(int i) { return i % kDepth; }
  static __device__ int ResultOf(int i) { return i / kDepth; }
};

// Of the bottom's channels: the positions that see this value, in row-major
// order, and their outputs.
struct BackwardFactors {
  LocalShape s;
  Band in;
  int y, x, count;
  int first_row, first_column, columns;  // of the positions

  __host__ __device__ int results() const { return s.channels; }
  // The first of the positions along one side that see place i, and one behind
  // the last.
  __device__ int First(int i) const {
    return max(i + s.pad - s.kernel + s.stride, 0) / s.stride;
  }
  __device__ int End(int i, int size) const {
    return min((i + s.pad) / s.stride + 1, size);
  }
  __device__ void MoveTo(int row, int column) {
    y = row, x = column;
    first_row = First(y), first_column = First(x);
    columns = max(End(x, s.top_w) - first_column, 0);
    count = max(End(y, s.top_h) - first_row, 0) * columns * s.outputs;
  }
  __device__ int64_t Weight(int m, int k) const {
    const int o = k % s.outputs, position = k / s.outputs;
    const int row = first_row + position / columns;
    const int column = first_column + position % columns;
    const int u = y + s.pad - row * s.stride, v = x + s.pad - column * s.stride;
    const int64_t filter = int64_t(row * s.top_w + column) * s.outputs + o;
    return ((filter * s.channels + m) * s.kernel + u) * s.kernel + v;
  }
  __device__ int Vector(int k) const {
    const int position = k / s.outputs;
    return in.Vector(k % s.outputs, first_row + position / columns,
                     first_column + position % columns);
  }
  // Neighbouring threads load the same tap of neighbouring channels.
  static __device__ int DepthOf(int i) { return i / kResults; }
  static __device__ int ResultOf(int i) { return i % kResults; }
};

template <typename Dtype, int kImages, typename FactorsOf>
__global__ void __launch_bounds__(kThreads)
    ProductKernel(FactorsOf f, const Band out, const Dtype* weight,
                  const Dtype* in, Dtype* results) {
  __shared__ Four<Dtype> memory[kDepth * kPitch / 4];
  __shared__ int vectors[kDepth];
  Dtype* weights = reinterpret_cast<Dtype*>(memory);
  const int groups = (out.images + kImages * kWarp - 1) / (kImages * kWarp);
  const int parts = (f.results() + kResults - 1) / kResults;
  const int group = blockIdx.x % groups;
  const int first = blockIdx.x / groups % parts * kResults;
  const int place = blockIdx.x / groups / parts;
  const int y = out.first + place / out.width, x = place % out.width;
  const int lane = threadIdx.x % kWarp;
  const int own = threadIdx.x / kWarp * kThreadResults;
  const int n = (group * kWarp + lane) * kImages;
  const bool there = n < out.images;
  f.MoveTo(y, x);

  Dtype sums[kThreadResults][kImages] = {};
  for (int k0 = 0; k0 < f.count; k0 += kDepth) {
    Dtype loaded[kWeights];
#pragma unroll
    for (int j = 0; j < kWeights; ++j) {
      const int i = j * kThreads + threadIdx.x;
      const int k = k0 + FactorsOf::DepthOf(i);
      const int m = first + FactorsOf::ResultOf(i);
      const bool is = k < f.count && m < f.results();
      loaded[j] = is ? weight[f.Weight(m, k)] : Dtype(0);
    }
    __syncthreads();  // the depth before was read
#pragma unroll
    for (int j = 0; j < kWeights; ++j) {
      const int i = j * kThreads + threadIdx.x;
      weights[FactorsOf::DepthOf(i) * kPitch + FactorsOf::ResultOf(i)] =
          loaded[j];
    }
    if (threadIdx.x < kDepth) {
      const int k = k0 + threadIdx.x;
      vectors[threadIdx.x] = k < f.count ? f.Vector(k) : -1;
    }
    __syncthreads();
    for (int k1 = 0; k1 < kDepth; k1 += kAtOnce) {
      Neighbours<Dtype, kImages> values[kAtOnce] = {};
#pragma unroll
      for (int j = 0; j < kAtOnce; ++j) {
        const int vector = vectors[k1 + j];
        if (vector >= 0 && there) {
          values[j] = *reinterpret_cast<const Neighbours<Dtype, kImages>*>(
              in + int64_t(vector) * out.images + n);
        }
      }
#pragma unroll
      for (int j = 0; j < kAtOnce; ++j) {
#pragma unroll
        for (int m = 0; m < kThreadResults; m += 4) {
          const Four<Dtype> w = *reinterpret_cast<const Four<Dtype>*>(
              weights + (k1 + j) * kPitch + own + m);
#pragma unroll
          for (int i = 0; i < 4 * kImages; ++i) {
            sums[m + i / kImages][i % kImages] +=
                w.v[i / kImages] * values[j].v[i % kImages];
          }
        }
      }
    }
  }
  if (!there) return;
#pragma unroll
  for (int m = 0; m < kThreadResults; ++m) {
    const int c = first + own + m;
    if (c >= f.results()) break;
    Neighbours<Dtype, kImages> result;
#pragma unroll
    for (int i = 0; i < kImages; ++i) result.v[i] = sums[m][i];
    *reinterpret_cast<Neighbours<Dtype, kImages>*>(
        results + int64_t(out.Vector(c, y, x)) * out.images + n) = result;
  }
}

template <typename Dtype, typename FactorsOf>
static void Product(const FactorsOf& f, const Band& out, const Dtype* weight,
                    const Dtype* in, Dtype* results) {
  const bool few = out.num <= kWarp;  // a thread an image keeps all busy
  const int images = few ? 1 : 4;
  const int groups = (out.images + images * kWarp - 1) / (images * kWarp);
  const int parts = (f.results() + kResults - 1) / kResults;
  const int blocks = groups * parts * out.rows * out.width;
  if (few) {
    // NOLINT_NEXT_LINE(whitespace/operators)
    ProductKernel<Dtype, 1, FactorsOf>
        <<<blocks, kThreads>>>(f, out, weight, in, results);
  } else {
    // NOLINT_NEXT_LINE(whitespace/operators)
    ProductKernel<Dtype, 4, FactorsOf>
        <<<blocks, kThreads>>>(f, out, weight, in, results);
  }
  CUDA_POST_KERNEL_CHECK;
}

template <typename Dtype>
void local_forward_gpu(const LocalShape& s, int num, const Dtype* bottom,
                       const Dtype* weight, const Dtype* bias, Dtype* scratch,
                       Dtype* top) {
  ForEachBand(s, num, OfTopRows, s.top_h, [&](const Bands& bands) {
    Dtype* outputs = scratch + bands.bottom.size();
    LoadBand(bands.bottom, bottom, scratch);
    Product(ForwardFactors{s, bands.bottom}, bands.top, weight,
            static_cast<const Dtype*>(scratch), outputs);
    StoreBand(bands.top, outputs, bias, top);
  });
}

template <typename Dtype>
void local_backward_bottom_gpu(const LocalShape& s, int num,
                               const Dtype* top_diff, const Dtype* weight,
                               Dtype* scratch, Dtype* bottom_diff) {
  ForEachBand(s, num, OfBottomRows, s.height, [&](const Bands& bands) {
    Dtype* gradients = scratch + bands.top.size();
    LoadBand(bands.top, top_diff, scratch);
    Product(BackwardFactors{s, bands.top}, bands.bottom, weight,
            static_cast<const Dtype*>(scratch), gradients);
    StoreBand<Dtype>(bands.bottom, gradients, NULL, bottom_diff);
  });
}

// ---- The parameters' gradients

// A block computes the gradients of kResults filters' kTaps weights at one
// position; a thread kThreadResults x kThreadTaps of them, by four images at
// once, of kDepth images that lie in shared memory.
static const int kTaps = 96;
static const int kThreadTaps = 6;
static const int kTapThreads = kTaps / kThreadTaps;
static const int kResultThreads = kResults / kThreadResults;
static const int kGradientThreads = kTapThreads * kResultThreads;
static const int kImagePitch = kDepth + 4;  // spreads rows over the banks
static_assert((kResults + kTaps) * kDepth / 4 % (kAtOnce * kGradientThreads) ==
                  0,
              "threads load as much, each");

// weight_diff += top's gradients * what the positions see.
template <typename Dtype>
__global__ void __launch_bounds__(kGradientThreads)
    WeightGradientKernel(ForwardFactors f, const Band top, const Dtype* bottom,
                         const Dtype* top_diff, Dtype* weight_diff) {
  // Rows of images: kResults of the top's gradients, then kTaps of the bottom.
  __shared__ Four<Dtype> memory[(kResults + kTaps) * kImagePitch / 4];
  __shared__ int vectors[kResults + kTaps];
  Dtype* rows = reinterpret_cast<Dtype*>(memory);
  const int taps = (f.taps() + kTaps - 1) / kTaps;
  const int parts = (f.results() + kResults - 1) / kResults;
  const int k0 = blockIdx.x % taps * kTaps;
  const int m0 = blockIdx.x / taps % parts * kResults;
  const int place = blockIdx.x / taps / parts;
  const int y = top.first + place / top.width, x = place % top.width;
  f.MoveTo(y, x);
  for (int i = threadIdx.x; i < kResults + kTaps; i += kGradientThreads) {
    const int m = m0 + i, k = k0 + i - kResults;
    if (i < kResults) {
      vectors[i] = m < f.results() ? top.Vector(m, y, x) : -1;
    } else {
      vectors[i] = k < f.count ? f.Vector(k) : -1;
    }
  }
  const int m1 = threadIdx.x % kResultThreads,
            k1 = threadIdx.x / kResultThreads;
  Dtype sums[kThreadResults][kThreadTaps] = {};
  for (int n0 = 0; n0 < top.images; n0 += kDepth) {
    __syncthreads();  // the images before were read
    const int across = kDepth / 4;
    for (int i0 = threadIdx.x; i0 < (kResults + kTaps) * across;
         i0 += kAtOnce * kGradientThreads) {
      Four<Dtype> values[kAtOnce] = {};
#pragma unroll
      for (int j = 0; j < kAtOnce; ++j) {
        const int i = i0 + j * kGradientThreads;
        const int row = i / across, n = n0 + i % across * 4;
        const Dtype* from = row < kResults ? top_diff : bottom;
        if (vectors[row] >= 0 && n < top.images) {
          values[j] = *reinterpret_cast<const Four<Dtype>*>(
              from + int64_t(vectors[row]) * top.images + n);
        }
      }
#pragma unroll
      for (int j = 0; j < kAtOnce; ++j) {
        const int i = i0 + j * kGradientThreads;
        *reinterpret_cast<Four<Dtype>*>(rows + i / across * kImagePitch +
                                        i % across * 4) = values[j];
      }
    }
    __syncthreads();
    for (int n = 0; n < kDepth; n += 4) {
      Four<Dtype> g[kThreadResults];
#pragma unroll
      for (int m = 0; m < kThreadResults; ++m) {
        g[m] = *reinterpret_cast<const Four<Dtype>*>(
            rows + (m * kResultThreads + m1) * kImagePitch + n);
      }
#pragma unroll
      for (int k = 0; k < kThreadTaps; ++k) {
        const Four<Dtype> seen = *reinterpret_cast<const Four<Dtype>*>(
            rows + (kResults + k * kTapThreads + k1) * kImagePitch + n);
#pragma unroll
        for (int i = 0; i < 4 * kThreadResults; ++i) {
          sums[i / 4][k] += g[i / 4].v[i % 4] * seen.v[i % 4];
        }
      }
    }
  }
  // All that follow must have been loaded before the first is stored.
#pragma unroll
  for (int m = 0; m < kThreadResults; ++m) {
    const int filter = m0 + m * kResultThreads + m1;
    if (filter >= f.results()) break;
    Dtype* to = weight_diff + f.Weight(filter, 0);
#pragma unroll
    for (int k = 0; k < kThreadTaps; ++k) {
      const int tap = k0 + k * kTapThreads + k1;
      if (tap < f.count) sums[m][k] += to[tap];
    }
#pragma unroll
    for (int k = 0; k < kThreadTaps; ++k) {
      const int tap = k0 + k * kTapThreads + k1;
      if (tap < f.count) to[tap] = sums[m][k];
    }
  }
}

// One thread a bias: its images in their order.
template <typename Dtype>
__global__ void BiasGradientKernel(const int count, const Band top,
                                   const Dtype* top_diff, Dtype* bias_diff) {
  CUDA_KERNEL_LOOP(index, count) {
    const int x = index % top.width, y = index / top.width % top.rows;
    const int o = index / top.width / top.rows;
    const Dtype* from = top_diff + int64_t(index) * top.images;
    Dtype sum = 0;
    for (int n = 0; n < top.num; ++n) sum += from[n];
    bias_diff[((top.first + y) * top.width + x) * top.channels + o] += sum;
  }
}

template <typename Dtype>
void local_backward_parameters_gpu(const LocalShape& s, int num,
                                   const Dtype* bottom, const Dtype* top_diff,
                                   Dtype* scratch, Dtype* weight_diff,
                                   Dtype* bias_diff) {
  ForEachBand(s, num, OfTopRows, s.top_h, [&](const Bands& bands) {
    Dtype* gradients = scratch + bands.bottom.size();
    LoadBand(bands.top, top_diff, gradients);
    if (bias_diff) {
      const int count = s.outputs * bands.top.rows * s.top_w;
      // NOLINT_NEXT_LINE(whitespace/operators)
      BiasGradientKernel<Dtype>
          <<<CAFFE_GET_BLOCKS(count), CAFFE_CUDA_NUM_THREADS>>>(
              count, bands.top, gradients, bias_diff);
      CUDA_POST_KERNEL_CHECK;
    }
    if (!weight_diff) return;
    LoadBand(bands.bottom, bottom, scratch);
    const int blocks = (s.taps() + kTaps - 1) / kTaps *
                       ((s.outputs + kResults - 1) / kResults) *
                       bands.top.rows * s.top_w;
    // NOLINT_NEXT_LINE(whitespace/operators)
    WeightGradientKernel<Dtype><<<blocks, kGradientThreads>>>(
        ForwardFactors{s, bands.bottom}, bands.top, scratch, gradients,
        weight_diff);
    CUDA_POST_KERNEL_CHECK;
  });
}

#define INSTANTIATE(Dtype)                                                     \
  template void local_forward_gpu<Dtype>(const LocalShape&, int, const Dtype*, \
                                         const Dtype*, const Dtype*, Dtype*,   \
                                         Dtype*);                              \
  template void local_backward_parameters_gpu<Dtype>(                          \
      const LocalShape&, int, const Dtype*, const Dtype*, Dtype*, Dtype*,      \
      Dtype*);                                                                 \
  template void local_backward_bottom_gpu<Dtype>(                              \
      const LocalShape&, int, const Dtype*, const Dtype*, Dtype*, Dtype*)

INSTANTIATE(float);
INSTANTIATE(double);

}  // namespace caffe
