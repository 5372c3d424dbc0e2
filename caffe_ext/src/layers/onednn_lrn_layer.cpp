#ifdef USE_ONEDNN
#include "caffe/layers/onednn_lrn_layer.hpp"

#include <vector>

namespace caffe {

using dnnl::memory;
using onednn::Data;
using onednn::Diff;

void OneDNNLRNLayer::CreatePrimitives(const memory::desc& layout) {
  if (layout == layout_) return;
  layout_ = layout;
  const dnnl::algorithm across = dnnl::algorithm::lrn_across_channels;
  const dnnl::engine& engine = onednn::Engine();
  forward_ = dnnl::lrn_forward::primitive_desc(
      {dnnl::prop_kind::forward_training, across, layout, size_, alpha_, beta_,
       k_},
      onednn::Attributes(), engine, true);
  use_onednn_ = onednn::IsFast(forward_);
  if (!use_onednn_) return;
  backward_ = dnnl::lrn_backward::primitive_desc(
      {across, layout, layout, size_, alpha_, beta_, k_}, onednn::Attributes(),
      engine, forward_, true);
  use_onednn_ = onednn::IsFast(backward_);
  onednn::Allocate(forward_.workspace_desc(), &workspace_);
}

void OneDNNLRNLayer::CrossChannelForward_cpu(const vector<Blob<float>*>& bottom,
                                             const vector<Blob<float>*>& top) {
  const memory x = onednn::Read(Data(*bottom[0]));
  CreatePrimitives(x.get_desc());
  if (!use_onednn_) {
    return LRNLayer<float>::CrossChannelForward_cpu(bottom, top);
  }
  const onednn::Output y(Data(*top[0]), forward_.dst_desc(), &top_);
  onednn::Run<dnnl::lrn_forward>(forward_, {{DNNL_ARG_SRC, x},
                                            {DNNL_ARG_DST, y.get()},
                                            {DNNL_ARG_WORKSPACE, workspace_}});
}

void OneDNNLRNLayer::CrossChannelBackward_cpu(
    const vector<Blob<float>*>& top, const vector<bool>& propagate_down,
    const vector<Blob<float>*>& bottom) {
  if (!propagate_down[0]) return;
  if (!use_onednn_) {
    LRNLayer<float>::CrossChannelBackward_cpu(top, propagate_down, bottom);
    return;
  }
  const memory x = onednn::ReadAs(Data(*bottom[0]), layout_, &bottom_);
  const memory dy =
      onednn::ReadAs(Diff(*top[0]), backward_.diff_dst_desc(), &top_diff_);
  const onednn::Output dx(Diff(*bottom[0]), backward_.diff_src_desc(),
                          &bottom_diff_);
  onednn::Run<dnnl::lrn_backward>(backward_,
                                  {{DNNL_ARG_SRC, x},
                                   {DNNL_ARG_DIFF_DST, dy},
                                   {DNNL_ARG_DIFF_SRC, dx.get()},
                                   {DNNL_ARG_WORKSPACE, workspace_}});
}

}  // namespace caffe
#endif  // USE_ONEDNN
