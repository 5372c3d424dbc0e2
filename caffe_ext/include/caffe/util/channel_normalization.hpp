#ifndef CAFFE_UTIL_CHANNEL_NORMALIZATION_HPP_
#define CAFFE_UTIL_CHANNEL_NORMALIZATION_HPP_

namespace caffe {

/**
 * @brief Batch normalisation of one contiguous (num, channels, size) array,
 * with a mean and a biased variance for each channel, on the calling thread.
 *
 *   z = (x - mean) / sqrt(variance + eps)
 */
template <typename Dtype>
struct ChannelNormalization {
  int num, channels, size;
  Dtype eps;

  // mean and variance of x: (channels)
  void Statistics(const Dtype* x, Dtype* mean, Dtype* variance) const;
  void Forward(const Dtype* x, const Dtype* mean, const Dtype* variance,
               Dtype* z) const;
  // diff: from dL/dz to dL/dx, in place. of_batch: mean and variance are x's
  // own, so that they, too, depend on it.
  void Backward(const Dtype* z, const Dtype* variance, bool of_batch,
                Dtype* diff) const;

 private:
  void RemoveMeans(const Dtype* z, int channel, Dtype* diff) const;
};

}  // namespace caffe

#endif  // CAFFE_UTIL_CHANNEL_NORMALIZATION_HPP_
