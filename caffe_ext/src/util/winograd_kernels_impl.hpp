// The functions of winograd_kernels.hpp for one instruction set: included by
// winograd_kernels_*.cpp, each compiled for its own (CMakeLists.txt), after
// these constants:
//   kLanes        values side by side
//   kVectorLanes  of a register of the processor: kLanes or a part of them
//   kRegisters    the most outputs of a product, in kLanes
//   kTiles        the most tiles of one: all sums and what they are made of
//                 fit the processor's registers
// All is in an unnamed namespace, and nothing of the standard library is used:
// the linker keeps one copy of an inline function, for all processors.
#ifndef CAFFE_EXT_SRC_UTIL_WINOGRAD_KERNELS_IMPL_HPP_
#define CAFFE_EXT_SRC_UTIL_WINOGRAD_KERNELS_IMPL_HPP_

#include "caffe/util/winograd_kernels.hpp"

#define ALWAYS_INLINE __attribute__((always_inline)) inline

namespace caffe {
namespace winograd {
namespace {  // NOLINT(build/namespaces_headers)

typedef float Lanes __attribute__((vector_size(4 * kLanes)));
typedef float LanesInMemory
    __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));
typedef float Vector __attribute__((vector_size(4 * kVectorLanes)));
typedef float VectorInMemory
    __attribute__((vector_size(4 * kVectorLanes), aligned(4), may_alias));

// (Pointers: clang takes what a reference is to for aligned.)
ALWAYS_INLINE const LanesInMemory* At(const float* values) {
  return reinterpret_cast<const LanesInMemory*>(values);
}

ALWAYS_INLINE LanesInMemory* At(float* values) {
  return reinterpret_cast<LanesInMemory*>(values);
}

ALWAYS_INLINE const VectorInMemory* VectorAt(const float* values) {
  return reinterpret_cast<const VectorInMemory*>(values);
}

ALWAYS_INLINE VectorInMemory* VectorAt(float* values) {
  return reinterpret_cast<VectorInMemory*>(values);
}

// In one dimension: pixels d to points, taps g to points, points m to outputs.

// (Values are Lanes or float; no arrays, which keep loops from being
// vectorised.)
template <typename Value>
ALWAYS_INLINE void ToPoints(const Value& d0, const Value& d1, const Value& d2,
                            const Value& d3, const Value& d4, Value* p0,
                            Value* p1, Value* p2, Value* p3, Value* p4) {
  const Value difference = d3 - d1;
  *p0 = 2 * (d0 - d2) + difference;
  *p1 = d3 - d2 - 2 * d1;
  *p2 = d3 - 3 * d2 + 2 * d1;
  *p3 = difference;
  *p4 = d4 - d2 - 2 * difference;
}

ALWAYS_INLINE void ToPoints(const Lanes d[kTile], Lanes p[kTile]) {
  ToPoints(d[0], d[1], d[2], d[3], d[4], &p[0], &p[1], &p[2], &p[3], &p[4]);
}

ALWAYS_INLINE void TapsToPoints(const Lanes g[kStep], Lanes points[kTile]) {
  const Lanes even = g[0] + g[2];
  points[0] = g[0] * .5f;
  points[1] = (even + g[1]) * -.5f;
  points[2] = (even - g[1]) * (-1.f / 6);
  points[3] = (g[0] + 2 * g[1] + 4 * g[2]) * (1.f / 6);
  points[4] = g[2];
}

ALWAYS_INLINE void FromPoints(const Lanes m[kTile], Lanes outputs[kStep]) {
  const Lanes sum = m[1] + m[2];
  outputs[0] = m[0] + sum + m[3];
  outputs[1] = m[1] - m[2] + 2 * m[3];
  outputs[2] = sum + 4 * m[3] + m[4];
}

void TransformTaps(const float* taps, float* points, int point) {
  Lanes half[kStep][kTile];  // (row of taps, column of points)
  for (int i = 0; i < kStep; ++i) {
    Lanes g[kStep];
    for (int j = 0; j < kStep; ++j) g[j] = *At(taps + (i * kStep + j) * kLanes);
    TapsToPoints(g, half[i]);
  }
  for (int q = 0; q < kTile; ++q) {
    Lanes g[kStep], column[kTile];
    for (int i = 0; i < kStep; ++i) g[i] = half[i][q];
    TapsToPoints(g, column);
    for (int p = 0; p < kTile; ++p) {
      *At(points + (p * kTile + q) * point) = column[p];
    }
  }
}

// Columns of pixels, then rows of what that gave.
void TransformBlocks(const float* const rows[kTile], int width, int pad,
                     int tiles, float* line, float* points, int point) {
  const int line_width = LineWidth(tiles);
  for (int x = 0; x < line_width; ++x) {
    const int from = x - pad;
    Lanes d[kTile], column[kTile];
    if (from < 0 || from >= width) {
      for (int p = 0; p < kTile; ++p) column[p] = Lanes();
    } else {
      for (int i = 0; i < kTile; ++i) d[i] = *At(rows[i] + from * kLanes);
      ToPoints(d, column);
    }
    for (int p = 0; p < kTile; ++p) {
      *At(line + (p * line_width + x) * kLanes) = column[p];
    }
  }
  for (int p = 0; p < kTile; ++p) {
    const float* from = line + p * line_width * kLanes;
    float* to = points + p * kTile * point;
    for (int tile = 0; tile < tiles; ++tile) {
      Lanes d[kTile], row[kTile];
      for (int i = 0; i < kTile; ++i) {
        d[i] = *At(from + (tile * kStep + i) * kLanes);
      }
      ToPoints(d, row);
      for (int q = 0; q < kTile; ++q) {
        *At(to + q * point + tile * kLanes) = row[q];
      }
    }
  }
}

void TransformChannel(const float* const rows[kTile], int width, int pad,
                      int tiles, float* line, float* points, int point) {
  const int line_width = LineWidth(tiles);
  for (int p = 0; p < kTile * line_width; ++p) line[p] = 0;
  const float *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3],
              *r4 = rows[4];
  const int end = width < line_width - pad ? width : line_width - pad;
  float* to = line + pad;
#pragma omp simd
  for (int x = 0; x < end; ++x) {
    ToPoints(r0[x], r1[x], r2[x], r3[x], r4[x], &to[x], &to[x + line_width],
             &to[x + 2 * line_width], &to[x + 3 * line_width],
             &to[x + 4 * line_width]);
  }
  for (int p = 0; p < kTile; ++p) {
    const float* from = line + p * line_width;
    float* q = points + p * kTile * point;
#pragma omp simd
    for (int tile = 0; tile < tiles; ++tile) {
      const float* d = from + kStep * tile;
      ToPoints(d[0], d[1], d[2], d[3], d[4], &q[tile], &q[tile + point],
               &q[tile + 2 * point], &q[tile + 3 * point],
               &q[tile + 4 * point]);
    }
  }
}

