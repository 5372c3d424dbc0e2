#include "caffe/util/channel_normalization.hpp"

#include <cmath>

#include "caffe/common.hpp"

namespace caffe {

// Two passes, since E(x^2) - E(x)^2 loses all digits where the mean is large;
// the second one finds x in the cache.
template <typename Dtype>
void ChannelNormalization<Dtype>::Statistics(const Dtype* x, Dtype* mean,
                                             Dtype* variance) const {
  const double count = static_cast<double>(num) * size;
  for (int c = 0; c < channels; ++c) {
    double total = 0;
    for (int n = 0; n < num; ++n) {
      const Dtype* plane = x + (n * channels + c) * size;
      Dtype sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int i = 0; i < size; ++i) sum += plane[i];
      total += sum;
    }
    const Dtype m = total / count;
    total = 0;
    for (int n = 0; n < num; ++n) {
      const Dtype* plane = x + (n * channels + c) * size;
      Dtype sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int i = 0; i < size; ++i) sum += (plane[i] - m) * (plane[i] - m);
      total += sum;
    }
    mean[c] = m;
    variance[c] = total / count;
  }
}

template <typename Dtype>
void ChannelNormalization<Dtype>::Forward(const Dtype* x, const Dtype* mean,
                                          const Dtype* variance,
                                          Dtype* z) const {
  for (int plane = 0; plane < num * channels; ++plane) {
    const Dtype m = mean[plane % channels];
    const Dtype scale = 1 / std::sqrt(variance[plane % channels] + eps);
    for (int i = 0; i < size; ++i, ++x, ++z) *z = (*x - m) * scale;
  }
}

template <typename Dtype>
void ChannelNormalization<Dtype>::Backward(const Dtype* z,
                                           const Dtype* variance, bool of_batch,
                                           Dtype* diff) const {
  for (int c = 0; c < channels; ++c) {
    if (of_batch) RemoveMeans(z, c, diff);
    const Dtype scale = 1 / std::sqrt(variance[c] + eps);
    for (int n = 0; n < num; ++n) {
      Dtype* plane = diff + (n * channels + c) * size;
      for (int i = 0; i < size; ++i) plane[i] *= scale;
    }
  }
}

// dz - mean(dz) - z mean(dz z)
template <typename Dtype>
void ChannelNormalization<Dtype>::RemoveMeans(const Dtype* z, int channel,
                                              Dtype* diff) const {
  double total_dz = 0, total_dz_z = 0;
  for (int n = 0; n < num; ++n) {
    const int offset = (n * channels + channel) * size;
    Dtype sum_dz = 0, sum_dz_z = 0;
#pragma omp simd reduction(+ : sum_dz, sum_dz_z)
    for (int i = offset; i < offset + size; ++i) {
      sum_dz += diff[i];
      sum_dz_z += diff[i] * z[i];
    }
    total_dz += sum_dz;
    total_dz_z += sum_dz_z;
  }
  const double count = static_cast<double>(num) * size;
  const Dtype mean_dz = total_dz / count, mean_dz_z = total_dz_z / count;
  for (int n = 0; n < num; ++n) {
    const int offset = (n * channels + channel) * size;
    for (int i = offset; i < offset + size; ++i) {
      diff[i] -= mean_dz + z[i] * mean_dz_z;
    }
  }
}

INSTANTIATE_CLASS(ChannelNormalization);

}  // namespace caffe
