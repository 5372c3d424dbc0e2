#ifdef USE_ONEDNN
#include "caffe/util/onednn_patch_convolution.hpp"

#include <algorithm>

namespace caffe {
namespace onednn {

using dnnl::memory;

memory::desc Layout(const memory::dims& dims, memory::format_tag layout) {
  return memory::desc(dims, memory::data_type::f32, layout);
}

int Count(const memory::desc& desc) {
  return desc.get_size() / sizeof(float);
}

float* Values(const memory& memory) {
  return static_cast<float*>(memory.get_data_handle());
}

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
  typedef memory::format_tag Tag;
  const struct {
    Tag layout;
    int block;
  } kinds[] = {{Tag::nChw16c, 16}, {Tag::nChw8c, 8}, {Tag::nchw, 1}};
  const OneThread here;
  for (const auto& kind : kinds) {
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
  const Desc filters = Any(plain_filters_.dims());
  const dnnl::convolution_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, direct, image_, filters, plain_bias_,
       image_, stride, pad, pad},
      Attributes(), Engine(), true);
  if (!onednn::IsFast(forward)) return false;
  const dnnl::convolution_backward_data::primitive_desc data(
      {direct, image_, filters, image_, stride, pad, pad}, Attributes(),
      Engine(), forward, true);
  const dnnl::convolution_backward_weights::primitive_desc weight(
      {direct, image_, filters, plain_bias_, image_, stride, pad, pad},
      Attributes(), Engine(), forward, true);
  if (!onednn::IsFast(data) || !onednn::IsFast(weight)) return false;
  forward_ = Keep<dnnl::convolution_forward>(forward);
  backward_data_ = Keep<dnnl::convolution_backward_data>(data);
  backward_weight_ = Keep<dnnl::convolution_backward_weights>(weight);
  forward_filters_ = memory(forward.weights_desc(), Engine());
  backward_filters_ = memory(data.weights_desc(), Engine());
  filters_diff_ = memory(weight.diff_weights_desc(), Engine());
  return true;
}

KeptPrimitive PatchConvolution::MakeReorder(const Desc& from, const Desc& to,
                                            bool add) {
  dnnl::primitive_attr attributes;  // with the sum of its own
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops sum;
  if (add) sum.append_sum();
  attributes.set_post_ops(sum);
  return Keep<dnnl::reorder>(
      dnnl::reorder::primitive_desc(Engine(), from, Engine(), to, attributes));
}

void PatchConvolution::MakeReorders() {
  const Desc diff = filters_diff_.get_desc();
  to_forward_ = MakeReorder(plain_filters_, forward_filters_.get_desc(), false);
  to_backward_ =
      MakeReorder(plain_filters_, backward_filters_.get_desc(), false);
  add_to_plain_ = MakeReorder(diff, plain_filters_, true);
  bias_ = memory(plain_bias_, Engine());
  bias_diff_ = memory(plain_bias_, Engine());
  bias_diff_sum_ = memory(plain_bias_, Engine());
  filters_diff_sum_ = memory(diff, Engine());
}

void PatchConvolution::SetWeight(const float* weight, const float* bias) {
  const memory filters(plain_filters_, Engine(), const_cast<float*>(weight));
  to_forward_.Run({{DNNL_ARG_FROM, filters}, {DNNL_ARG_TO, forward_filters_}});
  to_backward_.Run(
      {{DNNL_ARG_FROM, filters}, {DNNL_ARG_TO, backward_filters_}});
  Clear(bias_);
  if (bias) std::copy_n(bias, Count(plain_bias_), Values(bias_));
  Clear(filters_diff_sum_);
  Clear(bias_diff_sum_);
}

void PatchConvolution::Forward(float* x, float* y) const {
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
