#include "caffe/util/winograd_patch_convolution.hpp"

namespace caffe {

static WinogradConvolution::Shape Shape(int channels, int height, int width,
                                        int kernel) {
  return {channels, height, width,      channels,
          kernel,   kernel, kernel / 2, kernel / 2};
}

bool WinogradPatchConvolution::Pays(int channels, int height, int width,
                                    int kernel, int num, bool filters_kept) {
  const WinogradConvolution::Shape shape =
      Shape(channels, height, width, kernel);
  return shape.channels % winograd::Best().lanes == 0 &&
         WinogradConvolution::Pays(shape, num, filters_kept);
}

WinogradPatchConvolution::WinogradPatchConvolution(int channels, int height,
                                                   int width, int kernel)
    : patch_(WinogradConvolution::Dense(channels, height, width,
                                        winograd::Best().lanes)),
      forward_(Shape(channels, height, width, kernel)),
      backward_(WinogradConvolution::GradientOf(forward_.shape())),
      filters_(NULL),
      gradient_(forward_.shape()) {}

void WinogradPatchConvolution::SetBackward(const float* weight) {
  backward_.TransformTransposed(weight, &backward_filters_);
  gradient_.Clear();
}

}  // namespace caffe
