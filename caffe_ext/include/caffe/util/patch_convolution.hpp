#ifndef CAFFE_UTIL_PATCH_CONVOLUTION_HPP_
#define CAFFE_UTIL_PATCH_CONVOLUTION_HPP_

#include <vector>

#include "caffe/util/winograd_convolution.hpp"
#include "caffe/util/winograd_weight_gradient.hpp"

namespace caffe {

/**
 * @brief The convolution of one (C, h, w) image after the other with C filters
 *        (C, C, k, k), k odd, zero-padded to the image's own size, on the
 *        calling thread: what RegionLayer does with a patch.
 *
 * Images are dense, in blocks of b channels side by side, (C / b, h, w, b);
 * filters are in Caffe's layout. An object has buffers of its own: one a
 * thread.
 */
template <typename Dtype>
class PatchConvolution {
 public:
  /// Of larger images that an image is a part of.
  typedef WinogradConvolution::Layout Layout;

  virtual ~PatchConvolution() {}
  /// The filters of what follows; bias NULL: 0.
  virtual void SetForward(const Dtype* weight, const Dtype* bias) = 0;
  /// y = W * x + b + identity; identity and y (which may be the same) are parts
  /// of larger images. past_cache: as WinogradConvolution.
  virtual void Forward(const Dtype* x, const Dtype* identity, Dtype* y,
                       const Layout& layout, bool past_cache) = 0;
  /// The filters of what follows. Also forgets what BackwardWeight gathered.
  virtual void SetBackward(const Dtype* weight) = 0;
  /// Gathers the gradients of weights and bias; g is the output's.
  virtual void BackwardWeight(const Dtype* g, const Dtype* x) = 0;
  /// Adds what was gathered, each unless NULL.
  virtual void AddWeightDiff(Dtype* weight_diff, Dtype* bias_diff) const = 0;
  virtual void BackwardData(const Dtype* g, Dtype* dx) = 0;
};

/**
 * @brief In plain sums, of images (C, h, w): b = 1.
 *
 * With the image padded to rows of w + k - 1 values, a tap (u, v) of all
 * filters multiplies one contiguous window of every channel, so that the sum
 * over taps is k k matrix products and nothing is unrolled:
 *
 *   y[:, l] = sum over u, v of W[:, :, u, v] x[:, l + u (w + k - 1) + v]
 *
 * The price is k - 1 products wasted at each row's end.
 */
template <typename Dtype>
class PlainPatchConvolution : public PatchConvolution<Dtype> {
 public:
  typedef typename PatchConvolution<Dtype>::Layout Layout;

  PlainPatchConvolution(int channels, int height, int width, int kernel);
  virtual void SetForward(const Dtype* weight, const Dtype* bias);
  virtual void Forward(const Dtype* x, const Dtype* identity, Dtype* y,
                       const Layout& layout, bool past_cache);
  virtual void SetBackward(const Dtype* weight);
  virtual void BackwardWeight(const Dtype* g, const Dtype* x);
  virtual void AddWeightDiff(Dtype* weight_diff, Dtype* bias_diff) const;
  virtual void BackwardData(const Dtype* g, Dtype* dx);

 private:
  void SetWeight(const Dtype* weight);
  // Offset of a row of the image in the padded one.
  int Row(int channel, int y) const;
  void Pad(const Dtype* image, std::vector<Dtype>* padded) const;

  int channels_, height_, width_, kernel_;
  int row_, plane_;            // of the padded image
  int window_;                 // values from an image's first to its last
  std::vector<Dtype> x_, g_;   // (C, plane_), zero at the border
  std::vector<Dtype> result_;  // (C, plane_), anything at the border
  std::vector<Dtype> weight_, weight_diff_;  // (k k, C, C), one matrix a tap
  std::vector<Dtype> bias_, bias_diff_;      // (C)
};

/// In fewer multiplications, of images in blocks of winograd::Best().lanes.
class WinogradPatchConvolution : public PatchConvolution<float> {
 public:
  typedef WinogradConvolution::Filters Filters;

  /// Whether it takes the shape and has something to save, which a kernel of
  /// one pixel has not. The number of images has no part in it, so that an
  /// image's results do not hang on how many there are.
  static bool Fits(int channels, int height, int width, int kernel);

  WinogradPatchConvolution(int channels, int height, int width, int kernel);
  virtual void SetForward(const float* weight, const float* bias);
  /// Likewise, of filters that Transform made.
  void SetForward(const Filters& filters) { filters_ = &filters; }
  void Transform(const float* weight, const float* bias, Filters* to) const {
    forward_.Transform(weight, bias, to);
  }
  virtual void Forward(const float* x, const float* identity, float* y,
                       const Layout& layout, bool past_cache);
  virtual void SetBackward(const float* weight);
  virtual void BackwardWeight(const float* g, const float* x);
  virtual void AddWeightDiff(float* weight_diff, float* bias_diff) const;
  virtual void BackwardData(const float* g, float* dx);

 private:
  Layout patch_;
  WinogradConvolution forward_, backward_;
  Filters own_filters_, backward_filters_;
  const Filters* filters_;
  WinogradWeightGradient gradient_;
};

}  // namespace caffe

#endif  // CAFFE_UTIL_PATCH_CONVOLUTION_HPP_
