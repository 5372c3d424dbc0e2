#ifdef USE_ONEDNN
#include "caffe/layers/onednn_conv_layer.hpp"

#include <vector>

namespace caffe {

using dnnl::memory;
using onednn::Data;
using onednn::Diff;

void OneDNNConvolutionLayer::Reshape(const vector<Blob<float>*>& bottom,
                                     const vector<Blob<float>*>& top) {
  ConvolutionLayer<float>::Reshape(bottom, top);
  const Dims bottom_dims = onednn::Dims(bottom[0]->shape());
  if (bottom_dims == bottom_dims_) return;
  bottom_dims_ = bottom_dims;
  use_onednn_ = channel_axis_ == 1 && num_spatial_axes_ >= 1 &&
                num_spatial_axes_ <= 3 && bottom[0]->count() > 0;
  if (use_onednn_) CreatePrimitives(bottom_dims, onednn::Dims(top[0]->shape()));
}

void OneDNNConvolutionLayer::CreatePrimitives(const Dims& bottom,
                                              const Dims& top) {
  weights_dims_ = onednn::Dims(blobs_[0]->shape());
  if (group_ > 1) {
    weights_dims_[0] /= group_;
    weights_dims_.insert(weights_dims_.begin(), group_);
  }
  Dims stride, dilation, pad;
  for (int i = 0; i < num_spatial_axes_; ++i) {
    stride.push_back(stride_.cpu_data()[i]);
    dilation.push_back(dilation_.cpu_data()[i] - 1);  // oneDNN counts from 0
    pad.push_back(pad_.cpu_data()[i]);
  }
  const memory::desc x = onednn::Any(bottom), w = onednn::Any(weights_dims_),
                     y = onednn::Any(top);
  const memory::desc b =
      bias_term_ ? onednn::Plain({num_output_}) : memory::desc();
  const dnnl::algorithm direct = dnnl::algorithm::convolution_direct;
  const dnnl::engine& engine = onednn::Engine();
  forward_ = dnnl::convolution_forward::primitive_desc(
      {dnnl::prop_kind::forward_training, direct, x, w, b, y, stride, dilation,
       pad, pad},
      onednn::Attributes(), engine, true);
  use_onednn_ = onednn::IsFast(forward_);
  if (!use_onednn_) return;
  backward_data_ = dnnl::convolution_backward_data::primitive_desc(
      {direct, x, w, y, stride, dilation, pad, pad}, onednn::Attributes(),
      engine, forward_, true);
  backward_weights_ = dnnl::convolution_backward_weights::primitive_desc(
      {direct, x, w, b, y, stride, dilation, pad, pad}, onednn::Attributes(),
      engine, forward_, true);
  use_onednn_ =
      onednn::IsFast(backward_data_) && onednn::IsFast(backward_weights_);
}

void OneDNNConvolutionLayer::Forward_cpu(const vector<Blob<float>*>& bottom,
                                         const vector<Blob<float>*>& top) {
  if (!use_onednn_) return ConvolutionLayer<float>::Forward_cpu(bottom, top);
  const memory weights = onednn::ReadAs(Data(*blobs_[0], weights_dims_),
                                        forward_.weights_desc(), &weights_);
  for (int i = 0; i < bottom.size(); ++i) {
    const memory x =
        onednn::ReadAs(Data(*bottom[i]), forward_.src_desc(), &bottom_);
    const onednn::Output y(Data(*top[i]), forward_.dst_desc(), &top_);
    onednn::Arguments arguments = {{DNNL_ARG_SRC, x},
                                   {DNNL_ARG_WEIGHTS, weights},
                                   {DNNL_ARG_DST, y.get()}};
    if (bias_term_) arguments[DNNL_ARG_BIAS] = onednn::Read(Data(*blobs_[1]));
    onednn::Run<dnnl::convolution_forward>(forward_, arguments);
  }
}

void OneDNNConvolutionLayer::Backward_cpu(const vector<Blob<float>*>& top,
                                          const vector<bool>& propagate_down,
                                          const vector<Blob<float>*>& bottom) {
  if (!use_onednn_) {
    ConvolutionLayer<float>::Backward_cpu(top, propagate_down, bottom);
    return;
  }
  for (int i = 0; i < top.size(); ++i) {
    if (param_propagate_down_[0] || (bias_term_ && param_propagate_down_[1])) {
      BackwardWeights(*top[i], *bottom[i]);
    }
    if (propagate_down[i]) BackwardData(*top[i], bottom[i]);
  }
}

void OneDNNConvolutionLayer::BackwardWeights(const Blob<float>& top,
                                             const Blob<float>& bottom) {
  const dnnl::convolution_backward_weights::primitive_desc& p =
      backward_weights_;
  onednn::Allocate(p.diff_weights_desc(), &weights_diff_);
  onednn::Arguments arguments = {
      {DNNL_ARG_SRC, onednn::ReadAs(Data(bottom), p.src_desc(), &bottom_)},
      {DNNL_ARG_DIFF_DST, onednn::ReadAs(Diff(top), p.diff_dst_desc(), &top_)},
      {DNNL_ARG_DIFF_WEIGHTS, weights_diff_}};
  if (bias_term_) {
    onednn::Allocate(p.diff_bias_desc(), &bias_diff_);
    arguments[DNNL_ARG_DIFF_BIAS] = bias_diff_;
  }
  onednn::Run<dnnl::convolution_backward_weights>(p, arguments);
  if (param_propagate_down_[0]) {
    onednn::AddTo(Diff(*blobs_[0], weights_dims_), weights_diff_);
  }
  if (bias_term_ && param_propagate_down_[1]) {
    onednn::AddTo(Diff(*blobs_[1]), bias_diff_);
  }
}

void OneDNNConvolutionLayer::BackwardData(const Blob<float>& top,
                                          Blob<float>* bottom) {
  const dnnl::convolution_backward_data::primitive_desc& p = backward_data_;
  const memory y = onednn::ReadAs(Diff(top), p.diff_dst_desc(), &top_);
  const memory weights = onednn::ReadAs(Data(*blobs_[0], weights_dims_),
                                        p.weights_desc(), &weights_);
  const onednn::Output x(Diff(*bottom), p.diff_src_desc(), &bottom_);
  onednn::Run<dnnl::convolution_backward_data>(p,
                                               {{DNNL_ARG_DIFF_DST, y},
                                                {DNNL_ARG_WEIGHTS, weights},
                                                {DNNL_ARG_DIFF_SRC, x.get()}});
}

}  // namespace caffe
#endif  // USE_ONEDNN
