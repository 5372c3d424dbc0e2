#ifndef CAFFE_UTIL_WINOGRAD_KERNELS_HPP_
#define CAFFE_UTIL_WINOGRAD_KERNELS_HPP_

#include <vector>

namespace caffe {

/**
 * The inner loops of WinogradConvolution: F(3 x 3, 3 x 3) at the points 0, 1,
 * -1, 2 and infinity. Each runs on the calling thread. They are written once
 * (src/util/winograd_kernels_impl.hpp) and compiled for several instruction
 * sets, of which the processor's best is chosen at run time.
 *
 * Values transformed are called points: 25 a tile, in rows of 5. `point` is the
 * distance between two of them. A block is `lanes` channels side by side, or
 * one channel.
 */
namespace winograd {

const int kStep = 3;                // outputs of a tile, and taps of a segment
const int kTile = 5;                // pixels of a tile
const int kPoints = kTile * kTile;  // values of a transformed tile
const int kMostLanes = 16;          // of any kernels

// (In each file its own: one that the linker shares might be the one that was
// compiled for another processor.)
static inline int LineWidth(int tiles) {
  return kStep * tiles + kTile - kStep;
}

/// Those of one instruction set.
struct Kernels {
  const char* name;  // of the instruction set
  int lanes;         // values side by side: 16 or 8
  int registers;     // of a product: `lanes` outputs each, at most
  int tiles;         // likewise: their sums fill the processor's registers

  /// 3 x 3 taps for each of `lanes` outputs, (3, 3, lanes), to points.
  void (*transform_taps)(const float* taps, float* points, int point);

  /**
   * @brief Transforms a row of tiles of a block.
   *
   * @param rows   where each of the kTile rows of pixels begins
   * @param width  pixels of a row
   * @param pad    zeros before a row; behind it there are as many as needed
   * @param tiles  their number
   * @param block  channels side by side: lanes or 1
   * @param line   temporary, (kTile, LineWidth(tiles), block)
   * @param points (tiles, block) for each point
   */
  void (*transform_tiles)(const float* const rows[kTile], int width, int pad,
                          int tiles, int block, float* line, float* points,
                          int point);

  /**
   * @brief Sums over taps of one point, for a run of tiles and some registers
   *        of outputs.
   *
   * @param x         (tiles, block), and the same elsewhere for other taps
   * @param block     channels side by side: lanes or 1
   * @param offsets   where each tap's values begin, from x
   * @param taps      number of them
   * @param filters   (taps, block, registers, lanes)
   * @param registers 1 to this->registers
   * @param tiles     1 to this->tiles
   * @param y         (tiles, lanes) for each register, `next` apart
   */
  void (*multiply)(const float* x, int block, const int* offsets, int taps,
                   const float* filters, int registers, int tiles, float* y,
                   int next);

  /// Points of one tile to height x width outputs (at most kStep each) in y,
  /// rows being `row` values apart: + bias, + identity, in like rows, unless
  /// NULL. past_cache: written to memory directly; y is a multiple of `lanes`
  /// values' bytes then, and other threads see it after FinishPastCache.
  void (*transform_back)(const float* points, int point, const float* bias,
                         int height, int width, const float* identity, float* y,
                         int row, bool past_cache);
};

void FinishPastCache();

/// Those of this build, the fastest first; the last runs on any processor.
const std::vector<const Kernels*>& All();

/// Whether this processor has their instruction set.
bool Runs(const Kernels& kernels);

/// The fastest that run, and that oneDNN may use as well (ONEDNN_MAX_CPU_ISA):
/// so both work in blocks of as many channels.
const Kernels& Best();

}  // namespace winograd
}  // namespace caffe

#endif  // CAFFE_UTIL_WINOGRAD_KERNELS_HPP_
