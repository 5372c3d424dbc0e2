#ifndef CAFFE_UTIL_DIVERGENCE_HPP_
#define CAFFE_UTIL_DIVERGENCE_HPP_

#include <time.h>

#include <string>

#include "caffe/solver.hpp"

namespace caffe {

/**
 * @brief Ends a training whose loss is no longer a number.
 *
 * Given to a solver by add_callback, it looks at the training net's losses
 * after each backward pass, before the weights are updated. Where one is
 * infinite or NaN, the program ends with a sentence: the iteration, the first
 * layer whose weights or outputs are not finite, what to try, and the last
 * snapshot from whose weights the loss was still a number.
 */
template <typename Dtype>
class EndAtNaN : public Solver<Dtype>::Callback {
 public:
  /// @param resumed_from the snapshot that training goes on from; may be "".
  EndAtNaN(Solver<Dtype>* solver, const string& resumed_from);

 protected:
  void on_start() override {}
  void on_gradients_ready() override;

 private:
  /// The snapshot of an iteration's weights, "" where this training wrote none.
  string Snapshot(int iter) const;
  string Sentence(Dtype loss) const;

  Solver<Dtype>* const solver_;
  const string resumed_from_;
  const int first_iter_;
  const time_t begun_;
};

/**
 * @brief Names the first layer, in the net's order, with a value that is not
 *        finite: "layer 'conv4' (its weights)" or "(its output)"; "" if none.
 */
template <typename Dtype>
string FirstNotFinite(const Net<Dtype>& net);

}  // namespace caffe

#endif  // CAFFE_UTIL_DIVERGENCE_HPP_
