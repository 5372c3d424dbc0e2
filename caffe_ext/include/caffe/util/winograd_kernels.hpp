#ifndef CAFFE_UTIL_WINOGRAD_KERNELS_HPP_
#define CAFFE_UTIL_WINOGRAD_KERNELS_HPP_

namespace caffe {

/**
 * The inner loops of WinogradConvolution, in AVX-512: F(3 x 3, 3 x 3) at the
 * points 0, 1, -1, 2 and infinity. Each runs on the calling thread.
 *
 * Values transformed are called points: 25 a tile, in rows of 5. `point` is the
 * distance between two of them. A block is kLanes channels side by side, or one
 * channel.
 */
namespace winograd {

const int kLanes = 16;              // of a register
const int kStep = 3;                // outputs of a tile, and taps of a segment
const int kTile = 5;                // pixels of a tile
const int kPoints = kTile * kTile;  // values of a transformed tile
const int kMaxTiles = 14;           // of one product: their sums fill registers

/// Whether this processor, and this build, can run what follows.
bool Available();

/// 3 x 3 taps for each of kLanes outputs, (3, 3, kLanes), to points.
void TransformTaps(const float* taps, float* points, int point);

/**
 * @brief Transforms a row of tiles of a block.
 *
 * @param rows   where each of the kTile rows of pixels begins
 * @param width  pixels of a row
 * @param pad    zeros before a row; behind it there are as many as needed
 * @param tiles  their number
 * @param block  channels side by side: kLanes or 1
 * @param line   temporary, (kTile, LineWidth(tiles), block)
 * @param points (tiles, block) for each point
 */
void TransformTiles(const float* const rows[kTile], int width, int pad,
                    int tiles, int block, float* line, float* points,
                    int point);
inline int LineWidth(int tiles) {
  return kStep * tiles + kTile - kStep;
}

/**
 * @brief Sums over taps of one point, for a run of tiles and one or two
 *        registers of outputs.
 *
 * @param x       (tiles, block), and the same elsewhere for other taps
 * @param block   channels side by side: kLanes or 1
 * @param offsets where each tap's values begin, from x
 * @param taps    number of them
 * @param filters (taps, block, registers, kLanes)
 * @param tiles   1 to kMaxTiles
 * @param y       (tiles, kLanes) for each register, `next` apart
 */
void Multiply(const float* x, int block, const int* offsets, int taps,
              const float* filters, int registers, int tiles, float* y,
              int next);

/// Points of one tile to height x width outputs (at most kStep each) in y, rows
/// being `row` values apart: + bias, + identity, in like rows, unless NULL.
/// past_cache: written to memory directly; y is a multiple of 64 bytes then,
/// and other threads see it after FinishPastCache.
void TransformBack(const float* points, int point, const float* bias,
                   int height, int width, const float* identity, float* y,
                   int row, bool past_cache);
void FinishPastCache();

}  // namespace winograd
}  // namespace caffe

#endif  // CAFFE_UTIL_WINOGRAD_KERNELS_HPP_
