#ifdef USE_ONEDNN
#include "caffe/layers/onednn_inner_product_layer.hpp"

#include <dnnl.hpp>
#include <omp.h>

#include <algorithm>
#include <vector>

#include "caffe/util/math_functions.hpp"
#include "caffe/util/onednn_primitive.hpp"
#include "caffe/util/parallel_for.hpp"

namespace caffe {

namespace {

// c = a b + beta c, for a of rows x inner (transposed: inner x rows), and so
// on.
void Multiply(char transpose_a, char transpose_b, int rows, int columns,
              int inner, const float* a, const float* b, float beta, float* c) {
  const onednn::ThreadCount available(onednn::AvailableThreads());
  dnnl::error::wrap_c_api(
      dnnl_sgemm(transpose_a, transpose_b, rows, columns, inner, 1, a,
                 transpose_a == 'T' ? rows : inner, b,
                 transpose_b == 'T' ? inner : columns, beta, c, columns),
      "could not multiply matrices");
}

// y = x^T, + bias in each row unless NULL; y of rows x columns. In squares, of
// which each line that is read serves 16 rows.
void Transpose(const float* x, int rows, int columns, const float* bias,
               float* y) {
  const int kSide = 16;
  const int squares = (columns + kSide - 1) / kSide;
  const int bands = (rows + kSide - 1) / kSide;
  const auto transpose = [&](int band) {
    const int last = std::min(rows, (band + 1) * kSide);
    for (int square = 0; square < squares; ++square) {
      const int left = square * kSide, right = std::min(columns, left + kSide);
      for (int row = band * kSide; row < last; ++row) {
        float* to = y + static_cast<size_t>(row) * columns;
        for (int i = left; i < right; ++i) {
          to[i] = x[static_cast<size_t>(i) * rows + row] + (bias ? bias[i] : 0);
        }
      }
    }
  };
  ParallelFor(bands, transpose, std::min(bands, omp_get_max_threads()));
}

}  // namespace

void OneDNNInnerProductLayer::Forward_cpu(const vector<Blob<float>*>& bottom,
                                          const vector<Blob<float>*>& top) {
  if (M_ == 0) return InnerProductLayer<float>::Forward_cpu(bottom, top);
  const float* bias = bias_term_ ? blobs_[1]->cpu_data() : NULL;
  float* y = top[0]->mutable_cpu_data();
  product_.resize(top[0]->count());
  Multiply(transpose_ ? 'T' : 'N', 'T', N_, M_, K_, blobs_[0]->cpu_data(),
           bottom[0]->cpu_data(), 0, product_.data());
  Transpose(product_.data(), M_, N_, bias, y);
}

void OneDNNInnerProductLayer::Backward_cpu(const vector<Blob<float>*>& top,
                                           const vector<bool>& propagate_down,
                                           const vector<Blob<float>*>& bottom) {
  if (M_ == 0) {
    return InnerProductLayer<float>::Backward_cpu(top, propagate_down, bottom);
  }
  const float* x = bottom[0]->cpu_data();  // (M_, K_)
  const float* dy = top[0]->cpu_diff();    // (M_, N_)
  if (param_propagate_down_[0]) {
    float* diff = blobs_[0]->mutable_cpu_diff();
    if (transpose_) {
      Multiply('T', 'N', K_, N_, M_, x, dy, 1, diff);
    } else {
      Multiply('T', 'N', N_, K_, M_, dy, x, 1, diff);
    }
  }
  if (bias_term_ && param_propagate_down_[1]) {
    caffe_cpu_gemv<float>(CblasTrans, M_, N_, 1, dy,
                          bias_multiplier_.cpu_data(), 1,
                          blobs_[1]->mutable_cpu_diff());
  }
  if (propagate_down[0]) {
    Multiply('N', transpose_ ? 'T' : 'N', M_, K_, N_, dy, blobs_[0]->cpu_data(),
             0, bottom[0]->mutable_cpu_diff());
  }
}

}  // namespace caffe
#endif  // USE_ONEDNN
