#ifdef USE_ONEDNN
#include "caffe/util/onednn_patch_convolution.hpp"

#include <algorithm>

namespace caffe {
namespace onednn {

using dnnl::memory;

namespace {

void Clear(const memory& values) {
  std::fill_n(Values(values), Count(values.get_desc()), 0.f);
}

void Add(const memory& values, const memory& sum) {
  const float* from = Values(values);
  float* to = Values(sum);
  const int count = Count(sum.get_desc());
#pragma omp simd
  for (int i = 0; i < count; ++i) to[i] += from[i];
}

}  // namespace

PatchConvolution::PatchConvolution(int channels, int height, int width,
                                   int kernel)
    : block_(0),
      plain_filters_(Plain({channels, channels, kernel, kernel})),
      plain_bias_(Plain({channels})) {
  const ThreadCount one(1);
  for (const ImageLayout& kind : kImageLayouts) {
    layout_ = kind.layout;
    image_ = Layout({1, channels, height, width}, layout_);
    if (!MakeConvolutions({kernel / 2, kernel / 2})) continue;
    block_ = kind.block;
    MakeReorders();
    break;
  }
}

bool PatchConvolution::MakeConvolutions(const memory::dims& pad) {
  const dnnl::algorithm direct = dnnl::algorithm::convolution_direct;
  const memory::dims stride = {1, 1};
  const Desc filters = Any(DimsOf(plain_filters_));
  forward_ = Primitive<dnnl::convolution_forward>::MakeIfFast([&] {
    return DescribeForward<dnnl::convolution_forward>(
        Engine(), AddingAttributes(), dnnl::prop_kind::forward_training, direct,
        image_, filters, plain_bias_, image_, stride, pad, pad);
  });
  backward_data_ = BackwardIfFast<dnnl::convolution_backward_data>(
      forward_, direct, image_, filters, image_, stride, pad, pad);
  backward_weight_ = BackwardIfFast<dnnl::convolution_backward_weights>(
      forward_, direct, image_, filters, plain_bias_, image_, stride, pad, pad);
  return backward_data_ && backward_weight_;
}

void PatchConvolution::MakeReorders() {
  const Desc forward = forward_.description().weights_desc();
  const Desc backward = backward_data_.description().weights_desc();
  const Desc diff = backward_weight_.description().diff_weights_desc();
  to_forward_ = MakeReorder(plain_filters_, forward);
  to_backward_ = MakeReorder(plain_filters_, backward);
  add_to_plain_ = MakeReorder(diff, plain_filters_, true);
  forward_filters_ = memory(forward, Engine());
  backward_filters_ = memory(backward, Engine());
  filters_diff_ = memory(diff, Engine());
  filters_diff_sum_ = memory(diff, Engine());
  bias_ = memory(plain_bias_, Engine());
  bias_diff_ = memory(plain_bias_, Engine());
  bias_diff_sum_ = memory(plain_bias_, Engine());
}

void PatchConvolution::SetForward(const float* weight, const float* bias) {
  const memory filters(plain_filters_, Engine(), const_cast<float*>(weight));
  to_forward_.Run({{DNNL_ARG_FROM, filters}, {DNNL_ARG_TO, forward_filters_}});
  Clear(bias_);
  if (bias) std::copy_n(bias, Count(plain_bias_), Values(bias_));
}

void PatchConvolution::SetBackward(const float* weight) {
  const memory filters(plain_filters_, Engine(), const_cast<float*>(weight));
  to_backward_.Run(
      {{DNNL_ARG_FROM, filters}, {DNNL_ARG_TO, backward_filters_}});
  Clear(filters_diff_sum_);
  Clear(bias_diff_sum_);
}

void PatchConvolution::AddForward(float* x, float* y) const {
  forward_.Run({{DNNL_ARG_SRC, memory(image_, Engine(), x)},
                {DNNL_ARG_WEIGHTS, forward_filters_},
                {DNNL_ARG_BIAS, bias_},
                {DNNL_ARG_DST, memory(image_, Engine(), y)}});
}

void PatchConvolution::BackwardWeight(float* g, float* x) {
  backward_weight_.Run({{DNNL_ARG_SRC, memory(image_, Engine(), x)},
                        {DNNL_ARG_DIFF_DST, memory(image_, Engine(), g)},
                        {DNNL_ARG_DIFF_WEIGHTS, filters_diff_},
                        {DNNL_ARG_DIFF_BIAS, bias_diff_}});
  Add(filters_diff_, filters_diff_sum_);
  Add(bias_diff_, bias_diff_sum_);
}

void PatchConvolution::AddWeightDiff(float* weight_diff,
                                     float* bias_diff) const {
  if (weight_diff) {
    const memory plain(plain_filters_, Engine(), weight_diff);
    add_to_plain_.Run(
        {{DNNL_ARG_FROM, filters_diff_sum_}, {DNNL_ARG_TO, plain}});
  }
  if (bias_diff) Add(bias_diff_sum_, memory(plain_bias_, Engine(), bias_diff));
}

void PatchConvolution::BackwardData(float* g, float* dx) const {
  backward_data_.Run({{DNNL_ARG_DIFF_DST, memory(image_, Engine(), g)},
                      {DNNL_ARG_WEIGHTS, backward_filters_},
                      {DNNL_ARG_DIFF_SRC, memory(image_, Engine(), dx)}});
}

}  // namespace onednn
}  // namespace caffe
#endif  // USE_ONEDNN
