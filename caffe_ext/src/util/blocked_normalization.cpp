#include "caffe/util/blocked_normalization.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace caffe {

BlockedNormalization::BlockedNormalization(int num, int channels, int block,
                                           int height, int width, float eps)
    : num_(num),
      channels_(channels),
      block_(block),
      height_(height),
      blocks_((channels + block - 1) / block),
      row_(width * block),
      dense_({blocks_ * height * row_, height * row_, row_}),
      eps_(eps),
      mean_(blocks_ * row_),
      scale_(mean_.size()),
      mean_dz_(mean_.size()),
      mean_dz_z_(mean_.size()),
      sum_(row_),
      sum_z_(row_),
      total_(blocks_ * block),
      total_z_(total_.size()) {}

// The average over images and pixels, repeated along the rows: value(i, c) is
// array element i's, c its place in the rows. Sums are single within a column
// of an image, double beyond it.
template <typename Value>
void BlockedNormalization::Average(const Value& value, const Strides& strides,
                                   std::vector<float>* rows) {
  std::fill(total_.begin(), total_.end(), 0);
  float* sum = sum_.data();
  for (int block = 0; block < num_ * blocks_; ++block) {
    const int c = block % blocks_ * row_;
    int offset =
        block / blocks_ * strides.image + block % blocks_ * strides.block;
    std::fill(sum_.begin(), sum_.end(), 0);
    for (int h = 0; h < height_; ++h, offset += strides.row) {
#pragma omp simd
      for (int i = 0; i < row_; ++i) sum[i] += value(offset + i, c + i);
    }
    for (int i = 0; i < row_; ++i) total_[Channel(c + i)] += sum[i];
  }
  ToAverages(total_, rows);
}

void BlockedNormalization::ToAverages(const std::vector<double>& total,
                                      std::vector<float>* rows) const {
  const double count = static_cast<double>(num_) * height_ * row_ / block_;
  for (size_t i = 0; i < rows->size(); ++i) {
    (*rows)[i] = total[Channel(i)] / count;
  }
}

// Two passes, as ChannelNormalization and for its reason.
void BlockedNormalization::Statistics(const float* x, const Strides& strides,
                                      float* mean, float* variance) {
  Average([=](int i, int c) { return x[i]; }, strides, &mean_);
  const float* m = mean_.data();
  Average([=](int i, int c) { return (x[i] - m[c]) * (x[i] - m[c]); }, strides,
          &scale_);
  for (int c = 0; c < channels_; ++c) {
    const int i = c / block_ * row_ + c % block_;
    mean[c] = mean_[i];
    variance[c] = scale_[i];
  }
}

void BlockedNormalization::SetStatistics(const float* mean,
                                         const float* variance) {
  for (size_t i = 0; i < mean_.size(); ++i) {
    const int c = Channel(i);
    mean_[i] = c < channels_ ? mean[c] : 0;
    scale_[i] = c < channels_ ? 1 / std::sqrt(variance[c] + eps_) : 0;
  }
  std::fill(total_.begin(), total_.end(), 0);
  std::fill(total_z_.begin(), total_z_.end(), 0);
}

// std::max(z, 0), NaN as well; that one's references are not vectorised.
static float Rectified(float z) {
  return z < 0 ? 0 : z;
}

void BlockedNormalization::Forward(const float* x, const Strides& strides,
                                   float* a) const {
  for (int block = 0; block < blocks_; ++block) {
    const float* mean = mean_.data() + block * row_;
    const float* scale = scale_.data() + block * row_;
    const float* from = x + block * strides.block;
    for (int h = 0; h < height_; ++h, from += strides.row, a += row_) {
#pragma omp simd
      for (int i = 0; i < row_; ++i) {
        a[i] = Rectified((from[i] - mean[i]) * scale[i]);
      }
    }
  }
}

void BlockedNormalization::ForwardInPlace(float* x, float* a) const {
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

void BlockedNormalization::BackwardRectify(const float* z, float* diff) {
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
void BlockedNormalization::Backward(const float* g, const float* z,
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
