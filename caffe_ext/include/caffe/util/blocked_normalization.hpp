#ifndef CAFFE_UTIL_BLOCKED_NORMALIZATION_HPP_
#define CAFFE_UTIL_BLOCKED_NORMALIZATION_HPP_

#include <vector>

namespace caffe {

/**
 * @brief ChannelNormalization and ReLU of a contiguous array whose channels lie
 * in blocks of b side by side, (N, ceil(C / b), H, W, b), on the calling
 * thread.
 *
 * b = 1 is NCHW, b = C NHWC. Where b does not divide C the last block's other
 * channels are zeros, and stay so. A row of a block, W b values, is worked on
 * as a whole: each channel's mean and scale are repeated along it. An object
 * has buffers of its own: one a thread.
 */
class BlockedNormalization {
 public:
  /// Distances between images, blocks and rows: of a part of larger images.
  struct Strides {
    int image, block, row;
  };

  BlockedNormalization(int num, int channels, int block, int height, int width,
                       float eps);

  /// Of all images x: mean and biased variance, (C) each.
  void Statistics(const float* x, float* mean, float* variance) {
    Statistics(x, dense_, mean, variance);
  }
  void Statistics(const float* x, const Strides& strides, float* mean,
                  float* variance);
  /// What all below normalise by: z = (x - mean) / sqrt(variance + eps). Also
  /// forgets what BackwardRectify gathered.
  void SetStatistics(const float* mean, const float* variance);
  /// a = max(0, z) of one image.
  void Forward(const float* x, float* a) const { Forward(x, dense_, a); }
  /// a is the part by itself.
  void Forward(const float* x, const Strides& strides, float* a) const;
  /// Likewise, and x becomes z.
  void ForwardInPlace(float* x, float* a) const;
  /// diff: from dL/da to dL/dz of one image, in place, and gathers its means.
  void BackwardRectify(const float* z, float* diff);
  /// diff: from dL/dz to dL/dx + g, in place, of all images. of_batch: mean and
  /// variance are x's own, so that they, too, depend on it; then
  /// BackwardRectify must have seen all of them.
  void Backward(const float* g, const float* z, bool of_batch, float* diff);

 private:
  template <typename Value>
  void Average(const Value& value, const Strides& strides,
               std::vector<float>* rows);
  void ToAverages(const std::vector<double>& total,
                  std::vector<float>* rows) const;
  int Channel(int i) const { return i / row_ * block_ + i % block_; }

  int num_, channels_, block_, height_;
  int blocks_;  // of an image
  int row_;     // values of a block's row
  Strides dense_;
  float eps_;
  std::vector<float> mean_, scale_;         // (blocks, row)
  std::vector<float> mean_dz_, mean_dz_z_;  // (blocks, row)
  std::vector<float> sum_, sum_z_;          // (row) of a block
  std::vector<double> total_, total_z_;     // (blocks, b)
};

}  // namespace caffe

#endif  // CAFFE_UTIL_BLOCKED_NORMALIZATION_HPP_
