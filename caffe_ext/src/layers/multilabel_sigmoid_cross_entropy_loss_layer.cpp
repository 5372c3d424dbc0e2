#include "caffe/layers/multilabel_sigmoid_cross_entropy_loss_layer.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace caffe {

template <typename Dtype>
void MultilabelSigmoidCrossEntropyLossLayer<Dtype>::LayerSetUp(
    const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
  LossLayer<Dtype>::LayerSetUp(bottom, top);
  const LossParameter& param = this->layer_param_.loss_param();
  const bool by_batch =
      param.has_normalization()
          ? param.normalization() == LossParameter_NormalizationMode_BATCH_SIZE
          : !param.has_normalize() || !param.normalize();
  LOG_IF(FATAL, !by_batch || (param.has_ignore_label() && param.ignore_label()))
      << this->type() << " layer '" << this->layer_param_.name()
      << "': the loss is divided by the batch size and leaves out labels of 0, "
      << "whatever loss_param { " << param.ShortDebugString()
      << " } asks for; remove that, and use loss_weight for another scale.";
}

template <typename Dtype>
void MultilabelSigmoidCrossEntropyLossLayer<Dtype>::Reshape(
    const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
  LossLayer<Dtype>::Reshape(bottom, top);
  LOG_IF(FATAL, bottom[0]->count(1) != bottom[1]->count(1))
      << this->type() << " layer '" << this->layer_param_.name()
      << "': " << bottom[0]->count(1) << " outputs a face against "
      << bottom[1]->count(1)
      << " labels; set the output layer's num_output to the number of AUs in "
      << "the data.";
  losses_.ReshapeLike(*bottom[0]);
}

template <typename Dtype>
void MultilabelSigmoidCrossEntropyLossLayer<Dtype>::CheckLabels(
    const Blob<Dtype>& labels) const {
  const int per_item = labels.count(1);
  for (int i = 0; i < labels.count(); ++i) {
    const Dtype y = labels.cpu_data()[i];
    LOG_IF(FATAL, y != -1 && y != 0 && y != 1)
        << this->type() << " layer '" << this->layer_param_.name()
        << "': label " << y << " of item " << i / per_item << ", AU column "
        << i % per_item << ", is none of 1 (present), -1 (absent) "
        << "and 0 (unknown); correct the data.";
  }
}

template <typename Dtype>
void MultilabelSigmoidCrossEntropyLossLayer<Dtype>::RefuseLabelGradient()
    const {
  LOG(FATAL) << this->type() << " layer '" << this->layer_param_.name()
             << "' cannot backpropagate to its labels; set "
             << "propagate_down: false.";
}

template <typename Dtype>
void MultilabelSigmoidCrossEntropyLossLayer<Dtype>::Forward_cpu(
    const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
  const Dtype* scores = bottom[0]->cpu_data();
  const Dtype* labels = bottom[1]->cpu_data();
  CheckLabels(*bottom[1]);
  double loss = 0;
  for (int i = 0; i < bottom[0]->count(); ++i) {
    const Dtype x = scores[i], y = labels[i];
    if (y == 0) continue;
    loss += std::log1p(std::exp(-std::abs(x))) + std::max(Dtype(0), -y * x);
  }
  top[0]->mutable_cpu_data()[0] = loss / bottom[0]->shape(0);
}

template <typename Dtype>
void MultilabelSigmoidCrossEntropyLossLayer<Dtype>::Backward_cpu(
    const vector<Blob<Dtype>*>& top, const vector<bool>& propagate_down,
    const vector<Blob<Dtype>*>& bottom) {
  if (propagate_down[1]) RefuseLabelGradient();
  if (!propagate_down[0]) return;
  const Dtype* scores = bottom[0]->cpu_data();
  const Dtype* labels = bottom[1]->cpu_data();
  Dtype* diff = bottom[0]->mutable_cpu_diff();
  const Dtype weight = top[0]->cpu_diff()[0] / bottom[0]->shape(0);
  for (int i = 0; i < bottom[0]->count(); ++i) {
    const Dtype p = 0.5 * std::tanh(0.5 * scores[i]) + 0.5;
    diff[i] = labels[i] == 0 ? 0 : weight * (p - (labels[i] > 0));
  }
}

#ifdef CPU_ONLY
STUB_GPU(MultilabelSigmoidCrossEntropyLossLayer);
#endif

INSTANTIATE_CLASS(MultilabelSigmoidCrossEntropyLossLayer);
REGISTER_LAYER_CLASS(MultilabelSigmoidCrossEntropyLoss);

}  // namespace caffe
