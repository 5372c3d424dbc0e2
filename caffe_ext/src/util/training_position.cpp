#include "caffe/util/training_position.hpp"

#include <sstream>
#include <string>
#include <vector>

#include "caffe/util/rng.hpp"

namespace caffe {

template <typename Dtype>
static vector<Net<Dtype>*> Nets(Solver<Dtype>* solver) {
  vector<Net<Dtype>*> nets(1, solver->net().get());
  for (const shared_ptr<Net<Dtype>>& net : solver->test_nets()) {
    nets.push_back(net.get());
  }
  return nets;
}

template <typename Dtype>
TrainingPosition PositionOf(Solver<Dtype>* solver) {
  TrainingPosition position;
  std::ostringstream random;
  random << *caffe_rng();
  position.set_random(random.str());
  const vector<Net<Dtype>*> nets = Nets(solver);
  for (size_t i = 0; i < nets.size(); ++i) {
    for (const shared_ptr<Layer<Dtype>>& layer : nets[i]->layers()) {
      const auto* data = dynamic_cast<const ResumableData*>(layer.get());
      if (!data) continue;
      TrainingPosition::Layer* entry = position.add_layer();
      entry->set_net(i);
      entry->set_name(layer->layer_param().name());
      entry->set_records(data->records());
    }
  }
  return position;
}

template <typename Dtype>
void GoOnAt(const TrainingPosition& position, Solver<Dtype>* solver) {
  const vector<Net<Dtype>*> nets = Nets(solver);
  for (const TrainingPosition::Layer& entry : position.layer()) {
    if (entry.net() >= nets.size()) continue;
    for (const shared_ptr<Layer<Dtype>>& layer : nets[entry.net()]->layers()) {
      auto* data = dynamic_cast<ResumableData*>(layer.get());
      if (data && layer->layer_param().name() == entry.name()) {
        data->GoOnBehind(entry.records());
      }
    }
  }
  // Last, since starting a layer's thread draws.
  if (position.has_random() && Caffe::root_solver()) {
    std::istringstream random(position.random());
    random >> *caffe_rng();
  }
}

template TrainingPosition PositionOf<float>(Solver<float>* solver);
template TrainingPosition PositionOf<double>(Solver<double>* solver);
template void GoOnAt<float>(const TrainingPosition& position,
                            Solver<float>* solver);
template void GoOnAt<double>(const TrainingPosition& position,
                             Solver<double>* solver);

}  // namespace caffe
