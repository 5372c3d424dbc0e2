#include "caffe/util/patch_normalization.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "caffe/common.hpp"

namespace caffe {

template <typename Dtype>
PlainPatchNormalization<Dtype>::PlainPatchNormalization(int num, int channels,
                                                        int height, int width,
                                                        Dtype eps)
    : num_(num),
      channels_(channels),
      size_(height * width),
      eps_(eps),
      mean_(channels),
      scale_(channels) {}

// Two passes, since E(x^2) - E(x)^2 loses all digits where the mean is large;
// the second one finds x in the cache.
template <typename Dtype>
void PlainPatchNormalization<Dtype>::Statistics(const Dtype* x, Dtype* mean,
                                                Dtype* variance) {
  const double count = static_cast<double>(num_) * size_;
  for (int c = 0; c < channels_; ++c) {
    double total = 0;
    for (int n = 0; n < num_; ++n) {
      const Dtype* plane = x + (n * channels_ + c) * size_;
      Dtype sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int i = 0; i < size_; ++i) sum += plane[i];
      total += sum;
    }
    const Dtype m = total / count;
    total = 0;
    for (int n = 0; n < num_; ++n) {
      const Dtype* plane = x + (n * channels_ + c) * size_;
      Dtype sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int i = 0; i < size_; ++i) sum += (plane[i] - m) * (plane[i] - m);
      total += sum;
    }
    mean[c] = m;
    variance[c] = total / count;
  }
}

template <typename Dtype>
void PlainPatchNormalization<Dtype>::SetStatistics(const Dtype* mean,
                                                   const Dtype* variance) {
  for (int c = 0; c < channels_; ++c) {
    mean_[c] = mean[c];
    scale_[c] = 1 / std::sqrt(variance[c] + eps_);
  }
}

// std::max(z, 0), NaN as well; that one's references are not vectorised.
template <typename Dtype>
static Dtype Rectified(Dtype z) {
  return z < 0 ? 0 : z;
}

template <typename Dtype>
void PlainPatchNormalization<Dtype>::Forward(Dtype* x, Dtype* a) const {
  for (int c = 0; c < channels_; ++c, x += size_, a += size_) {
    const Dtype mean = mean_[c], scale = scale_[c];
#pragma omp simd
    for (int i = 0; i < size_; ++i) {
      const Dtype z = (x[i] - mean) * scale;
      x[i] = z;
      a[i] = Rectified(z);
    }
  }
}

template <typename Dtype>
void PlainPatchNormalization<Dtype>::BackwardRectify(const Dtype* z,
                                                     Dtype* diff) {
  for (int i = 0; i < channels_ * size_; ++i) diff[i] = z[i] > 0 ? diff[i] : 0;
}

template <typename Dtype>
void PlainPatchNormalization<Dtype>::Backward(const Dtype* g, const Dtype* z,
                                              bool of_batch, Dtype* diff) {
  for (int c = 0; c < channels_; ++c) {
    if (of_batch) RemoveMeans(z, c, diff);
    const Dtype scale = scale_[c];
    for (int n = 0; n < num_; ++n) {
      Dtype* plane = diff + (n * channels_ + c) * size_;
      for (int i = 0; i < size_; ++i) plane[i] *= scale;
    }
  }
  for (int i = 0; i < num_ * channels_ * size_; ++i) diff[i] += g[i];
}

// dz - mean(dz) - z mean(dz z)
template <typename Dtype>
void PlainPatchNormalization<Dtype>::RemoveMeans(const Dtype* z, int channel,
                                                 Dtype* diff) const {
  double total_dz = 0, total_dz_z = 0;
  for (int n = 0; n < num_; ++n) {
    const int offset = (n * channels_ + channel) * size_;
    Dtype sum_dz = 0, sum_dz_z = 0;
#pragma omp simd reduction(+ : sum_dz, sum_dz_z)
    for (int i = offset; i < offset + size_; ++i) {
      sum_dz += diff[i];
      sum_dz_z += diff[i] * z[i];
    }
    total_dz += sum_dz;
    total_dz_z += sum_dz_z;
  }
  const double count = static_cast<double>(num_) * size_;
  const Dtype mean_dz = total_dz / count, mean_dz_z = total_dz_z / count;
  for (int n = 0; n < num_; ++n) {
    const int offset = (n * channels_ + channel) * size_;
    for (int i = offset; i < offset + size_; ++i) {
      diff[i] -= mean_dz + z[i] * mean_dz_z;
    }
  }
}

INSTANTIATE_CLASS(PlainPatchNormalization);

BlockedPatchNormalization::BlockedPatchNormalization(int num, int channels,
                                                     int block, int height,
                                                     int width, float eps)
    : num_(num),
      channels_(channels),
      block_(block),
      height_(height),
      blocks_(channels / block),
      row_(width * block),
      eps_(eps),
      mean_(blocks_ * row_),
      scale_(mean_.size()),
      mean_dz_(mean_.size()),
      mean_dz_z_(mean_.size()),
      sum_(row_),
      sum_z_(row_),
      total_(channels),
      total_z_(channels) {}

