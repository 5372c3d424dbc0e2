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
PlainPatchConvolution<Dtype>::PlainPatchConvolution(int channels, int height,
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
      weight_diff_(weight_.size()),
      bias_(channels),
      bias_diff_(channels) {}

template <typename Dtype>
int PlainPatchConvolution<Dtype>::Row(int channel, int y) const {
  return channel * plane_ + (y + kernel_ / 2) * row_ + kernel_ / 2;
}

template <typename Dtype>
void PlainPatchConvolution<Dtype>::Pad(const Dtype* image,
                                       std::vector<Dtype>* padded) const {
  for (int c = 0; c < channels_; ++c) {
    for (int y = 0; y < height_; ++y, image += width_) {
      std::copy_n(image, width_, padded->data() + Row(c, y));
    }
  }
}

template <typename Dtype>
void PlainPatchConvolution<Dtype>::SetWeight(const Dtype* weight) {
  const int taps = kernel_ * kernel_, filters = channels_ * channels_;
  for (int i = 0; i < filters; ++i) {
    for (int t = 0; t < taps; ++t) weight_[t * filters + i] = *weight++;
  }
}

template <typename Dtype>
void PlainPatchConvolution<Dtype>::SetForward(const Dtype* weight,
                                              const Dtype* bias) {
  SetWeight(weight);
  std::fill(bias_.begin(), bias_.end(), Dtype(0));
  if (bias) std::copy_n(bias, channels_, bias_.begin());
}

template <typename Dtype>
void PlainPatchConvolution<Dtype>::SetBackward(const Dtype* weight) {
  SetWeight(weight);
  std::fill(weight_diff_.begin(), weight_diff_.end(), Dtype(0));
  std::fill(bias_diff_.begin(), bias_diff_.end(), Dtype(0));
}

template <typename Dtype>
void PlainPatchConvolution<Dtype>::Forward(const Dtype* x,
                                           const Dtype* identity, Dtype* y,
                                           const Layout& layout, bool) {
  Pad(x, &x_);
  for (int tap = 0; tap < kernel_ * kernel_; ++tap) {
    Gemm(CblasNoTrans, CblasNoTrans, channels_, window_, channels_,
         weight_.data() + tap * channels_ * channels_, channels_,
         x_.data() + tap / kernel_ * row_ + tap % kernel_, plane_, tap > 0,
         result_.data() + Row(0, 0), plane_);
  }
  for (int c = 0; c < channels_; ++c) {
    for (int h = 0; h < height_; ++h) {
      const Dtype* row = result_.data() + Row(c, h);
      const int there = c * layout.block + h * layout.row;
      for (int i = 0; i < width_; ++i) {
        y[there + i] = identity[there + i] + (row[i] + bias_[c]);
      }
    }
  }
}

// g's zeros between two rows cancel what x has there.
template <typename Dtype>
void PlainPatchConvolution<Dtype>::BackwardWeight(const Dtype* g,
                                                  const Dtype* x) {
  Pad(g, &g_);
  Pad(x, &x_);
  for (int tap = 0; tap < kernel_ * kernel_; ++tap) {
    Gemm(CblasNoTrans, CblasTrans, channels_, channels_, window_,
         g_.data() + Row(0, 0), plane_,
         x_.data() + tap / kernel_ * row_ + tap % kernel_, plane_, 1,
         weight_diff_.data() + tap * channels_ * channels_, channels_);
  }
  const int size = height_ * width_;
  for (int c = 0; c < channels_; ++c) {
    Dtype sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = c * size; i < (c + 1) * size; ++i) sum += g[i];
    bias_diff_[c] += sum;
  }
}

template <typename Dtype>
void PlainPatchConvolution<Dtype>::AddWeightDiff(Dtype* weight_diff,
                                                 Dtype* bias_diff) const {
  const int taps = kernel_ * kernel_, filters = channels_ * channels_;
  for (int i = 0; weight_diff && i < filters; ++i) {
    for (int t = 0; t < taps; ++t) {
      *weight_diff++ += weight_diff_[t * filters + i];
    }
  }
  for (int c = 0; bias_diff && c < channels_; ++c)
    bias_diff[c] += bias_diff_[c];
}

// The transposed filters, mirrored: tap (u, v) meets the window of
// (k - 1 - u, k - 1 - v).
template <typename Dtype>
void PlainPatchConvolution<Dtype>::BackwardData(const Dtype* g, Dtype* dx) {
  Pad(g, &g_);
  for (int tap = 0; tap < kernel_ * kernel_; ++tap) {
    const int mirrored = kernel_ * kernel_ - 1 - tap;
    Gemm(CblasTrans, CblasNoTrans, channels_, window_, channels_,
         weight_.data() + tap * channels_ * channels_, channels_,
         g_.data() + mirrored / kernel_ * row_ + mirrored % kernel_, plane_,
         tap > 0, result_.data() + Row(0, 0), plane_);
  }
  for (int c = 0; c < channels_; ++c) {
    for (int y = 0; y < height_; ++y, dx += width_) {
      std::copy_n(result_.data() + Row(c, y), width_, dx);
    }
  }
}

INSTANTIATE_CLASS(PlainPatchConvolution);

static WinogradConvolution::Shape Shape(int channels, int height, int width,
                                        int kernel) {
  return {channels, height, width,      channels,
          kernel,   kernel, kernel / 2, kernel / 2};
}

bool WinogradPatchConvolution::Fits(int channels, int height, int width,
                                    int kernel) {
  return kernel > 1 && channels % winograd::Best().lanes == 0 &&
         WinogradConvolution::Fits(Shape(channels, height, width, kernel));
}

WinogradPatchConvolution::WinogradPatchConvolution(int channels, int height,
                                                   int width, int kernel)
    : patch_(WinogradConvolution::Dense(channels, height, width,
                                        winograd::Best().lanes)),
      forward_(Shape(channels, height, width, kernel)),
      backward_(WinogradConvolution::GradientOf(forward_.shape())),
      filters_(NULL),
      gradient_(forward_.shape()) {}

void WinogradPatchConvolution::SetForward(const float* weight,
                                          const float* bias) {
  Transform(weight, bias, &own_filters_);
  filters_ = &own_filters_;
}

void WinogradPatchConvolution::Forward(const float* x, const float* identity,
                                       float* y, const Layout& layout,
                                       bool past_cache) {
  forward_.Forward(*filters_, x, patch_, 1, identity, y, layout, past_cache);
}

void WinogradPatchConvolution::SetBackward(const float* weight) {
  backward_.TransformTransposed(weight, &backward_filters_);
  gradient_.Clear();
}

void WinogradPatchConvolution::BackwardWeight(const float* g, const float* x) {
  gradient_.Add(x, g);
}

void WinogradPatchConvolution::AddWeightDiff(float* weight_diff,
                                             float* bias_diff) const {
  gradient_.AddTo(weight_diff, bias_diff);
}

void WinogradPatchConvolution::BackwardData(const float* g, float* dx) {
  backward_.Forward(backward_filters_, g, patch_, 1, NULL, dx, patch_, false);
}

}  // namespace caffe
