#ifdef USE_ONEDNN
#include "caffe/layers/onednn_scale_layer.hpp"

#include <vector>

#include "caffe/util/channel_blocks.hpp"

namespace caffe {

using dnnl::memory;
using onednn::ChannelBlocks;
using onednn::Data;
using onednn::Diff;
using onednn::Values;

bool OneDNNScaleLayer::IsOurs(const Blob<float>& bottom) const {
  return blobs_.size() == 1 + (bias_layer_ != NULL) &&
         blobs_[0]->num_axes() == 1 && axis_ == 1 && onednn::Fits(bottom);
}

void OneDNNScaleLayer::Forward_cpu(const vector<Blob<float>*>& bottom,
                                   const vector<Blob<float>*>& top) {
  is_ours_ = bottom.size() == 1 && IsOurs(*bottom[0]);
  if (!is_ours_) return ScaleLayer<float>::Forward_cpu(bottom, top);
  memory from = onednn::Read(Data(*bottom[0]));
  memory::desc layout = from.get_desc();
  if (!ChannelBlocks(layout).known()) {
    layout = onednn::ChannelLayout(onednn::Dims(bottom[0]->shape()));
    from = onednn::ReadAs(Data(*bottom[0]), layout, &bottom_);
  }
  const bool in_place = bottom[0] == top[0];
  if (in_place) kept_.Keep(Data(*top[0]), from);
  const onednn::Output to(Data(*top[0]), layout, &top_);
  const float* x = Values(in_place ? kept_.get() : from);
  const float* factor = blobs_[0]->cpu_data();
  float* y = Values(to.get());
  const ChannelBlocks blocks(layout);
  if (bias_layer_) {
    const float* bias = blobs_[bias_param_id_]->cpu_data();
    onednn::ForEachValue(
        blocks, y, [=](size_t i, int c) { return x[i] * factor[c] + bias[c]; });
  } else {
    onednn::ForEachValue(blocks, y,
                         [=](size_t i, int c) { return x[i] * factor[c]; });
  }
  to.Store();
}

void OneDNNScaleLayer::BackwardParameters(const memory& x_memory,
                                          const memory& dy_memory) {
  const ChannelBlocks blocks(dy_memory.get_desc());
  const float *x = Values(x_memory), *dy = Values(dy_memory);
  if (param_propagate_down_[0]) {
    const vector<double> sums = onednn::SumsOfChannels(
        blocks, [=](size_t i, int) { return x[i] * dy[i]; });
    float* diff = blobs_[0]->mutable_cpu_diff();
    for (size_t c = 0; c < sums.size(); ++c) diff[c] += sums[c];
  }
  if (bias_layer_ && param_propagate_down_[bias_param_id_]) {
    const vector<double> sums =
        onednn::SumsOfChannels(blocks, [=](size_t i, int) { return dy[i]; });
    float* diff = blobs_[bias_param_id_]->mutable_cpu_diff();
    for (size_t c = 0; c < sums.size(); ++c) diff[c] += sums[c];
  }
}

void OneDNNScaleLayer::Backward_cpu(const vector<Blob<float>*>& top,
                                    const vector<bool>& propagate_down,
                                    const vector<Blob<float>*>& bottom) {
  if (!is_ours_) {
    return ScaleLayer<float>::Backward_cpu(top, propagate_down, bottom);
  }
  const memory::desc layout =
      onednn::ChannelLayout(onednn::Dims(bottom[0]->shape()));
  const memory top_diff = onednn::ReadAs(Diff(*top[0]), layout, &top_diff_);
  const bool in_place = bottom[0] == top[0];
  const memory x = in_place
                       ? kept_.ReadAs(layout, &bottom_)
                       : onednn::ReadAs(Data(*bottom[0]), layout, &bottom_);
  BackwardParameters(x, top_diff);
  if (!propagate_down[0]) return;
  const onednn::Output diff(Diff(*bottom[0]), layout, &bottom_diff_);
  const float *dy = Values(top_diff), *factor = blobs_[0]->cpu_data();
  onednn::ForEachValue(ChannelBlocks(layout), Values(diff.get()),
                       [=](size_t i, int c) { return dy[i] * factor[c]; });
  diff.Store();
}

}  // namespace caffe
#endif  // USE_ONEDNN
