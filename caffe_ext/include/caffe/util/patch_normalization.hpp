#ifndef CAFFE_UTIL_PATCH_NORMALIZATION_HPP_
#define CAFFE_UTIL_PATCH_NORMALIZATION_HPP_

#include <vector>

namespace caffe {

/**
 * @brief Batch normalisation and ReLU of N images (C, h, w), with a mean and a
 *        biased variance for each channel, on the calling thread: what
 *        RegionLayer does with a patch.
 *
 *   z = (x - mean) / sqrt(variance + eps),  a = max(0, z)
 *
 * Images are dense, in blocks of b channels side by side, (C / b, h, w, b). An
 * object has buffers of its own: one a thread.
 */
template <typename Dtype>
class PatchNormalization {
 public:
  virtual ~PatchNormalization() {}
  /// Of all images x: mean and biased variance, (C) each.
  virtual void Statistics(const Dtype* x, Dtype* mean, Dtype* variance) = 0;
  /// What all below normalise by. Also forgets what BackwardRectify gathered.
  virtual void SetStatistics(const Dtype* mean, const Dtype* variance) = 0;
  /// One image: x becomes z, and a.
  virtual void Forward(Dtype* x, Dtype* a) const = 0;
  /// diff: from dL/da to dL/dz of one image, in place.
  virtual void BackwardRectify(const Dtype* z, Dtype* diff) = 0;
  /// diff: from dL/dz to dL/dx + g, in place, of all images. of_batch: mean and
  /// variance are x's own, so that they, too, depend on it; then
  /// BackwardRectify must have seen all of them.
  virtual void Backward(const Dtype* g, const Dtype* z, bool of_batch,
                        Dtype* diff) = 0;
};

/// b = 1.
template <typename Dtype>
class PlainPatchNormalization : public PatchNormalization<Dtype> {
 public:
  PlainPatchNormalization(int num, int channels, int height, int width,
                          Dtype eps);
  virtual void Statistics(const Dtype* x, Dtype* mean, Dtype* variance);
  virtual void SetStatistics(const Dtype* mean, const Dtype* variance);
  virtual void Forward(Dtype* x, Dtype* a) const;
  virtual void BackwardRectify(const Dtype* z, Dtype* diff);
  virtual void Backward(const Dtype* g, const Dtype* z, bool of_batch,
                        Dtype* diff);

 private:
  void RemoveMeans(const Dtype* z, int channel, Dtype* diff) const;

  int num_, channels_, size_;
  Dtype eps_;
  std::vector<Dtype> mean_, scale_;  // (C)
};

/// Any b that divides C. A row of a block, w b values, is worked on as a whole:
/// each channel's mean and scale are repeated along it.
class BlockedPatchNormalization : public PatchNormalization<float> {
 public:
  BlockedPatchNormalization(int num, int channels, int block, int height,
                            int width, float eps);
  virtual void Statistics(const float* x, float* mean, float* variance);
  virtual void SetStatistics(const float* mean, const float* variance);
  virtual void Forward(float* x, float* a) const;
  virtual void BackwardRectify(const float* z, float* diff);
  virtual void Backward(const float* g, const float* z, bool of_batch,
                        float* diff);

 private:
  template <typename Value>
  void Average(const Value& value, std::vector<float>* rows);
  void ToAverages(const std::vector<double>& total,
                  std::vector<float>* rows) const;
  int Channel(int i) const { return i / row_ * block_ + i % block_; }

  int num_, channels_, block_, height_;
  int blocks_;  // of an image
  int row_;     // values of a block's row
  float eps_;
  std::vector<float> mean_, scale_;         // (blocks, row)
  std::vector<float> mean_dz_, mean_dz_z_;  // (blocks, row)
  std::vector<float> sum_, sum_z_;          // (row) of a block
  std::vector<double> total_, total_z_;     // (C)
};

}  // namespace caffe

#endif  // CAFFE_UTIL_PATCH_NORMALIZATION_HPP_
