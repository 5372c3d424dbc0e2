#ifndef CAFFE_UTIL_PATCH_CONVOLUTION_HPP_
#define CAFFE_UTIL_PATCH_CONVOLUTION_HPP_

#include <vector>

namespace caffe {

/**
 * @brief Convolves one (C, h, w) image after the other with C filters
 *        (C, C, k, k), k odd, zero-padded to the image's own size.
 *
 * With the image padded to rows of w + k - 1 values, a tap (u, v) of all
 * filters multiplies one contiguous window of every channel, so that the sum
 * over taps is k k matrix products and nothing is unrolled:
 *
 *   y[:, l] = sum over u, v of W[:, :, u, v] x[:, l + u (w + k - 1) + v]
 *
 * The price is k - 1 products wasted at each row's end. An object holds buffers
 * of its own: one a thread.
 */
template <typename Dtype>
class PatchConvolution {
 public:
  PatchConvolution(int channels, int height, int width, int kernel);

  // The filters of what follows; also forgets what BackwardWeight gathered.
  void SetWeight(const Dtype* weight);
  // y = W x
  void Forward(const Dtype* x, Dtype* y);
  // dx from g = dL/dy
  void BackwardData(const Dtype* g, Dtype* dx);
  // Gathers dL/dW of one image; AddWeightDiff adds the sum to `diff`.
  void BackwardWeight(const Dtype* g, const Dtype* x);
  void AddWeightDiff(Dtype* diff) const;

 private:
  void Pad(const Dtype* image, std::vector<Dtype>* padded) const;
  void Unpad(Dtype* image) const;

  int channels_, height_, width_, kernel_;
  int row_, plane_;            // of a padded image
  int first_;                  // offset of a padded plane's first inner value
  int window_;                 // values from there to the last inner one
  std::vector<Dtype> x_, g_;   // (C, plane_), zero at the border
  std::vector<Dtype> result_;  // (C, plane_), anything at the border
  std::vector<Dtype> weight_, weight_diff_;  // (k k, C, C), one matrix a tap
};

}  // namespace caffe

#endif  // CAFFE_UTIL_PATCH_CONVOLUTION_HPP_
