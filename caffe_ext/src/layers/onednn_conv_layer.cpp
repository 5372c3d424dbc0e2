#ifdef USE_ONEDNN
#include "caffe/layers/onednn_conv_layer.hpp"

#include <omp.h>

#include <algorithm>
#include <vector>

namespace caffe {

using dnnl::memory;
using onednn::Data;
using onednn::Diff;
using onednn::Values;

// Images whose weights' gradients are gathered by themselves and then added up:
// as many for any number of threads, so that the sums are the same bits.
static const int kMostParts = 16;

void OneDNNConvolutionLayer::Reshape(const vector<Blob<float>*>& bottom,
                                     const vector<Blob<float>*>& top) {
  ConvolutionLayer<float>::Reshape(bottom, top);
  ChooseWinograd(*bottom[0]);
}

// Makes *convolution one of that shape, or null.
static void Choose(const WinogradConvolution::Shape& shape, int num,
                   bool filters_kept,
                   shared_ptr<WinogradConvolution>* convolution) {
  if (!WinogradConvolution::Pays(shape, num, filters_kept)) {
    convolution->reset();
  } else if (!*convolution || !((*convolution)->shape() == shape)) {
    convolution->reset(new WinogradConvolution(shape));
  }
}

void OneDNNConvolutionLayer::ChooseWinograd(const Blob<float>& bottom) {
  const int *kernel = kernel_shape_.cpu_data(), *stride = stride_.cpu_data(),
            *dilation = dilation_.cpu_data(), *pad = pad_.cpu_data();
  const bool fits = onednn::Fits(bottom) && channel_axis_ == 1 &&
                    num_spatial_axes_ == 2 && stride[0] == 1 &&
                    stride[1] == 1 && dilation[0] == 1 && dilation[1] == 1;
  if (!fits) {
    winograd_.reset();
    backward_winograd_.reset();
    weight_winograd_.clear();
    return;
  }
  const WinogradConvolution::Shape shape = {
      channels_ / group_, bottom.height(), bottom.width(), num_output_ / group_,
      kernel[0],          kernel[1],       pad[0],         pad[1]};
  Choose(shape, bottom.num(), phase_ == TEST, &winograd_);
  Choose(WinogradConvolution::GradientOf(shape), bottom.num(), false,
         &backward_winograd_);
  const size_t parts = WinogradWeightGradient::Pays(shape)
                           ? std::min(bottom.num(), kMostParts)
                           : 0;
  if (weight_winograd_.size() == parts &&
      (parts == 0 || weight_winograd_[0]->shape() == shape)) {
    return;
  }
  weight_winograd_.clear();
  while (weight_winograd_.size() < parts) {
    weight_winograd_.push_back(
        shared_ptr<WinogradWeightGradient>(new WinogradWeightGradient(shape)));
  }
}

const float* OneDNNConvolutionLayer::GroupWeights(int group) const {
  const int output = group * (num_output_ / group_);
  return blobs_[0]->cpu_data() + blobs_[0]->offset(output);
}

void OneDNNConvolutionLayer::RunWinograd(bool backward,
                                         const onednn::Tensor& from,
                                         const onednn::Tensor& to) {
  const WinogradConvolution& convolution =
      backward ? *backward_winograd_ : *winograd_;
  const int x_block = convolution.block(), y_block = winograd::Best().lanes;
  const memory x = onednn::ReadAs(from, onednn::Blocked(from.dims, x_block),
                                  backward ? &top_ : &bottom_);
  const onednn::Output y(to, onednn::Blocked(to.dims, y_block),
                         backward ? &bottom_ : &top_);
  const auto layout = [](const memory::dims& dims, int block) {
    return WinogradConvolution::Dense(dims[1], dims[2], dims[3], block);
  };
  const WinogradConvolution::Layout x_layout = layout(from.dims, x_block),
                                    y_layout = layout(to.dims, y_block);
  const int num = from.dims[0];
  const bool past_cache =
      WinogradConvolution::OutgrowCaches(num * y_layout.image);
  const bool keep = phase_ == TEST && !backward;
  const bool kept = keep && winograd_seen_.IsSame(blobs_);
  if (keep) winograd_filters_.resize(group_);
  // Of whatever layer comes next.
  static thread_local WinogradConvolution::Filters used_once;
  for (int group = 0; group < group_; ++group) {
    WinogradConvolution::Filters* filters =
        keep ? &winograd_filters_[group] : &used_once;
    if (backward) {
      convolution.TransformTransposed(GroupWeights(group), filters);
    } else if (!kept) {
      const float* bias = bias_term_ ? blobs_[1]->cpu_data() : NULL;
      if (bias) bias += group * (num_output_ / group_);
      convolution.Transform(GroupWeights(group), bias, filters);
    }
    convolution.Forward(*filters, Values(x) + group * (x_layout.image / group_),
                        x_layout, num, NULL,
                        Values(y.get()) + group * (y_layout.image / group_),
                        y_layout, past_cache);
  }
  y.Store();
}

bool OneDNNConvolutionLayer::MakePrimitives(const Blob<float>& bottom,
                                            const Blob<float>& top,
                                            bool backward) {
  if (channel_axis_ != 1 || num_spatial_axes_ < 1 || !onednn::Fits(bottom) ||
      !onednn::Fits(top)) {
    return false;
  }
  weights_dims_ = onednn::Dims(blobs_[0]->shape());
  if (group_ > 1) {
    weights_dims_[0] /= group_;
    weights_dims_.insert(weights_dims_.begin(), group_);
  }
  memory::dims stride, dilation, pad;
  for (int i = 0; i < num_spatial_axes_; ++i) {
    stride.push_back(stride_.cpu_data()[i]);
    dilation.push_back(dilation_.cpu_data()[i] - 1);  // oneDNN counts from 0
    pad.push_back(pad_.cpu_data()[i]);
  }
  const memory::desc x = onednn::Any(onednn::Dims(bottom.shape())),
                     w = onednn::Any(weights_dims_),
                     y = onednn::Any(onednn::Dims(top.shape()));
  const memory::desc b =
      bias_term_ ? onednn::Plain({num_output_}) : memory::desc();
  const dnnl::algorithm direct = dnnl::algorithm::convolution_direct;
  forward_ = onednn::ForwardIfFast<dnnl::convolution_forward>(
      dnnl::prop_kind::forward_training, direct, x, w, b, y, stride, dilation,
      pad, pad);
  if (!backward || !forward_) return static_cast<bool>(forward_);
  backward_data_ = onednn::BackwardIfFast<dnnl::convolution_backward_data>(
      forward_, direct, x, w, y, stride, dilation, pad, pad);
  backward_weights_ =
      onednn::BackwardIfFast<dnnl::convolution_backward_weights>(
          forward_, direct, x, w, b, y, stride, dilation, pad, pad);
  return backward_data_ && backward_weights_;
}

void OneDNNConvolutionLayer::Forward_cpu(const vector<Blob<float>*>& bottom,
                                         const vector<Blob<float>*>& top) {
  if (winograd_) {
    for (size_t i = 0; i < bottom.size(); ++i) {
      RunWinograd(false, Data(*bottom[i]), Data(*top[i]));
    }
    return;
  }
  if (!MakePrimitives(*bottom[0], *top[0], phase_ == TRAIN)) {
    return ConvolutionLayer<float>::Forward_cpu(bottom, top);
  }
  const auto& p = forward_.description();
  const bool kept = phase_ == TEST && forward_seen_.IsSame({blobs_[0]}) &&
                    filters_ && filters_.get_desc() == p.weights_desc();
  if (!kept) {
    filters_ = onednn::ReadAs(Data(*blobs_[0], weights_dims_), p.weights_desc(),
                              &forward_filters_);
  }
  for (size_t i = 0; i < bottom.size(); ++i) {
    const memory x = onednn::ReadAs(Data(*bottom[i]), p.src_desc(), &bottom_);
    const onednn::Output y(Data(*top[i]), p.dst_desc(), &top_);
    onednn::Arguments arguments = {{DNNL_ARG_SRC, x},
                                   {DNNL_ARG_WEIGHTS, filters_},
                                   {DNNL_ARG_DST, y.get()}};
    if (bias_term_) arguments[DNNL_ARG_BIAS] = onednn::Read(Data(*blobs_[1]));
    forward_.Run(arguments);
    y.Store();
  }
}

void OneDNNConvolutionLayer::Backward_cpu(const vector<Blob<float>*>& top,
                                          const vector<bool>& propagate_down,
                                          const vector<Blob<float>*>& bottom) {
  if (!MakePrimitives(*bottom[0], *top[0], true)) {
    return ConvolutionLayer<float>::Backward_cpu(top, propagate_down, bottom);
  }
  for (size_t i = 0; i < top.size(); ++i) {
    if (param_propagate_down_[0] || (bias_term_ && param_propagate_down_[1])) {
      BackwardWeights(*top[i], *bottom[i]);
    }
    if (propagate_down[i]) BackwardData(*top[i], bottom[i]);
  }
}

void OneDNNConvolutionLayer::BackwardWeightsWinograd(
    const Blob<float>& top, const Blob<float>& bottom) {
  const onednn::Tensor from = Data(bottom), gradient = Diff(top);
  const memory x = onednn::ReadAs(
      from, onednn::Blocked(from.dims, weight_winograd_[0]->block()), &bottom_);
  const memory g = onednn::ReadAs(
      gradient, onednn::Blocked(gradient.dims, winograd::Best().lanes), &top_);
  const int num = bottom.num(), parts = weight_winograd_.size();
  const int x_group = bottom.count(1) / group_, g_group = top.count(1) / group_;
  for (int group = 0; group < group_; ++group) {
    const float* const x_values = Values(x) + group * x_group;
    const float* const g_values = Values(g) + group * g_group;
#pragma omp parallel for schedule(dynamic) if (!omp_in_parallel())
    for (int part = 0; part < parts; ++part) {
      weight_winograd_[part]->Clear();
      for (int n = part * num / parts; n < (part + 1) * num / parts; ++n) {
        weight_winograd_[part]->Add(x_values + n * bottom.count(1),
                                    g_values + n * top.count(1));
      }
    }
    const int output = group * (num_output_ / group_);
    float *weight = NULL, *bias = NULL;
    if (param_propagate_down_[0]) {
      weight = blobs_[0]->mutable_cpu_diff() + blobs_[0]->offset(output);
    }
    if (bias_term_ && param_propagate_down_[1]) {
      bias = blobs_[1]->mutable_cpu_diff() + output;
    }
    for (const auto& part : weight_winograd_) part->AddTo(weight, bias);
  }
}

void OneDNNConvolutionLayer::BackwardWeights(const Blob<float>& top,
                                             const Blob<float>& bottom) {
  if (!weight_winograd_.empty()) return BackwardWeightsWinograd(top, bottom);
  const auto& p = backward_weights_.description();
  onednn::Allocate(p.diff_weights_desc(), &weights_diff_);
  onednn::Arguments arguments = {
      {DNNL_ARG_SRC, onednn::ReadAs(Data(bottom), p.src_desc(), &bottom_)},
      {DNNL_ARG_DIFF_DST, onednn::ReadAs(Diff(top), p.diff_dst_desc(), &top_)},
      {DNNL_ARG_DIFF_WEIGHTS, weights_diff_}};
  if (bias_term_) {
    onednn::Allocate(p.diff_bias_desc(), &bias_diff_);
    arguments[DNNL_ARG_DIFF_BIAS] = bias_diff_;
  }
  backward_weights_.Run(arguments);
  if (param_propagate_down_[0]) {
    onednn::AddTo(Diff(*blobs_[0], weights_dims_), weights_diff_);
  }
  if (bias_term_ && param_propagate_down_[1]) {
    onednn::AddTo(Diff(*blobs_[1]), bias_diff_);
  }
}

void OneDNNConvolutionLayer::BackwardData(const Blob<float>& top,
                                          Blob<float>* bottom) {
  if (backward_winograd_) return RunWinograd(true, Diff(top), Diff(*bottom));
  const auto& p = backward_data_.description();
  const memory dy = onednn::ReadAs(Diff(top), p.diff_dst_desc(), &top_);
  const memory filters = onednn::ReadAs(Data(*blobs_[0], weights_dims_),
                                        p.weights_desc(), &backward_filters_);
  const onednn::Output dx(Diff(*bottom), p.diff_src_desc(), &bottom_);
  backward_data_.Run({{DNNL_ARG_DIFF_DST, dy},
                      {DNNL_ARG_WEIGHTS, filters},
                      {DNNL_ARG_DIFF_SRC, dx.get()}});
  dx.Store();
}

}  // namespace caffe
#endif  // USE_ONEDNN
