#include "caffe/util/divergence.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

namespace caffe {

template <typename Dtype>
static bool IsFinite(const Blob<Dtype>& blob) {
  const Dtype* data = blob.cpu_data();
  return std::all_of(data, data + blob.count(),
                     [](Dtype value) { return std::isfinite(value); });
}

template <typename Dtype>
string FirstNotFinite(const Net<Dtype>& net) {
  for (int i = 0; i < net.layers().size(); ++i) {
    const string name = "layer '" + net.layer_names()[i] + "' ";
    for (const shared_ptr<Blob<Dtype>>& blob : net.layers()[i]->blobs()) {
      if (!IsFinite(*blob)) return name + "(its weights)";
    }
    for (const Blob<Dtype>* top : net.top_vecs()[i]) {
      if (!IsFinite(*top)) return name + "(its output)";
    }
  }
  return "";
}

// The sum of the net's losses as they were computed last.
template <typename Dtype>
static Dtype Loss(const Net<Dtype>& net) {
  Dtype loss = 0;
  for (int i = 0; i < net.layers().size(); ++i) {
    for (int j = 0; j < net.top_vecs()[i].size(); ++j) {
      const Dtype weight = net.layers()[i]->loss(j);
      if (weight == 0) continue;
      const Blob<Dtype>& top = *net.top_vecs()[i][j];
      for (int k = 0; k < top.count(); ++k) loss += weight * top.cpu_data()[k];
    }
  }
  return loss;
}

template <typename Dtype>
EndAtNaN<Dtype>::EndAtNaN(Solver<Dtype>* solver, const string& resumed_from)
    : solver_(solver),
      resumed_from_(resumed_from),
      first_iter_(solver->iter()) {}

template <typename Dtype>
string EndAtNaN<Dtype>::SnapshotOfNow() const {
  const int iter = solver_->iter();
  if (iter == first_iter_) return resumed_from_;
  const SolverParameter& param = solver_->param();
  const bool hdf5 =
      param.snapshot_format() == SolverParameter_SnapshotFormat_HDF5;
  const string file = param.snapshot_prefix() + "_iter_" +
                      std::to_string(iter) + ".solverstate" +
                      (hdf5 ? ".h5" : "");
  return std::ifstream(file) ? file : "";
}

template <typename Dtype>
string EndAtNaN<Dtype>::Sentence(Dtype loss) const {
  string text = "Iteration " + std::to_string(solver_->iter()) +
                ": the loss is " + std::to_string(loss) + ", no number to ";
  text += "learn from";
  const string first = FirstNotFinite(*solver_->net());
  if (!first.empty()) {
    text += "; the first values that are not finite are those of " + first;
  }
  text +=
      ". Try a lower base_lr, smaller inputs (transform_param { scale }) "
      "or fillers with smaller weights.";
  const string now = SnapshotOfNow();
  if (!now.empty()) text += " Delete " + now + ", which holds these weights.";
  text += good_snapshot_.empty()
              ? " There is no snapshot from before."
              : " The last good snapshot is " + good_snapshot_ + ".";
  return text + " (caffe train -end_at_nan=false goes on all the same.)";
}

template <typename Dtype>
void EndAtNaN<Dtype>::on_gradients_ready() {
  const Dtype loss = Loss(*solver_->net());
  if (!std::isfinite(loss)) LOG(FATAL) << Sentence(loss);
  // The weights that a snapshot of this iteration holds gave that loss.
  const string now = SnapshotOfNow();
  if (!now.empty()) good_snapshot_ = now;
}

template string FirstNotFinite(const Net<float>& net);
template string FirstNotFinite(const Net<double>& net);
INSTANTIATE_CLASS(EndAtNaN);

}  // namespace caffe
