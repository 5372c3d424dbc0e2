#ifndef CAFFE_UTIL_WINOGRAD_WEIGHT_GRADIENT_HPP_
#define CAFFE_UTIL_WINOGRAD_WEIGHT_GRADIENT_HPP_

#include "caffe/util/winograd_convolution.hpp"

namespace caffe {

/**
 * @brief The gradient of a convolution's weights and bias as
 *        WinogradConvolution computes, on the calling thread.
 *
 * A tap's gradient is a sum of the bottom's values times the top's gradient,
 * tap by tap as far apart: F(3 x 3, 3 x 3) with 3 x 3 gradients for taps. So it
 * is 25 products, of channels and outputs, summed over tiles and images, and
 * one transform in the end. A larger kernel's segments of 3 x 3 taps are as far
 * apart as tiles: each has its own products, of the same transformed tiles.
 */
class WinogradWeightGradient {
 public:
  typedef WinogradConvolution::Shape Shape;
  typedef winograd::Kernels Kernels;

  /// Whether Add is faster than a plain sum, and what was gathered takes 512
  /// KiB at most (more would be read from memory for each image); false also
  /// for shapes that do not fit (WinogradConvolution::Fits).
  static bool Pays(const Shape& shape,
                   const Kernels& kernels = winograd::Best());

  explicit WinogradWeightGradient(const Shape& shape,
                                  const Kernels& kernels = winograd::Best());
  const Shape& shape() const { return shape_; }

  /// How many of the bottom's channels lie side by side, as
  /// WinogradConvolution's. (Of the top's: always the kernels' lanes.)
  int block() const { return block_; }

  /// Begins with nothing.
  void Clear();
  /// One image more: bottom and the top's gradient, dense, in those blocks.
  void Add(const float* x, const float* g);
  /// Adds what was gathered: to (outputs, channels, kernel_h, kernel_w) and to
  /// (outputs), each unless NULL.
  void AddTo(float* weight_diff, float* bias_diff) const;

 private:
  // Some sums that are side by side, of a register's outputs each: of channels,
  // or of segments in a row.
  struct Product {
    int x;      // where its values begin in a point of the bottom
    int sum;    // its first
    int count;  // at most the kernels' tiles
  };
  void PlanProducts();
  int Sum(int channel, int segment) const;
  // What a pass needs, in the thread's scratch.
  struct Pass {
    float* x;        // (points, channels / block, rows, columns, block)
    float* g;        // (points, outputs, tiles, registers, lanes)
    float* product;  // as sums_, of one point and registers_
    float *line, *zeros;
  };
  Pass BeginPass() const;
  // Rows of tiles from `row` on.
  void TransformBottom(const float* x, int row, int rows, const Pass& pass);
  void TransformGradients(const float* g, int row, int rows, const Pass& pass);
  void Multiply(int rows, const Pass& pass);

  const Kernels* kernels_;
  int lanes_;  // theirs
  Shape shape_;
  int block_, registers_;  // of channels, of outputs: what lies side by side
  int segments_h_, segments_w_;
  int tiles_h_, tiles_w_;        // of the top
  int columns_;                  // of tiles of the bottom
  int pass_rows_, pass_x_rows_;  // as WinogradConvolution's
  int sums_of_output_;           // channels times segments
  int x_point_, g_point_, sum_point_;
  vector<Product> products_;
  vector<int> offsets_;    // of tiles in a point of the bottom
  winograd::Buffer sums_;  // (points, outputs / lanes, sums, lanes), of all
                           // images
  winograd::Buffer bias_;  // (outputs)
};

}  // namespace caffe

#endif  // CAFFE_UTIL_WINOGRAD_WEIGHT_GRADIENT_HPP_
