#include "caffe/util/one_pass_update.hpp"

#include <algorithm>
#include <cmath>

#include "caffe/util/math_functions.hpp"

namespace caffe {

// Four arrays of it stay in the first-level cache. BLAS works on multiples of
// 32 values and may round the rest otherwise, so a block must be one.
static const int kBlock = 512;

template <typename Work>
static void ForEachBlock(int n, Work work) {
  const int blocks = (n - 1) / kBlock + 1;
#pragma omp parallel for schedule(static)
  for (int block = 0; block < blocks; ++block) {
    const int start = block * kBlock;
    work(start, std::min(kBlock, n - start));
  }
}

template <typename Dtype>
static void Regularize(int n, const RegularizedGradient<Dtype>& gradient,
                       const Dtype* w, Dtype* diff) {
  if (gradient.scale != 1) caffe_scal(n, gradient.scale, diff);
  if (gradient.l2) caffe_axpy(n, gradient.l2, w, diff);
  if (gradient.l1) {
    for (int i = 0; i < n; ++i) {
      diff[i] += gradient.l1 * caffe_sign(w[i]);
    }
  }
}

template <typename Dtype>
void SgdUpdate(int n, const RegularizedGradient<Dtype>& gradient, Dtype rate,
               Dtype momentum, Dtype* w, Dtype* diff, Dtype* v) {
  ForEachBlock(n, [=](int start, int count) {
    Dtype *w_i = w + start, *diff_i = diff + start, *v_i = v + start;
    Regularize(count, gradient, w_i, diff_i);
    caffe_cpu_axpby(count, rate, diff_i, momentum, v_i);
    std::copy(v_i, v_i + count, diff_i);
    caffe_axpy(count, Dtype(-1), diff_i, w_i);
  });
}

// diff = rate m / (sqrt(v) + delta)
template <typename Dtype>
static void AdamStep(int n, const AdamRule<Dtype>& rule, const Dtype* m,
                     const Dtype* v, Dtype* diff) {
#pragma omp simd
  for (int i = 0; i < n; ++i) {
    diff[i] = rule.rate * (m[i] / (std::sqrt(v[i]) + rule.delta));
  }
}

template <typename Dtype>
void AdamUpdate(int n, const RegularizedGradient<Dtype>& gradient,
                const AdamRule<Dtype>& rule, Dtype* w, Dtype* diff, Dtype* m,
                Dtype* v) {
  ForEachBlock(n, [=](int start, int count) {
    Dtype *w_i = w + start, *diff_i = diff + start;
    Dtype *m_i = m + start, *v_i = v + start;
    Regularize(count, gradient, w_i, diff_i);
    caffe_cpu_axpby(count, 1 - rule.beta1, diff_i, rule.beta1, m_i);
    caffe_mul(count, diff_i, diff_i, diff_i);
    caffe_cpu_axpby(count, 1 - rule.beta2, diff_i, rule.beta2, v_i);
    AdamStep(count, rule, m_i, v_i, diff_i);
    caffe_axpy(count, Dtype(-1), diff_i, w_i);
  });
}

#define INSTANTIATE_UPDATES(Dtype)                                         \
  template void SgdUpdate(int, const RegularizedGradient<Dtype>&, Dtype,   \
                          Dtype, Dtype*, Dtype*, Dtype*);                  \
  template void AdamUpdate(int, const RegularizedGradient<Dtype>&,         \
                           const AdamRule<Dtype>&, Dtype*, Dtype*, Dtype*, \
                           Dtype*)

INSTANTIATE_UPDATES(float);
INSTANTIATE_UPDATES(double);

}  // namespace caffe