void TransformTiles(const float* const rows[kTile], int width, int pad,
                    int tiles, int block, float* line, float* points,
                    int point) {
  (block == 1 ? TransformChannel : TransformBlocks)(rows, width, pad, tiles,
                                                    line, points, point);
}

// The sums stay in registers.
template <int kBlock, int kOutputs, int kRun>
void MultiplyRun(const float* x, const int* offsets, int taps,
                 const float* filters, float* y, int next) {
  const int kVectors = kOutputs * kLanes / kVectorLanes;
  Vector sums[kVectors][kRun] = {};
  for (int tap = 0; tap < taps; ++tap) {
    const float* from = x + offsets[tap];
    for (int k = 0; k < kBlock; ++k, filters += kOutputs * kLanes) {
      Vector filter[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        filter[v] = *VectorAt(filters + v * kVectorLanes);
      }
#pragma GCC unroll 14
      for (int tile = 0; tile < kRun; ++tile) {
        const float value = from[tile * kBlock + k];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sums[v][tile] += filter[v] * value;
      }
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const int lane = v * kVectorLanes;
    float* to = y + lane / kLanes * next + lane % kLanes;
#pragma GCC unroll 14
    for (int tile = 0; tile < kRun; ++tile) {
      *VectorAt(to + tile * kLanes) = sums[v][tile];
    }
  }
}

typedef void (*MultiplyFunction)(const float*, const int*, int, const float*,
                                 float*, int);

// The function for a run of so many tiles, kRun or fewer.
template <int kBlock, int kOutputs, int kRun>
struct ForTiles {
  static MultiplyFunction Get(int tiles) {
    return tiles == kRun ? MultiplyRun<kBlock, kOutputs, kRun>
                         : ForTiles<kBlock, kOutputs, kRun - 1>::Get(tiles);
  }
};

template <int kBlock, int kOutputs>
struct ForTiles<kBlock, kOutputs, 1> {
  static MultiplyFunction Get(int) { return MultiplyRun<kBlock, kOutputs, 1>; }
};

template <int kBlock>
MultiplyFunction ForOutputs(int registers, int tiles) {
  return registers == 1 ? ForTiles<kBlock, 1, kTiles>::Get(tiles)
                        : ForTiles<kBlock, kRegisters, kTiles>::Get(tiles);
}

void Multiply(const float* x, int block, const int* offsets, int taps,
              const float* filters, int registers, int tiles, float* y,
              int next) {
  const MultiplyFunction function = block == 1
                                        ? ForOutputs<1>(registers, tiles)
                                        : ForOutputs<kLanes>(registers, tiles);
  function(x, offsets, taps, filters, y, next);
}

ALWAYS_INLINE void Store(const Lanes& value, bool past_cache, float* y) {
#if defined(__clang__) && defined(__AVX__)
  if (past_cache) {
    return __builtin_nontemporal_store(value, reinterpret_cast<Lanes*>(y));
  }
#elif defined(__AVX512F__)
  if (past_cache) return __builtin_ia32_movntps512(y, value);
#elif defined(__AVX__)
  if (past_cache) return __builtin_ia32_movntps256(y, value);
#else
  (void)past_cache;
#endif
  *At(y) = value;
}

void TransformBack(const float* points, int point, const float* bias,
                   int height, int width, const float* identity, float* y,
                   int row, bool past_cache) {
  Lanes half[kStep][kTile];  // (row of outputs, column of points)
  for (int q = 0; q < kTile; ++q) {
    Lanes m[kTile], column[kStep];
    for (int p = 0; p < kTile; ++p)
      m[p] = *At(points + (p * kTile + q) * point);
    FromPoints(m, column);
    for (int i = 0; i < kStep; ++i) half[i][q] = column[i];
  }
  for (int i = 0; i < height; ++i) {
    Lanes outputs[kStep];
    FromPoints(half[i], outputs);
    for (int j = 0; j < width; ++j) {
      const int there = i * row + j * kLanes;
      Lanes value = outputs[j] + *At(bias);
      if (identity) value += *At(identity + there);
      Store(value, past_cache, y + there);
    }
  }
}

}  // namespace
}  // namespace winograd
}  // namespace caffe

#undef ALWAYS_INLINE

#endif  // CAFFE_EXT_SRC_UTIL_WINOGRAD_KERNELS_IMPL_HPP_
