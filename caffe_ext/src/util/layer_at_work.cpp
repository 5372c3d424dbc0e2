#include "caffe/util/layer_at_work.hpp"

#include <string>

namespace caffe {

static thread_local const string* layer_name = NULL;
static thread_local int layer_batch = 0;

LayerAtWork::LayerAtWork(const string& name, int batch) : outer_(layer_name) {
  layer_name = &name;
  layer_batch = batch;
}

LayerAtWork::~LayerAtWork() {
  layer_name = outer_;
}

string LayerAtWork::Where() {
  return layer_name ? "in layer '" + *layer_name + "'" : "outside the layers";
}

int LayerAtWork::batch() {
  return layer_batch;
}

}  // namespace caffe
