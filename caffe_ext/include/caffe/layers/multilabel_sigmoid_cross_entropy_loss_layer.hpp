#ifndef CAFFE_LAYERS_MULTILABEL_SIGMOID_CROSS_ENTROPY_LOSS_LAYER_HPP_
#define CAFFE_LAYERS_MULTILABEL_SIGMOID_CROSS_ENTROPY_LOSS_LAYER_HPP_

#include <vector>

#include "caffe/blob.hpp"
#include "caffe/layer.hpp"
#include "caffe/layers/loss_layer.hpp"
#include "caffe/proto/caffe.pb.h"

namespace caffe {

/**
 * @brief Sigmoid cross-entropy over labels that may be unknown (paper 3.1):
 *
 *   L = -1/N sum_{n,c} [y_nc > 0] log p_nc + [y_nc < 0] log(1 - p_nc)
 *
 * with p = 1 / (1 + exp(-x)), and N the batch size (not the number of labels
 * or of known labels, as the paper has it).
 *
 * @param bottom
 *   -# x, (N, C, ...): scores before the sigmoid, any value
 *   -# y, N rows of as many labels, as (N, C) or (N, C, 1, 1): +1 present,
 *      -1 absent, 0 unknown; anything else ends the program
 * @param top
 *   -# (scalar) the loss, >= 0
 *
 * loss_param may ask for nothing else (normalization: BATCH_SIZE,
 * ignore_label: 0).
 *
 * The gradient is loss_weight / N (p - [y > 0]) where y is known and 0 where
 * it is not; labels get none. Finite for every finite x: with
 * s = log(1 + exp(-|x|)), -log p = s + max(0, -x), -log(1 - p) = s + max(0, x).
 */
template <typename Dtype>
class MultilabelSigmoidCrossEntropyLossLayer : public LossLayer<Dtype> {
 public:
  explicit MultilabelSigmoidCrossEntropyLossLayer(const LayerParameter& param)
      : LossLayer<Dtype>(param) {}
  virtual void LayerSetUp(const vector<Blob<Dtype>*>& bottom,
                          const vector<Blob<Dtype>*>& top);
  virtual void Reshape(const vector<Blob<Dtype>*>& bottom,
                       const vector<Blob<Dtype>*>& top);

  virtual inline const char* type() const {
    return "MultilabelSigmoidCrossEntropyLoss";
  }

 protected:
  virtual void Forward_cpu(const vector<Blob<Dtype>*>& bottom,
                           const vector<Blob<Dtype>*>& top);
  virtual void Forward_gpu(const vector<Blob<Dtype>*>& bottom,
                           const vector<Blob<Dtype>*>& top);
  virtual void Backward_cpu(const vector<Blob<Dtype>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<Dtype>*>& bottom);
  virtual void Backward_gpu(const vector<Blob<Dtype>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<Dtype>*>& bottom);

 private:
  void CheckLabels(const Blob<Dtype>& labels) const;
  void RefuseLabelGradient() const;

  Blob<Dtype> losses_;  // (N, C, ...) of each score, on the GPU only
};

}  // namespace caffe

#endif  // CAFFE_LAYERS_MULTILABEL_SIGMOID_CROSS_ENTROPY_LOSS_LAYER_HPP_