// The average over images and pixels, repeated along the rows: value(i, c) is
// array element i's, c its place in the rows. Sums are single within a column
// of an image, double beyond it.
template <typename Value>
void BlockedPatchNormalization::Average(const Value& value,
                                        std::vector<float>* rows) {
  std::fill(total_.begin(), total_.end(), 0);
  float* sum = sum_.data();
  int offset = 0;
  for (int block = 0; block < num_ * blocks_; ++block) {
    const int c = block % blocks_ * row_;
    std::fill(sum_.begin(), sum_.end(), 0);
    for (int h = 0; h < height_; ++h, offset += row_) {
#pragma omp simd
      for (int i = 0; i < row_; ++i) sum[i] += value(offset + i, c + i);
    }
    for (int i = 0; i < row_; ++i) total_[Channel(c + i)] += sum[i];
  }
  ToAverages(total_, rows);
}

void BlockedPatchNormalization::ToAverages(const std::vector<double>& total,
                                           std::vector<float>* rows) const {
  const double count = static_cast<double>(num_) * height_ * row_ / block_;
  for (size_t i = 0; i < rows->size(); ++i) {
    (*rows)[i] = total[Channel(i)] / count;
  }
}

// Two passes, as PlainPatchNormalization and for its reason.
void BlockedPatchNormalization::Statistics(const float* x, float* mean,
                                           float* variance) {
  Average([=](int i, int c) { return x[i]; }, &mean_);
  const float* m = mean_.data();
  Average([=](int i, int c) { return (x[i] - m[c]) * (x[i] - m[c]); }, &scale_);
  for (int c = 0; c < channels_; ++c) {
    const int i = c / block_ * row_ + c % block_;
    mean[c] = mean_[i];
    variance[c] = scale_[i];
  }
}

void BlockedPatchNormalization::SetStatistics(const float* mean,
                                              const float* variance) {
  for (size_t i = 0; i < mean_.size(); ++i) {
    const int c = Channel(i);
    mean_[i] = mean[c];
    scale_[i] = 1 / std::sqrt(variance[c] + eps_);
  }
  std::fill(total_.begin(), total_.end(), 0);
  std::fill(total_z_.begin(), total_z_.end(), 0);
}

void BlockedPatchNormalization::Forward(float* x, float* a) const {
  for (int block = 0; block < blocks_; ++block) {
    const float* mean = mean_.data() + block * row_;
    const float* scale = scale_.data() + block * row_;
    for (int h = 0; h < height_; ++h, x += row_, a += row_) {
#pragma omp simd
      for (int i = 0; i < row_; ++i) {
        const float z = (x[i] - mean[i]) * scale[i];
        x[i] = z;
        a[i] = Rectified(z);
      }
    }
  }
}

// Also gathers the means.
void BlockedPatchNormalization::BackwardRectify(const float* z, float* diff) {
  float *sum = sum_.data(), *sum_z = sum_z_.data();
  for (int block = 0; block < blocks_; ++block) {
    std::fill(sum_.begin(), sum_.end(), 0);
    std::fill(sum_z_.begin(), sum_z_.end(), 0);
    for (int h = 0; h < height_; ++h, z += row_, diff += row_) {
#pragma omp simd
      for (int i = 0; i < row_; ++i) {
        const float d = z[i] > 0 ? diff[i] : 0;
        diff[i] = d;
        sum[i] += d;
        sum_z[i] += d * z[i];
      }
    }
    for (int i = 0; i < row_; ++i) {
      const int channel = Channel(block * row_ + i);
      total_[channel] += sum[i];
      total_z_[channel] += sum_z[i];
    }
  }
}

// g + (dz - mean(dz) - z mean(dz z)) / sqrt(variance + eps)
void BlockedPatchNormalization::Backward(const float* g, const float* z,
                                         bool of_batch, float* diff) {
  if (of_batch) {
    ToAverages(total_, &mean_dz_);
    ToAverages(total_z_, &mean_dz_z_);
  }
  int offset = 0;
  for (int block = 0; block < num_ * blocks_; ++block) {
    const int c = block % blocks_ * row_;
    for (int h = 0; h < height_; ++h, offset += row_) {
      const float* m = mean_dz_.data() + c;
      const float* mz = mean_dz_z_.data() + c;
      const float* scale = scale_.data() + c;
      float* dx = diff + offset;
#pragma omp simd
      for (int i = 0; i < row_; ++i) {
        dx[i] =
            g[offset + i] + (dx[i] - m[i] - z[offset + i] * mz[i]) * scale[i];
      }
    }
  }
}

}  // namespace caffe
