#include "caffe/common.hpp"
#include "caffe/util/one_pass_update.hpp"

namespace caffe {

// Rounded as Caffe's scal and axpy, one after the other, round it.
template <typename Dtype>
static __device__ Dtype GradientOf(const RegularizedGradient<Dtype>& gradient,
                                   Dtype w, Dtype diff) {
  const Dtype sign = (w > 0) - (w < 0);
  const Dtype scaled = fma(gradient.l2, w, gradient.scale * diff);
  return fma(gradient.l1, sign, scaled);
}

template <typename Dtype>
__global__ void SgdOnePass(int n, RegularizedGradient<Dtype> gradient,
                           Dtype rate, Dtype momentum, Dtype* w, Dtype* diff,
                           Dtype* v) {
  CUDA_KERNEL_LOOP(i, n) {
    const Dtype g = GradientOf(gradient, w[i], diff[i]);
    const Dtype u = momentum * v[i] + rate * g;
    v[i] = u;
    diff[i] = u;
    w[i] -= u;
  }
}

template <typename Dtype>
__global__ void AdamOnePass(int n, RegularizedGradient<Dtype> gradient,
                            AdamRule<Dtype> rule, Dtype* w, Dtype* diff,
                            Dtype* m, Dtype* v) {
  CUDA_KERNEL_LOOP(i, n) {
    const Dtype g = GradientOf(gradient, w[i], diff[i]);
    const Dtype m_i = m[i] * rule.beta1 + g * (1 - rule.beta1);
    const Dtype v_i = v[i] * rule.beta2 + g * g * (1 - rule.beta2);
    const Dtype u = rule.rate * m_i / (sqrt(v_i) + rule.delta);
    m[i] = m_i;
    v[i] = v_i;
    diff[i] = u;
    w[i] -= u;
  }
}

template <typename Dtype>
void sgd_one_pass_gpu(int n, const RegularizedGradient<Dtype>& gradient,
                      Dtype rate, Dtype momentum, Dtype* w, Dtype* diff,
                      Dtype* v) {
  // NOLINT_NEXT_LINE(whitespace/operators)
  SgdOnePass<Dtype><<<CAFFE_GET_BLOCKS(n), CAFFE_CUDA_NUM_THREADS>>>(
      n, gradient, rate, momentum, w, diff, v);
  CUDA_POST_KERNEL_CHECK;
}

template <typename Dtype>
void adam_one_pass_gpu(int n, const RegularizedGradient<Dtype>& gradient,
                       const AdamRule<Dtype>& rule, Dtype* w, Dtype* diff,
                       Dtype* m, Dtype* v) {
  // NOLINT_NEXT_LINE(whitespace/operators)
  AdamOnePass<Dtype><<<CAFFE_GET_BLOCKS(n), CAFFE_CUDA_NUM_THREADS>>>(
      n, gradient, rule, w, diff, m, v);
  CUDA_POST_KERNEL_CHECK;
}

#define INSTANTIATE(Dtype)                                                \
  template void sgd_one_pass_gpu(int, const RegularizedGradient<Dtype>&,  \
                                 Dtype, Dtype, Dtype*, Dtype*, Dtype*);   \
  template void adam_one_pass_gpu(int, const RegularizedGradient<Dtype>&, \
                                  const AdamRule<Dtype>&, Dtype*, Dtype*, \
                                  Dtype*, Dtype*)
INSTANTIATE(float);
INSTANTIATE(double);
#undef INSTANTIATE

}  // namespace caffe
