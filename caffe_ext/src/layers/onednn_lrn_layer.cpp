#ifdef USE_ONEDNN
#include "caffe/layers/onednn_lrn_layer.hpp"

#include <vector>

namespace caffe {

using dnnl::memory;
using onednn::Data;
using onednn::Diff;

bool OneDNNLRNLayer::MakePrimitives(const Blob<float>& bottom) {
  if (!onednn::Fits(bottom)) return false;
  const dnnl::algorithm across = dnnl::algorithm::lrn_across_channels;
  for (const onednn::ImageLayout& kind : onednn::kImageLayouts) {
    const memory::desc x =
        onednn::Layout(onednn::Dims(bottom.shape()), kind.layout);
    forward_ = onednn::ForwardIfFast<dnnl::lrn_forward>(
        dnnl::prop_kind::forward_training, across, x,
        ONEDNN_3_ARGUMENT(x) size_, alpha_, beta_, k_);
    backward_ = onednn::BackwardIfFast<dnnl::lrn_backward>(
        forward_, across, x, x, ONEDNN_3_ARGUMENT(x) size_, alpha_, beta_, k_);
    if (backward_) return true;
  }
  return false;
}

void OneDNNLRNLayer::CrossChannelForward_cpu(const vector<Blob<float>*>& bottom,
                                             const vector<Blob<float>*>& top) {
  if (!MakePrimitives(*bottom[0])) {
    return LRNLayer<float>::CrossChannelForward_cpu(bottom, top);
  }
  const auto& p = forward_.description();
  onednn::AllocateZeros(p.workspace_desc(), &workspace_);
  const memory x = onednn::ReadAs(Data(*bottom[0]), p.src_desc(), &bottom_);
  const onednn::Output y(Data(*top[0]), p.dst_desc(), &top_);
  forward_.Run({{DNNL_ARG_SRC, x},
                {DNNL_ARG_DST, y.get()},
                {DNNL_ARG_WORKSPACE, workspace_}});
  y.Store();
}

void OneDNNLRNLayer::CrossChannelBackward_cpu(
    const vector<Blob<float>*>& top, const vector<bool>& propagate_down,
    const vector<Blob<float>*>& bottom) {
  if (!propagate_down[0]) return;
  if (!MakePrimitives(*bottom[0])) {
    LRNLayer<float>::CrossChannelBackward_cpu(top, propagate_down, bottom);
    return;
  }
  const auto& p = backward_.description();
  onednn::AllocateZeros(p.workspace_desc(), &workspace_);  // reshaped since
  const memory x = onednn::ReadAs(Data(*bottom[0]), p.src_desc(), &bottom_);
  const memory dy =
      onednn::ReadAs(Diff(*top[0]), p.diff_dst_desc(), &top_diff_);
  const onednn::Output dx(Diff(*bottom[0]), p.diff_src_desc(), &bottom_diff_);
  backward_.Run({{DNNL_ARG_SRC, x},
                 {DNNL_ARG_DIFF_DST, dy},
                 {DNNL_ARG_DIFF_SRC, dx.get()},
                 {DNNL_ARG_WORKSPACE, workspace_}});
  dx.Store();
}

}  // namespace caffe
#endif  // USE_ONEDNN
