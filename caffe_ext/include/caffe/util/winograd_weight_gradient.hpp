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
  typedef winograd::Kernels Kernels;

  /// Filters are at most 3 x 3, channels and outputs multiples of the kernels'
  /// lanes.
  static bool Fits(const Shape& shape,
                   const Kernels& kernels = winograd::Best());

  explicit WinogradWeightGradient(const Shape& shape,
                                  const Kernels& kernels = winograd::Best());

  /// Begins with nothing.
  void Clear();
  /// One image more: bottom and the top's gradient, in blocks of as many
  /// channels as the kernels have lanes.
  void Add(const float* x, const float* g);
  /// Adds what was gathered: to (outputs, channels, kernel_h, kernel_w) and to
  /// (outputs), each unless NULL.
  void AddTo(float* weight_diff, float* bias_diff) const;

 private:
  void TransformBottom(const float* x);
  void TransformGradients(const float* g);
  void Multiply();

  const Kernels* kernels_;
  int lanes_;  // theirs
  Shape shape_;
  int tiles_h_, tiles_w_;
  int registers_;  // of outputs side by side
  int x_point_, g_point_, sum_point_;
  vector<int> offsets_;            // of tiles
  WinogradConvolution::Buffer x_;  // (points, channels / lanes, tiles, lanes)
  WinogradConvolution::Buffer g_;  // (points, outputs, tiles, registers, lanes)
  // (points, outputs / lanes, channels, lanes), of one image and of all.
  WinogradConvolution::Buffer image_, sums_;
  WinogradConvolution::Buffer bias_;  // (outputs)
  WinogradConvolution::Buffer line_, zeros_;
};

}  // namespace caffe

#endif  // CAFFE_UTIL_WINOGRAD_WEIGHT_GRADIENT_HPP_
