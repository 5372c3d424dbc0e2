#ifndef CAFFE_UTIL_RECTIFIED_CONVOLUTION_HPP_
#define CAFFE_UTIL_RECTIFIED_CONVOLUTION_HPP_

#include <vector>

namespace caffe {

/**
 * @brief ReLU and convolution of one (C, h, w) image after the other, with C
 *        filters (C, C, k, k), k odd, zero-padded to the image's own size:
 *        y = W * max(0, x).
 *
 * With the image padded to rows of w + k - 1 values, a tap (u, v) of all
 * filters multiplies one contiguous window of every channel, so that the sum
 * over taps is k k matrix products and nothing is unrolled:
 *
 *   y[:, l] = sum over u, v of W[:, :, u, v] x[:, l + u (w + k - 1) + v]
 *
 * The price is k - 1 products wasted at each row's end. An object has buffers
 * of its own: one a thread.
 */
template <typename Dtype>
class RectifiedConvolution {
 public:
  RectifiedConvolution(int channels, int height, int width, int kernel);

  // The filters of what follows; also forgets what BackwardWeight gathered.
  void SetWeight(const Dtype* weight);
  void Forward(const Dtype* x, Dtype* y);
  // g = dL/dy of the same x; gathers dL/dW, and AddWeightDiff adds it to diff.
  void BackwardWeight(const Dtype* g, const Dtype* x);
  void AddWeightDiff(Dtype* diff) const;
  // dx = dL/dx
  void BackwardData(const Dtype* g, const Dtype* x, Dtype* dx);

 private:
  // Offset of a row of the image in the padded one.
  int Row(int channel, int y) const;
  void PadRectified(const Dtype* x);
  void PadGradient(const Dtype* g);

  int channels_, height_, width_, kernel_;
  int row_, plane_;            // of the padded image
  int window_;                 // values from an image's first to its last
  std::vector<Dtype> x_, g_;   // (C, plane_), zero at the border
  std::vector<Dtype> result_;  // (C, plane_), anything at the border
  std::vector<Dtype> weight_, weight_diff_;  // (k k, C, C), one matrix a tap
};

}  // namespace caffe

#endif  // CAFFE_UTIL_RECTIFIED_CONVOLUTION_HPP_
