#include "caffe/util/rectified_convolution.hpp"

#include <algorithm>
#include <vector>

#include "caffe/common.hpp"
#include "caffe/util/mkl_alternate.hpp"

namespace caffe {

// C = op(A) op(B) + beta C with leading dimensions, which caffe_cpu_gemm lacks.
static void Gemm(CBLAS_TRANSPOSE trans_a, CBLAS_TRANSPOSE trans_b, int m, int n,
                 int k, const float* a, int lda, const float* b, int ldb,
                 float beta, float* c, int ldc) {
  cblas_sgemm(CblasRowMajor, trans_a, trans_b, m, n, k, 1, a, lda, b, ldb, beta,
              c, ldc);
}

static void Gemm(CBLAS_TRANSPOSE trans_a, CBLAS_TRANSPOSE trans_b, int m, int n,
                 int k, const double* a, int lda, const double* b, int ldb,
                 double beta, double* c, int ldc) {
  cblas_dgemm(CblasRowMajor, trans_a, trans_b, m, n, k, 1, a, lda, b, ldb, beta,
              c, ldc);
}

template <typename Dtype>
RectifiedConvolution<Dtype>::RectifiedConvolution(int channels, int height,
                                                  int width, int kernel)
    : channels_(channels),
      height_(height),
      width_(width),
      kernel_(kernel),
      row_(width + kernel - 1),
      plane_((height + kernel - 1) * row_),
      window_((height - 1) * row_ + width),
      x_(channels * plane_),
      g_(channels * plane_),
      result_(channels * plane_),
      weight_(kernel * kernel * channels * channels),
      weight_diff_(weight_.size()) {}

template <typename Dtype>
int RectifiedConvolution<Dtype>::Row(int channel, int y) const {
  return channel * plane_ + (y + kernel_ / 2) * row_ + kernel_ / 2;
}

template <typename Dtype>
void RectifiedConvolution<Dtype>::PadRectified(const Dtype* x) {
  for (int c = 0; c < channels_; ++c) {
    for (int y = 0; y < height_; ++y, x += width_) {
      Dtype* row = x_.data() + Row(c, y);
      for (int i = 0; i < width_; ++i) row[i] = std::max(x[i], Dtype(0));
    }
  }
}

template <typename Dtype>
void RectifiedConvolution<Dtype>::PadGradient(const Dtype* g) {
  for (int c = 0; c < channels_; ++c) {
    for (int y = 0; y < height_; ++y, g += width_) {
      std::copy_n(g, width_, g_.data() + Row(c, y));
    }
  }
}

template <typename Dtype>
void RectifiedConvolution<Dtype>::SetWeight(const Dtype* weight) {
  const int taps = kernel_ * kernel_, filters = channels_ * channels_;
  for (int i = 0; i < filters; ++i) {
    for (int t = 0; t < taps; ++t) weight_[t * filters + i] = *weight++;
  }
  std::fill(weight_diff_.begin(), weight_diff_.end(), Dtype(0));
}

template <typename Dtype>
void RectifiedConvolution<Dtype>::AddWeightDiff(Dtype* diff) const {
  const int taps = kernel_ * kernel_, filters = channels_ * channels_;
  for (int i = 0; i < filters; ++i) {
    for (int t = 0; t < taps; ++t) *diff++ += weight_diff_[t * filters + i];
  }
}

template <typename Dtype>
void RectifiedConvolution<Dtype>::Forward(const Dtype* x, Dtype* y) {
  PadRectified(x);
  for (int tap = 0; tap < kernel_ * kernel_; ++tap) {
    Gemm(CblasNoTrans, CblasNoTrans, channels_, window_, channels_,
         weight_.data() + tap * channels_ * channels_, channels_,
         x_.data() + tap / kernel_ * row_ + tap % kernel_, plane_, tap > 0,
         result_.data() + Row(0, 0), plane_);
  }
  for (int c = 0; c < channels_; ++c) {
    for (int h = 0; h < height_; ++h, y += width_) {
      std::copy_n(result_.data() + Row(c, h), width_, y);
    }
  }
}

// g's zeros between two rows cancel what x has there.
template <typename Dtype>
void RectifiedConvolution<Dtype>::BackwardWeight(const Dtype* g,
                                                 const Dtype* x) {
  PadGradient(g);
  PadRectified(x);
  for (int tap = 0; tap < kernel_ * kernel_; ++tap) {
    Gemm(CblasNoTrans, CblasTrans, channels_, channels_, window_,
         g_.data() + Row(0, 0), plane_,
         x_.data() + tap / kernel_ * row_ + tap % kernel_, plane_, 1,
         weight_diff_.data() + tap * channels_ * channels_, channels_);
  }
}

// The transposed filters, mirrored: tap (u, v) meets the window of
// (k - 1 - u, k - 1 - v).
template <typename Dtype>
void RectifiedConvolution<Dtype>::BackwardData(const Dtype* g, const Dtype* x,
                                               Dtype* dx) {
  PadGradient(g);
  for (int tap = 0; tap < kernel_ * kernel_; ++tap) {
    const int mirrored = kernel_ * kernel_ - 1 - tap;
    Gemm(CblasTrans, CblasNoTrans, channels_, window_, channels_,
         weight_.data() + tap * channels_ * channels_, channels_,
         g_.data() + mirrored / kernel_ * row_ + mirrored % kernel_, plane_,
         tap > 0, result_.data() + Row(0, 0), plane_);
  }
  for (int c = 0; c < channels_; ++c) {
    for (int y = 0; y < height_; ++y, x += width_, dx += width_) {
      const Dtype* row = result_.data() + Row(c, y);
      for (int i = 0; i < width_; ++i) dx[i] = x[i] > 0 ? row[i] : 0;
    }
  }
}

INSTANTIATE_CLASS(RectifiedConvolution);

}  // namespace caffe
