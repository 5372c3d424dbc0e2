#ifdef USE_ONEDNN
#include "caffe/layers/onednn_batch_norm_layer.hpp"

#include <cmath>
#include <vector>

#include "caffe/util/channel_blocks.hpp"
#include "caffe/util/math_functions.hpp"

namespace caffe {

using dnnl::memory;
using onednn::ChannelBlocks;
using onednn::Data;
using onednn::Diff;
using onednn::Values;

memory::desc OneDNNBatchNormLayer::LayoutOf(const Blob<float>& bottom) const {
  const memory::desc layout = onednn::Read(Data(bottom)).get_desc();
  const bool any = use_global_stats_ && ChannelBlocks(layout).known();
  return any ? layout : onednn::ChannelLayout(onednn::Dims(bottom.shape()));
}

// The mean and the variance that the layer has gathered.
void OneDNNBatchNormLayer::ReadStatistics() {
  const float weight = blobs_[2]->cpu_data()[0];
  const float scale = weight == 0 ? 0 : 1 / weight;
  caffe_cpu_scale(channels_, scale, blobs_[0]->cpu_data(),
                  mean_.mutable_cpu_data());
  caffe_cpu_scale(channels_, scale, blobs_[1]->cpu_data(),
                  variance_.mutable_cpu_data());
}

// Gathers those of a batch, of so many values a channel.
void OneDNNBatchNormLayer::UpdateStatistics(int values) {
  const float fraction = moving_average_fraction_;
  const float correction = values > 1 ? values / (values - 1.f) : 1;
  float* weight = blobs_[2]->mutable_cpu_data();
  *weight = *weight * fraction + 1;
  float* mean = blobs_[0]->mutable_cpu_data();
  float* variance = blobs_[1]->mutable_cpu_data();
  caffe_cpu_axpby(channels_, 1.f, mean_.cpu_data(), fraction, mean);
  caffe_cpu_axpby(channels_, correction, variance_.cpu_data(), fraction,
                  variance);
}

// variance_ becomes what values are divided by.
void OneDNNBatchNormLayer::NormaliseVariance() {
  float* variance = variance_.mutable_cpu_data();
  for (int c = 0; c < channels_; ++c) {
    variance[c] = std::sqrt(variance[c] + eps_);
  }
}

void OneDNNBatchNormLayer::Forward_cpu(const vector<Blob<float>*>& bottom,
                                       const vector<Blob<float>*>& top) {
  is_ours_ = onednn::Fits(*bottom[0]) && bottom[0]->num_axes() > 1;
  if (!is_ours_) return BatchNormLayer<float>::Forward_cpu(bottom, top);
  const memory::desc layout = LayoutOf(*bottom[0]);
  const ChannelBlocks blocks(layout);
  const memory from = onednn::ReadAs(Data(*bottom[0]), layout, &bottom_);
  const onednn::Output to(Data(*top[0]), layout, &top_);
  const float* x = Values(from);
  float* mean = mean_.mutable_cpu_data();
  float* variance = variance_.mutable_cpu_data();
  if (use_global_stats_) {
    ReadStatistics();
  } else {
    const int values = blocks.num * bottom[0]->count(2);
    const vector<double> sums =
        onednn::SumsOfChannels(blocks, [=](size_t i, int) { return x[i]; });
    for (int c = 0; c < channels_; ++c) mean[c] = sums[c] / values;
    const vector<double> squares = onednn::SumsOfChannels(
        blocks,
        [=](size_t i, int c) { return (x[i] - mean[c]) * (x[i] - mean[c]); });
    for (int c = 0; c < channels_; ++c) variance[c] = squares[c] / values;
    UpdateStatistics(values);
  }
  NormaliseVariance();
  float* y = Values(to.get());
  const auto normalise = [=](size_t i, int c) {
    return (x[i] - mean[c]) / variance[c];
  };
  if (use_global_stats_) {
    onednn::ForEachValue(blocks, y, normalise);
  } else {
    onednn::Allocate(layout, &normalised_);
    float* kept = Values(normalised_);
    onednn::ForEachValue(
        blocks, y, [=](size_t i, int c) { return kept[i] = normalise(i, c); });
  }
  to.Store();
}

// With y the normalised values and M their number:
//   dx = (dy - mean of dy - y times the mean of dy y) / deviation
void OneDNNBatchNormLayer::Backward_cpu(const vector<Blob<float>*>& top,
                                        const vector<bool>& propagate_down,
                                        const vector<Blob<float>*>& bottom) {
  if (!propagate_down[0]) return;
  if (!is_ours_) {
    return BatchNormLayer<float>::Backward_cpu(top, propagate_down, bottom);
  }
  const memory::desc layout = LayoutOf(*bottom[0]);
  const ChannelBlocks blocks(layout);
  const memory top_diff = onednn::ReadAs(Diff(*top[0]), layout, &top_diff_);
  const onednn::Output diff(Diff(*bottom[0]), layout, &bottom_diff_);
  const float* dy = Values(top_diff);
  const float* deviation = variance_.cpu_data();
  float* dx = Values(diff.get());
  if (use_global_stats_) {
    onednn::ForEachValue(blocks, dx,
                         [=](size_t i, int c) { return dy[i] / deviation[c]; });
  } else {
    const float* y = Values(normalised_);
    const int values = blocks.num * bottom[0]->count(2);
    const vector<double> sums =
        onednn::SumsOfChannels(blocks, [=](size_t i, int) { return dy[i]; });
    const vector<double> products = onednn::SumsOfChannels(
        blocks, [=](size_t i, int) { return dy[i] * y[i]; });
    vector<float> mean(channels_), mean_y(channels_);
    for (int c = 0; c < channels_; ++c) {
      mean[c] = sums[c] / values;
      mean_y[c] = products[c] / values;
    }
    const float *m = mean.data(), *my = mean_y.data();
    onednn::ForEachValue(blocks, dx, [=](size_t i, int c) {
      return (dy[i] - m[c] - my[c] * y[i]) / deviation[c];
    });
  }
  diff.Store();
}

}  // namespace caffe
#endif  // USE_ONEDNN
