#ifndef CAFFE_UTIL_TRAINING_POSITION_HPP_
#define CAFFE_UTIL_TRAINING_POSITION_HPP_

#include "caffe/proto/caffe.pb.h"
#include "caffe/solver.hpp"

namespace caffe {

/// A data layer that can go on where a training was stopped.
class ResumableData {
 public:
  virtual ~ResumableData() {}
  /// Records that were given to the net since the layer was set up.
  virtual uint64_t records() const = 0;
  /// Goes on behind so many records, with the draws that follow them.
  virtual void GoOnBehind(uint64_t records) = 0;
};

/// Where the solver's data layers and its thread's generator stand.
template <typename Dtype>
TrainingPosition PositionOf(Solver<Dtype>* solver);

/**
 * @brief Brings a solver, set up as the one was that stopped, to its position.
 *
 * Layers that the position does not name stay where they are, and so does the
 * generator of any solver but the first of several. On a GPU dropout draws from
 * cuRAND, which is not brought back.
 */
template <typename Dtype>
void GoOnAt(const TrainingPosition& position, Solver<Dtype>* solver);

}  // namespace caffe

#endif  // CAFFE_UTIL_TRAINING_POSITION_HPP_
