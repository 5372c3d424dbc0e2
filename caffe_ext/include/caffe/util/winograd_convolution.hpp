#ifndef CAFFE_UTIL_WINOGRAD_CONVOLUTION_HPP_
#define CAFFE_UTIL_WINOGRAD_CONVOLUTION_HPP_

#include <vector>

#include "caffe/common.hpp"
#include "caffe/util/winograd_buffers.hpp"
#include "caffe/util/winograd_kernels.hpp"

namespace caffe {

/**
 * @brief Convolution of stride 1 in fewer multiplications.
 *
 * Winograd's minimal filtering (S. Winograd, Arithmetic Complexity of
 * Computations, 1980; for networks: A. Lavin and S. Gray, Fast Algorithms for
 * Convolutional Neural Networks, CVPR 2016), here F(3 x 3, 3 x 3): 3 x 3
 * outputs of 3 x 3 taps from 25 products instead of 81. A tile of 5 x 5 pixels
 * every 3 is transformed to 25 values, and so are the filters; what is a
 * convolution of pixels with 3 x 3 taps is then 25 products, one for each
 * value. A larger kernel is cut into segments of 3 x 3 taps (filled up with
 * zeros), as far apart as the tiles are: so it is 25 convolutions of
 * ceil(k / 3) x ceil(k / 3) taps over tiles, and each tile is transformed once.
 * 11 x 11 taps take 44 products an output, 8 x 8 take 25, 3 x 3 take 2.8.
 *
 * Sums are rounded two to three times as coarsely as a plain loop's: by 1.3e-6
 * of the outputs' RMS in the worst layer of the paper's networks, 1.1e-5 at
 * most. A pixel that is infinite or no number spoils all outputs of its tiles.
 * Results are the same bits for any number of threads, and of images in a call.
 *
 * Forward uses all threads that are available, or the calling one in a parallel
 * region.
 */
class WinogradConvolution {
 public:
  typedef winograd::Kernels Kernels;

  /// Transformed filters and the bias, for objects of one shape.
  struct Filters {
    winograd::Buffer
        points;             // (points, outputs, taps, block, registers, lanes)
    winograd::Buffer bias;  // (outputs)
  };

  /// Of one image and one group; filters are (outputs, channels, kernel_h,
  /// kernel_w), dense, at stride 1.
  struct Shape {
    int channels, height, width;
    int outputs, kernel_h, kernel_w, pad_h, pad_w;
    bool operator==(const Shape& other) const;
    int out_height() const { return height + 2 * pad_h - kernel_h + 1; }
    int out_width() const { return width + 2 * pad_w - kernel_w + 1; }
  };

  /// Images whose channels lie in blocks side by side, a pixel's values of a
  /// block together: distances between images, blocks, and rows of a block.
  struct Layout {
    int image, block, row;
  };
  /// Of (N, C, H, W), or of (N, C / block, H, W, block).
  static Layout Dense(int channels, int height, int width, int block);

  /// Whether it takes the pads (not negative) and the numbers of channels
  /// (outputs are a multiple of the kernels' lanes, channels are or are fewer);
  /// false also where the filters would take more than 256 MiB or a thread's
  /// buffer more than 64.
  static bool Fits(const Shape& shape,
                   const Kernels& kernels = winograd::Best());

  /// Whether it fits and saves more than its transforms take, beside a direct
  /// convolution at the processor's peak; those of the filters for num images
  /// included, unless they are kept.
  static bool Pays(const Shape& shape, int num, bool filters_kept = false,
                   const Kernels& kernels = winograd::Best());

  explicit WinogradConvolution(const Shape& shape,
                               const Kernels& kernels = winograd::Best());
  const Shape& shape() const { return shape_; }

  /// How many of the bottom's channels lie side by side: the kernels' lanes, or
  /// 1 where there are fewer channels. (Of the top's: always the lanes.)
  int block() const { return block_; }

  /// bias NULL: 0.
  void Transform(const float* filters, const float* bias, Filters* to) const;
  /// For the gradient of another convolution's bottom, from its top's: that
  /// one's filters, (channels, outputs, kernel_h, kernel_w).
  void TransformTransposed(const float* filters, Filters* to) const;
  /// The shape that computes it.
  static Shape GradientOf(const Shape& shape);

  /// y = W * x + b for num images, + identity, in y's layout, unless NULL; it
  /// may be y. past_cache: y goes to memory directly, which is faster when it
  /// would have left the caches before somebody reads it.
  void Forward(const Filters& filters, const float* x, const Layout& x_layout,
               int num, const float* identity, float* y, const Layout& y_layout,
               bool past_cache) const;
  /// Whether so many values would.
  static bool OutgrowCaches(int values) { return values > 4 << 20; }

 private:
  // Rows of tiles are those of all images, one after the other.
  struct Rows {
    int first, last;  // last not included
  };

  // Where a filter's taps are, and how far apart outputs' and channels'
  // filters.
  void TransformFilters(const float* filters, int output, int channel,
                        bool mirrored, winograd::Buffer* to) const;
  // points: what a thread has for a pass, PassValues() of them.
  int PassValues() const;
  void TransformTiles(const float* x, const Layout& layout, Rows rows,
                      float* points) const;
  void Multiply(const Filters& filters, Rows rows, float* points) const;
  void TransformBack(const Filters& filters, Rows rows, const float* points,
                     const float* identity, float* y, const Layout& layout,
                     bool past_cache) const;

  const Kernels* kernels_;
  int lanes_;  // theirs
  Shape shape_;
  int block_, registers_;  // of channels, of outputs: what lies side by side
  int segments_h_, segments_w_;
  int tiles_h_, tiles_w_;  // of the top
  int rows_, columns_;     // of tiles of the bottom
  int pass_rows_;          // rows of the top's tiles that are made in one go,
  int pass_x_rows_;        // and of the bottom's that they need
  int x_point_, y_point_;  // values of a point of those rows
  vector<int> offsets_;    // of taps in a point
};

}  // namespace caffe

#endif  // CAFFE_UTIL_WINOGRAD_CONVOLUTION_HPP_
