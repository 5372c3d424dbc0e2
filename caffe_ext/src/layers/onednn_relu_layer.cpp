#ifdef USE_ONEDNN
#include "caffe/layers/onednn_relu_layer.hpp"

#include <vector>

namespace caffe {

using dnnl::algorithm;
using dnnl::memory;
using onednn::Data;
using onednn::Diff;

dnnl::eltwise_forward::primitive_desc OneDNNReLULayer::ForwardFor(
    const memory::desc& layout) const {
  return dnnl::eltwise_forward::primitive_desc(
      {dnnl::prop_kind::forward_training, algorithm::eltwise_relu, layout,
       layer_param_.relu_param().negative_slope()},
      onednn::Attributes(), onednn::Engine());
}

void OneDNNReLULayer::Forward_cpu(const vector<Blob<float>*>& bottom,
                                  const vector<Blob<float>*>& top) {
  if (!onednn::Fits(*bottom[0])) {
    return ReLULayer<float>::Forward_cpu(bottom, top);
  }
  const memory x = onednn::Read(Data(*bottom[0]));
  const onednn::Output y(Data(*top[0]), x.get_desc(), &top_);
  onednn::Run<dnnl::eltwise_forward>(
      ForwardFor(x.get_desc()), {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y.get()}});
}

void OneDNNReLULayer::Backward_cpu(const vector<Blob<float>*>& top,
                                   const vector<bool>& propagate_down,
                                   const vector<Blob<float>*>& bottom) {
  if (!propagate_down[0]) return;
  if (!onednn::Fits(*bottom[0])) {
    return ReLULayer<float>::Backward_cpu(top, propagate_down, bottom);
  }
  const memory x = onednn::Read(Data(*bottom[0]));
  const memory::desc layout = x.get_desc();
  const memory dy = onednn::ReadAs(Diff(*top[0]), layout, &top_diff_);
  const onednn::Output dx(Diff(*bottom[0]), layout, &bottom_diff_);
  const dnnl::eltwise_backward::primitive_desc backward(
      {algorithm::eltwise_relu, layout, layout,
       layer_param_.relu_param().negative_slope()},
      onednn::Attributes(), onednn::Engine(), ForwardFor(layout));
  onednn::Run<dnnl::eltwise_backward>(backward,
                                      {{DNNL_ARG_SRC, x},
                                       {DNNL_ARG_DIFF_DST, dy},
                                       {DNNL_ARG_DIFF_SRC, dx.get()}});
}

}  // namespace caffe
#endif  // USE_ONEDNN
