#include "caffe/util/layer_at_work.hpp"

#include <string>

namespace caffe {

static thread_local const string* layer_name = NULL;
static thread_local int layer_batch = 0;

LayerAtWork::LayerAtWork(const string& name, int batch)
    : name_(name), outer_(layer_name), outer_batch_(layer_batch) {
  layer_name = &name_;
  layer_batch = batch;
}

LayerAtWork::~LayerAtWork() {
  layer_name = outer_;
  if (outer_) layer_batch = outer_batch_;
}

string LayerAtWork::Where() {
  return layer_name ? "in layer '" + *layer_name + "'" : "outside the layers";
}

int LayerAtWork::batch() {
  return layer_batch;
}

}  // namespace caffe
