#ifdef USE_ONEDNN
#include "caffe/layers/onednn_pooling_layer.hpp"

#include <vector>

namespace caffe {

using dnnl::algorithm;
using dnnl::memory;
using onednn::Data;
using onednn::Diff;

algorithm OneDNNPoolingLayer::Algorithm(const memory::dims& end) const {
  if (end[0] >= kernel_h_ || end[1] >= kernel_w_) return algorithm::undef;
  const bool padded = pad_h_ > 0 || pad_w_ > 0;
  switch (layer_param_.pooling_param().pool()) {
    case PoolingParameter_PoolMethod_MAX:
      return algorithm::pooling_max;
    case PoolingParameter_PoolMethod_AVE:
      if (!padded) return algorithm::pooling_avg_exclude_padding;
      return end[0] > pad_h_ || end[1] > pad_w_
                 ? algorithm::undef
                 : algorithm::pooling_avg_include_padding;
    default:
      return algorithm::undef;
  }
}

bool OneDNNPoolingLayer::MakePrimitives(const Blob<float>& bottom,
                                        const Blob<float>& top) {
  const memory::dims kernel = {kernel_h_, kernel_w_};
  const memory::dims stride = {stride_h_, stride_w_}, pad = {pad_h_, pad_w_};
  const memory::dims end = {
      (pooled_height_ - 1) * stride_h_ + kernel_h_ - height_ - pad_h_,
      (pooled_width_ - 1) * stride_w_ + kernel_w_ - width_ - pad_w_};
  const algorithm method = Algorithm(end);
  if (method == algorithm::undef || !onednn::Fits(bottom)) return false;
  for (const onednn::ImageLayout& kind : onednn::kImageLayouts) {
    if (channels_ % kind.block != 0) continue;  // it would be padded
    const memory::desc x =
        onednn::Layout(onednn::Dims(bottom.shape()), kind.layout);
    const memory::desc y =
        onednn::Layout(onednn::Dims(top.shape()), kind.layout);
    forward_ = onednn::ForwardIfFast<dnnl::pooling_forward>(
        dnnl::prop_kind::forward_training, method, x, y, stride, kernel,
        ONEDNN_3_ARGUMENT(memory::dims({0, 0})) pad, end);
    backward_ = onednn::BackwardIfFast<dnnl::pooling_backward>(
        forward_, method, x, y, stride, kernel,
        ONEDNN_3_ARGUMENT(memory::dims({0, 0})) pad, end);
    if (backward_) return true;
  }
  return false;
}

void OneDNNPoolingLayer::Forward_cpu(const vector<Blob<float>*>& bottom,
                                     const vector<Blob<float>*>& top) {
  if (top.size() > 1 || !MakePrimitives(*bottom[0], *top[0])) {
    return PoolingLayer<float>::Forward_cpu(bottom, top);
  }
  const auto& p = forward_.description();
  onednn::AllocateZeros(p.workspace_desc(), &chosen_);
  const memory x = onednn::ReadAs(Data(*bottom[0]), p.src_desc(), &bottom_);
  const onednn::Output y(Data(*top[0]), p.dst_desc(), &top_);
  forward_.Run({{DNNL_ARG_SRC, x},
                {DNNL_ARG_DST, y.get()},
                {DNNL_ARG_WORKSPACE, chosen_}});
  y.Store();
}

void OneDNNPoolingLayer::Backward_cpu(const vector<Blob<float>*>& top,
                                      const vector<bool>& propagate_down,
                                      const vector<Blob<float>*>& bottom) {
  if (!propagate_down[0]) return;
  if (top.size() > 1 || !MakePrimitives(*bottom[0], *top[0])) {
    return PoolingLayer<float>::Backward_cpu(top, propagate_down, bottom);
  }
  const auto& p = backward_.description();
  onednn::AllocateZeros(p.workspace_desc(), &chosen_);  // reshaped since
  const memory dy =
      onednn::ReadAs(Diff(*top[0]), p.diff_dst_desc(), &top_diff_);
  const onednn::Output dx(Diff(*bottom[0]), p.diff_src_desc(), &bottom_diff_);
  backward_.Run({{DNNL_ARG_DIFF_DST, dy},
                 {DNNL_ARG_DIFF_SRC, dx.get()},
                 {DNNL_ARG_WORKSPACE, chosen_}});
  dx.Store();
}

}  // namespace caffe
#endif  // USE_ONEDNN
