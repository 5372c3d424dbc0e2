#include <vector>

#include "caffe/layers/box_layer.hpp"
#include "caffe/util/math_functions.hpp"

namespace caffe {

template <typename Dtype>
void BoxLayer<Dtype>::Forward_gpu(const vector<Blob<Dtype>*>& bottom,
                                  const vector<Blob<Dtype>*>& top) {
  for (size_t t = 0; t < top.size(); ++t) {
    gather_rectangle_gpu(boxes_[t], bottom[0]->gpu_data(),
                         top[t]->mutable_gpu_data());
  }
}

template <typename Dtype>
void BoxLayer<Dtype>::Backward_gpu(const vector<Blob<Dtype>*>& top,
                                   const vector<bool>& propagate_down,
                                   const vector<Blob<Dtype>*>& bottom) {
  if (!propagate_down[0]) return;
  Dtype* bottom_diff = bottom[0]->mutable_gpu_diff();
  caffe_gpu_set(bottom[0]->count(), Dtype(0), bottom_diff);
  for (size_t t = 0; t < top.size(); ++t) {
    scatter_rectangle_gpu(boxes_[t], top[t]->gpu_diff(), bottom_diff);
  }
}

INSTANTIATE_LAYER_GPU_FUNCS(BoxLayer);

}  // namespace caffe
