#ifdef USE_ONEDNN
#include "caffe/layers/onednn_pooling_layer.hpp"

#include <vector>

namespace caffe {

using dnnl::algorithm;
using dnnl::memory;
using onednn::Data;
using onednn::Diff;

bool OneDNNPoolingLayer::CreatePrimitives(const Blob<float>& bottom,
                                          const Blob<float>& top) {
  const memory::desc layout = onednn::Read(Data(bottom)).get_desc();
  const memory::dims top_dims = onednn::Dims(top.shape());
  if (layout == layout_ && top_dims == top_dims_) return use_onednn_;
  layout_ = layout;
  top_dims_ = top_dims;
  use_onednn_ = false;
  const memory::dims kernel = {kernel_h_, kernel_w_};
  const memory::dims stride = {stride_h_, stride_w_}, pad = {pad_h_, pad_w_};
  // What the last window covers beyond the image.
  const int bottom_pad =
      (pooled_height_ - 1) * stride_h_ + kernel_h_ - height_ - pad_h_;
  const int right_pad =
      (pooled_width_ - 1) * stride_w_ + kernel_w_ - width_ - pad_w_;
  const bool sticks_out = bottom_pad > pad_h_ || right_pad > pad_w_;
  const bool misses = bottom_pad >= kernel_h_ || right_pad >= kernel_w_;
  const bool padded = pad_h_ > 0 || pad_w_ > 0;
  algorithm method = algorithm::pooling_max;
  switch (layer_param_.pooling_param().pool()) {
    case PoolingParameter_PoolMethod_MAX:
      break;
    case PoolingParameter_PoolMethod_AVE:
      if (padded && sticks_out) return false;
      method = padded ? algorithm::pooling_avg_include_padding
                      : algorithm::pooling_avg_exclude_padding;
      break;
    default:
      return false;
  }
  if (misses) return false;
  const dnnl::engine& engine = onednn::Engine();
  forward_ =
      dnnl::pooling_forward::primitive_desc({dnnl::prop_kind::forward_training,
                                             method,
                                             layout,
                                             onednn::Any(top_dims),
                                             stride,
                                             kernel,
                                             pad,
                                             {bottom_pad, right_pad}},
                                            onednn::Attributes(), engine, true);
  if (!onednn::IsFast(forward_)) return false;
  backward_ = dnnl::pooling_backward::primitive_desc({method,
                                                      layout,
                                                      forward_.dst_desc(),
                                                      stride,
                                                      kernel,
                                                      pad,
                                                      {bottom_pad, right_pad}},
                                                     onednn::Attributes(),
                                                     engine, forward_, true);
  use_onednn_ = onednn::IsFast(backward_);
  if (use_onednn_) onednn::Allocate(forward_.workspace_desc(), &chosen_);
  return use_onednn_;
}

void OneDNNPoolingLayer::Forward_cpu(const vector<Blob<float>*>& bottom,
                                     const vector<Blob<float>*>& top) {
  if (top.size() > 1 || !CreatePrimitives(*bottom[0], *top[0])) {
    return PoolingLayer<float>::Forward_cpu(bottom, top);
  }
  const onednn::Output y(Data(*top[0]), forward_.dst_desc(), &top_);
  onednn::Run<dnnl::pooling_forward>(
      forward_, {{DNNL_ARG_SRC, onednn::Read(Data(*bottom[0]))},
                 {DNNL_ARG_DST, y.get()},
                 {DNNL_ARG_WORKSPACE, chosen_}});
}

void OneDNNPoolingLayer::Backward_cpu(const vector<Blob<float>*>& top,
                                      const vector<bool>& propagate_down,
                                      const vector<Blob<float>*>& bottom) {
  if (!propagate_down[0]) return;
  if (top.size() > 1 || !use_onednn_) {
    return PoolingLayer<float>::Backward_cpu(top, propagate_down, bottom);
  }
  const memory dy =
      onednn::ReadAs(Diff(*top[0]), backward_.diff_dst_desc(), &top_diff_);
  const onednn::Output dx(Diff(*bottom[0]), backward_.diff_src_desc(),
                          &bottom_diff_);
  onednn::Run<dnnl::pooling_backward>(backward_,
                                      {{DNNL_ARG_DIFF_DST, dy},
                                       {DNNL_ARG_DIFF_SRC, dx.get()},
                                       {DNNL_ARG_WORKSPACE, chosen_}});
}

}  // namespace caffe
#endif  // USE_ONEDNN
