#ifndef CAFFE_UTIL_WINOGRAD_WEIGHT_GRADIENT_HPP_
#define CAFFE_UTIL_WINOGRAD_WEIGHT_GRADIENT_HPP_

#include "caffe/util/winograd_convolution.hpp"

namespace caffe {

/**
 * @brief The gradient of a small convolution's weights and bias as
 *        WinogradConvolution computes, on the calling thread.
 *
 * A tap's gradient is a sum of the bottom's values times the top's gradient,
 * tap by tap as far apart: F(3 x 3, 3 x 3) with 3 x 3 gradients for taps. So it
 * is 25 products, of channels and outputs, summed over tiles and images, and
 * one transform in the end.
 */
class WinogradWeightGradient {
 public:
  typedef WinogradConvolution::Shape Shape;

  /// Kernels are at most 3 x 3, channels and outputs multiples of 16.
  static bool Fits(const Shape& shape);

  explicit WinogradWeightGradient(const Shape& shape);

  /// Begins with nothing.
  void Clear();
  /// One image more: bottom and the top's gradient, in blocks of 16 channels.
  void Add(const float* x, const float* g);
  /// Adds what was gathered: to (outputs, channels, kernel_h, kernel_w) and to
  /// (outputs), each unless NULL.
  void AddTo(float* weight_diff, float* bias_diff) const;

 private:
  void TransformBottom(const float* x);
  void TransformGradients(const float* g);
  void Multiply();

  Shape shape_;
  int tiles_h_, tiles_w_;
  int registers_;  // of outputs side by side
  int x_point_, g_point_, sum_point_;
  vector<int> offsets_;            // of tiles
  WinogradConvolution::Buffer x_;  // (points, channels / 16, tiles, 16)
  WinogradConvolution::Buffer g_;  // (points, outputs, tiles, registers, 16)
  // (points, outputs / 16, channels, 16), of one image and of all.
  WinogradConvolution::Buffer image_, sums_;
  WinogradConvolution::Buffer bias_;  // (outputs)
  WinogradConvolution::Buffer line_, zeros_;
};

}  // namespace caffe

#endif  // CAFFE_UTIL_WINOGRAD_WEIGHT_GRADIENT_HPP_
