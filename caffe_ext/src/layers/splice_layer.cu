#include <vector>

#include "caffe/layers/splice_layer.hpp"
#include "caffe/util/math_functions.hpp"

namespace caffe {

template <typename Dtype>
void SpliceLayer<Dtype>::Forward_gpu(const vector<Blob<Dtype>*>& bottom,
                                     const vector<Blob<Dtype>*>& top) {
  Dtype* top_data = top[0]->mutable_gpu_data();
  caffe_gpu_set(top[0]->count(), Dtype(0), top_data);
  for (size_t t = 0; t < bottom.size(); ++t) {
    scatter_rectangle_gpu(patches_[t], bottom[t]->gpu_data(), top_data);
  }
}

template <typename Dtype>
void SpliceLayer<Dtype>::Backward_gpu(const vector<Blob<Dtype>*>& top,
                                      const vector<bool>& propagate_down,
                                      const vector<Blob<Dtype>*>& bottom) {
  for (size_t t = 0; t < bottom.size(); ++t) {
    if (!propagate_down[t]) continue;
    gather_rectangle_gpu(patches_[t], top[0]->gpu_diff(),
                         bottom[t]->mutable_gpu_diff());
  }
}

INSTANTIATE_LAYER_GPU_FUNCS(SpliceLayer);

}  // namespace caffe
