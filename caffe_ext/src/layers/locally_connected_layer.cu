#include "caffe/layers/locally_connected_layer.hpp"

#include <vector>

#include "caffe/util/local_gpu.hpp"

namespace caffe {

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::Forward_gpu(
    const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
  scratch_.Reshape(vector<int>(1, LocalScratch(shape_, num_)));
  local_forward_gpu(shape_, num_, bottom[0]->gpu_data(),
                    this->blobs_[0]->gpu_data(),
                    bias_term_ ? this->blobs_[1]->gpu_data() : NULL,
                    scratch_.mutable_gpu_data(), top[0]->mutable_gpu_data());
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::Backward_gpu(
    const vector<Blob<Dtype>*>& top, const vector<bool>& propagate_down,
    const vector<Blob<Dtype>*>& bottom) {
  const bool weight = this->param_propagate_down_[0];
  const bool bias = bias_term_ && this->param_propagate_down_[1];
  scratch_.Reshape(vector<int>(1, LocalScratch(shape_, num_)));
  if (weight || bias) {
    local_backward_parameters_gpu(
        shape_, num_, bottom[0]->gpu_data(), top[0]->gpu_diff(),
        scratch_.mutable_gpu_data(),
        weight ? this->blobs_[0]->mutable_gpu_diff() : NULL,
        bias ? this->blobs_[1]->mutable_gpu_diff() : NULL);
  }
  if (propagate_down[0]) {
    local_backward_bottom_gpu(
        shape_, num_, top[0]->gpu_diff(), this->blobs_[0]->gpu_data(),
        scratch_.mutable_gpu_data(), bottom[0]->mutable_gpu_diff());
  }
}

INSTANTIATE_LAYER_GPU_FUNCS(LocallyConnectedLayer);

}  // namespace caffe
