#include "caffe/util/patch_convolution.hpp"

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
PatchConvolution<Dtype>::PatchConvolution(int channels, int height, int width,
                                          int kernel)
    : channels_(channels),
      height_(height),
      width_(width),
      kernel_(kernel),
      row_(width + kernel - 1),
      plane_((height + kernel - 1) * row_),
      first_(kernel / 2 * (row_ + 1)),
      window_((height - 1) * row_ + width),
      x_(channels * plane_),
      g_(channels * plane_),
      result_(channels * plane_),
      weight_(kernel * kernel * channels * channels),
      weight_diff_(weight_.size()) {}

template <typename Dtype>
void PatchConvolution<Dtype>::Pad(const Dtype* image,
                                  std::vector<Dtype>* padded) const {
  for (int c = 0; c < channels_; ++c) {
    for (int y = 0; y < height_; ++y, image += width_) {
      std::copy_n(image, width_,
                  padded->data() + c * plane_ + first_ + y * row_);
    }
  }
}

template <typename Dtype>
void PatchConvolution<Dtype>::Unpad(Dtype* image) const {
  for (int c = 0; c < channels_; ++c) {
    for (int y = 0; y < height_; ++y, image += width_) {
      std::copy_n(result_.data() + c * plane_ + first_ + y * row_, width_,
                  image);
    }
  }
}

template <typename Dtype>
void PatchConvolution<Dtype>::SetWeight(const Dtype* weight) {
  const int taps = kernel_ * kernel_, filters = channels_ * channels_;
  for (int i = 0; i < filters; ++i) {
    for (int t = 0; t < taps; ++t) weight_[t * filters + i] = *weight++;
  }
  std::fill(weight_diff_.begin(), weight_diff_.end(), Dtype(0));
}

template <typename Dtype>
void PatchConvolution<Dtype>::AddWeightDiff(Dtype* diff) const {
  const int taps = kernel_ * kernel_, filters = channels_ * channels_;
  for (int i = 0; i < filters; ++i) {
    for (int t = 0; t < taps; ++t) *diff++ += weight_diff_[t * filters + i];
  }
}

template <typename Dtype>
void PatchConvolution<Dtype>::Forward(const Dtype* x, Dtype* y) {
  Pad(x, &x_);
  for (int tap = 0; tap < kernel_ * kernel_; ++tap) {
    Gemm(CblasNoTrans, CblasNoTrans, channels_, window_, channels_,
         weight_.data() + tap * channels_ * channels_, channels_,
         x_.data() + tap / kernel_ * row_ + tap % kernel_, plane_, tap > 0,
         result_.data() + first_, plane_);
  }
  Unpad(y);
}

// The transposed filters, mirrored: tap (u, v) meets the window of
// (k - 1 - u, k - 1 - v).
template <typename Dtype>
void PatchConvolution<Dtype>::BackwardData(const Dtype* g, Dtype* dx) {
  Pad(g, &g_);
  for (int tap = 0; tap < kernel_ * kernel_; ++tap) {
    const int mirrored = kernel_ * kernel_ - 1 - tap;
    Gemm(CblasTrans, CblasNoTrans, channels_, window_, channels_,
         weight_.data() + tap * channels_ * channels_, channels_,
         g_.data() + mirrored / kernel_ * row_ + mirrored % kernel_, plane_,
         tap > 0, result_.data() + first_, plane_);
  }
  Unpad(dx);
}

// g's zeros between two rows cancel what x has there.
template <typename Dtype>
void PatchConvolution<Dtype>::BackwardWeight(const Dtype* g, const Dtype* x) {
  Pad(g, &g_);
  Pad(x, &x_);
  for (int tap = 0; tap < kernel_ * kernel_; ++tap) {
    Gemm(CblasNoTrans, CblasTrans, channels_, channels_, window_,
         g_.data() + first_, plane_,
         x_.data() + tap / kernel_ * row_ + tap % kernel_, plane_, 1,
         weight_diff_.data() + tap * channels_ * channels_, channels_);
  }
}

INSTANTIATE_CLASS(PatchConvolution);

}  // namespace caffe
