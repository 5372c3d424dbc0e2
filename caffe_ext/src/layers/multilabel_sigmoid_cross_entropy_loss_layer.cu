#include <cmath>
#include <vector>

#include "caffe/layers/multilabel_sigmoid_cross_entropy_loss_layer.hpp"
#include "caffe/util/math_functions.hpp"

namespace caffe {

// A label that is none is a NaN, which the sum over all of them keeps.
template <typename Dtype>
__global__ void MultilabelLosses(int count, const Dtype* scores,
                                 const Dtype* labels, Dtype* losses) {
  CUDA_KERNEL_LOOP(i, count) {
    const Dtype x = scores[i], y = labels[i];
    if (y == 0) {
      losses[i] = 0;
    } else if (y == 1 || y == -1) {
      losses[i] = log1p(exp(-abs(x))) + max(Dtype(0), -y * x);
    } else {
      losses[i] = NAN;
    }
  }
}

template <typename Dtype>
__global__ void MultilabelGradients(int count, const Dtype* scores,
                                    const Dtype* labels, Dtype weight,
                                    Dtype* diff) {
  CUDA_KERNEL_LOOP(i, count) {
    const Dtype p = Dtype(0.5) * tanh(Dtype(0.5) * scores[i]) + Dtype(0.5);
    diff[i] = labels[i] == 0 ? Dtype(0) : weight * (p - (labels[i] > 0));
  }
}

template <typename Dtype>
void MultilabelSigmoidCrossEntropyLossLayer<Dtype>::Forward_gpu(
    const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
  const int count = bottom[0]->count();
  // NOLINT_NEXT_LINE(whitespace/operators)
  MultilabelLosses<Dtype><<<CAFFE_GET_BLOCKS(count), CAFFE_CUDA_NUM_THREADS>>>(
      count, bottom[0]->gpu_data(), bottom[1]->gpu_data(),
      losses_.mutable_gpu_data());
  CUDA_POST_KERNEL_CHECK;
  Dtype loss;  // no loss is below 0, so the sum of magnitudes is the sum
  caffe_gpu_asum(count, losses_.gpu_data(), &loss);
  if (loss != loss) CheckLabels(*bottom[1]);
  top[0]->mutable_cpu_data()[0] = loss / bottom[0]->shape(0);
}

template <typename Dtype>
void MultilabelSigmoidCrossEntropyLossLayer<Dtype>::Backward_gpu(
    const vector<Blob<Dtype>*>& top, const vector<bool>& propagate_down,
    const vector<Blob<Dtype>*>& bottom) {
  if (propagate_down[1]) RefuseLabelGradient();
  if (!propagate_down[0]) return;
  const int count = bottom[0]->count();
  const Dtype weight = top[0]->cpu_diff()[0] / bottom[0]->shape(0);
  MultilabelGradients<Dtype>
      // NOLINT_NEXT_LINE(whitespace/operators)
      <<<CAFFE_GET_BLOCKS(count), CAFFE_CUDA_NUM_THREADS>>>(
          count, bottom[0]->gpu_data(), bottom[1]->gpu_data(), weight,
          bottom[0]->mutable_gpu_diff());
  CUDA_POST_KERNEL_CHECK;
}

INSTANTIATE_LAYER_GPU_FUNCS(MultilabelSigmoidCrossEntropyLossLayer);

}  // namespace caffe
