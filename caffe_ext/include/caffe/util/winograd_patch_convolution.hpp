#ifndef CAFFE_UTIL_WINOGRAD_PATCH_CONVOLUTION_HPP_
#define CAFFE_UTIL_WINOGRAD_PATCH_CONVOLUTION_HPP_

#include "caffe/util/winograd_convolution.hpp"
#include "caffe/util/winograd_weight_gradient.hpp"

namespace caffe {

/**
 * @brief What PatchConvolution (onednn_patch_convolution.hpp) does, in fewer
 *        multiplications: the convolution of one (C, h, w) image after the
 *        other with C filters (C, C, k, k), k odd, zero-padded to the image's
 *        own size, on the calling thread.
 *
 * Images are in blocks of winograd::Best().lanes channels, filters in Caffe's
 * layout. An object has buffers of its own: one a thread.
 */
class WinogradPatchConvolution {
 public:
  typedef WinogradConvolution::Layout Layout;
  typedef WinogradConvolution::Filters Filters;

  /// Whether it is faster, for so many images with the same filters.
  static bool Pays(int channels, int height, int width, int kernel, int num,
                   bool filters_kept);

  WinogradPatchConvolution(int channels, int height, int width, int kernel);

  /// The filters of what follows; bias NULL: 0.
  void SetForward(const float* weight, const float* bias) {
    Transform(weight, bias, &own_filters_);
    filters_ = &own_filters_;
  }
  /// Likewise, transformed before.
  void SetForward(const Filters& filters) { filters_ = &filters; }
  void Transform(const float* weight, const float* bias, Filters* to) const {
    forward_.Transform(weight, bias, to);
  }
  /// Likewise. Also forgets what BackwardWeight gathered.
  void SetBackward(const float* weight);

  /// y = W * x + b + identity; x is a patch by itself, identity and y (which
  /// may be the same) are parts of larger images. past_cache: as
  /// WinogradConvolution.
  void Forward(const float* x, const float* identity, float* y,
               const Layout& layout, bool past_cache) const {
    forward_.Forward(*filters_, x, patch_, 1, identity, y, layout, past_cache);
  }
  /// Gathers the gradients of weights and bias; g is the output's.
  void BackwardWeight(const float* g, const float* x) { gradient_.Add(x, g); }
  /// Adds what was gathered, each unless NULL.
  void AddWeightDiff(float* weight_diff, float* bias_diff) const {
    gradient_.AddTo(weight_diff, bias_diff);
  }
  void BackwardData(const float* g, float* dx) const {
    backward_.Forward(backward_filters_, g, patch_, 1, NULL, dx, patch_, false);
  }

 private:
  Layout patch_;
  WinogradConvolution forward_, backward_;
  Filters own_filters_, backward_filters_;
  const Filters* filters_;
  WinogradWeightGradient gradient_;
};

}  // namespace caffe

#endif  // CAFFE_UTIL_WINOGRAD_PATCH_CONVOLUTION_HPP_
