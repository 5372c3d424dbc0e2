#include "caffe/util/divergence.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
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
  for (size_t i = 0; i < net.layers().size(); ++i) {
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
  for (size_t i = 0; i < net.layers().size(); ++i) {
    for (size_t j = 0; j < net.top_vecs()[i].size(); ++j) {
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
      first_iter_(solver->iter()),
      begun_(time(NULL)) {}

template <typename Dtype>
string EndAtNaN<Dtype>::Snapshot(int iter) const {
  if (iter == first_iter_) return resumed_from_;
  const SolverParameter& param = solver_->param();
  const bool hdf5 =
      param.snapshot_format() == SolverParameter_SnapshotFormat_HDF5;
  const string file = param.snapshot_prefix() + "_iter_" +
                      std::to_string(iter) + ".solverstate" +
                      (hdf5 ? ".h5" : "");
  struct stat found;
  const bool ours = stat(file.c_str(), &found) == 0 && found.st_mtime >= begun_;
  return ours ? file : "";
}

template <typename Dtype>
string EndAtNaN<Dtype>::Sentence(Dtype loss) const {
  const int iter = solver_->iter();
  string text = "Iteration " + std::to_string(iter) + ": the loss is " +
                std::to_string(loss) + ", no number to learn from";
  const string first = FirstNotFinite(*solver_->net());
  if (!first.empty()) {
    text += "; the first values that are not finite are those of " + first;
  }
  text +=
      ". Try a lower base_lr, smaller inputs (transform_param { scale }) "
      "or fillers with smaller weights.";
  const string now = Snapshot(iter);
  if (!now.empty()) text += " Delete " + now + ", which holds these weights.";
  string good;  // every earlier iteration's weights gave a finite loss
  for (int i = iter - 1; i >= first_iter_ && good.empty(); --i) {
    good = Snapshot(i);
  }
  text += good.empty() ? " There is no snapshot from before."
                       : " The last good snapshot is " + good + ".";
  return text + " (caffe train -end_at_nan=false goes on all the same.)";
}

template <typename Dtype>
void EndAtNaN<Dtype>::on_gradients_ready() {
  const Dtype loss = Loss(*solver_->net());
  LOG_IF(FATAL, !std::isfinite(loss)) << Sentence(loss);
}

template string FirstNotFinite(const Net<float>& net);
template string FirstNotFinite(const Net<double>& net);
INSTANTIATE_CLASS(EndAtNaN);

}  // namespace caffe
