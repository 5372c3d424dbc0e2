#ifndef CAFFE_UTIL_ONE_PASS_UPDATE_HPP_
#define CAFFE_UTIL_ONE_PASS_UPDATE_HPP_

namespace caffe {

/**
 * @brief The gradient that a solver follows, from a parameter w and its diff:
 *
 *   g = scale diff + l2 w + l1 sign(w)
 */
template <typename Dtype>
struct RegularizedGradient {
  Dtype scale;   // 1 / iter_size
  Dtype l1, l2;  // at most one of them is not 0
};

/**
 * @brief A solver's update of n weights in one pass over memory, on all
 *        threads.
 *
 * Each does what Caffe's solver does, in the same operations on all weights,
 * one block after the other, each small enough to stay in the cache. It reads
 * w, diff and the history, and writes them: the update u to diff, and w - u to
 * w. Results do not depend on the number of threads.
 */

// v = momentum v + rate g, u = v. The same BLAS calls as Caffe's, and so the
// same bits as Caffe's on one thread.
template <typename Dtype>
void SgdUpdate(int n, const RegularizedGradient<Dtype>& gradient, Dtype rate,
               Dtype momentum, Dtype* w, Dtype* diff, Dtype* v);

// Adam (Kingma and Ba 2014); the rate includes the correction of its bias.
template <typename Dtype>
struct AdamRule {
  Dtype rate, beta1, beta2, delta;
};

// m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2,
// u = rate m / (sqrt(v) + delta). Caffe takes the root by pow, which is slow
// and may differ in the last digit.
template <typename Dtype>
void AdamUpdate(int n, const RegularizedGradient<Dtype>& gradient,
                const AdamRule<Dtype>& rule, Dtype* w, Dtype* diff, Dtype* m,
                Dtype* v);

#ifndef CPU_ONLY
/// The same on a GPU, whose memory all pointers are of: one launch, which reads
/// and writes 24 bytes a weight (Adam: 32) where Caffe's launches take 40 (48).
/// The operations are those of Caffe's launches, but that Caffe's Adam rounds
/// doubles to float in between.
template <typename Dtype>
void sgd_one_pass_gpu(int n, const RegularizedGradient<Dtype>& gradient,
                      Dtype rate, Dtype momentum, Dtype* w, Dtype* diff,
                      Dtype* v);
template <typename Dtype>
void adam_one_pass_gpu(int n, const RegularizedGradient<Dtype>& gradient,
                       const AdamRule<Dtype>& rule, Dtype* w, Dtype* diff,
                       Dtype* m, Dtype* v);
#endif

}  // namespace caffe

#endif  // CAFFE_UTIL_ONE_PASS_UPDATE_HPP_
