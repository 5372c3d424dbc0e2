#include "caffe/util/winograd_weight_gradient.hpp"

#include <algorithm>
#include <vector>

#include "caffe/util/winograd_kernels.hpp"

namespace caffe {

using winograd::kLanes;
using winograd::kPoints;
using winograd::kStep;
using winograd::kTile;

// Channels of one product, whose sums are in registers.
static const int kChannels = kLanes / 2;

bool WinogradWeightGradient::Fits(const Shape& shape) {
  return winograd::Available() && shape.kernel_h <= kStep &&
         shape.kernel_w <= kStep && shape.channels % kLanes == 0 &&
         shape.outputs % kLanes == 0;
}

WinogradWeightGradient::WinogradWeightGradient(const Shape& shape)
    : shape_(shape),
      tiles_h_((shape.out_height() + kStep - 1) / kStep),
      tiles_w_((shape.out_width() + kStep - 1) / kStep),
      registers_(shape.outputs % (2 * kLanes) == 0 ? 2 : 1) {
  const int tiles = tiles_h_ * tiles_w_;
  // A little more, lest a tile's values be multiples of 4 KB apart.
  x_point_ = shape.channels * tiles + kLanes;
  g_point_ = shape.outputs * tiles + kLanes;
  sum_point_ = shape.outputs * shape.channels + kLanes;
  for (int tile = 0; tile < tiles; ++tile) offsets_.push_back(tile * kLanes);
  x_.resize(kPoints * x_point_);
  g_.resize(kPoints * g_point_);
  sums_.resize(kPoints * sum_point_);
  image_.resize(sums_.size());
  bias_.resize(shape.outputs);
  line_.resize(kTile * winograd::LineWidth(tiles_w_) * kLanes);
  zeros_.resize(shape.width * kLanes);
}

void WinogradWeightGradient::Clear() {
  std::fill(sums_.begin(), sums_.end(), 0.f);
  std::fill(bias_.begin(), bias_.end(), 0.f);
}

void WinogradWeightGradient::Add(const float* x, const float* g) {
  TransformBottom(x);
  TransformGradients(g);
  Multiply();
}

void WinogradWeightGradient::TransformBottom(const float* x) {
  const int row = shape_.width * kLanes;
  for (int c = 0; c < shape_.channels / kLanes; ++c) {
    for (int tile = 0; tile < tiles_h_; ++tile) {
      const float* pixels[kTile];
      for (int i = 0; i < kTile; ++i) {
        const int h = tile * kStep + i - shape_.pad_h;
        pixels[i] = h < 0 || h >= shape_.height
                        ? zeros_.data()
                        : x + (c * shape_.height + h) * row;
      }
      winograd::TransformTiles(
          pixels, shape_.width, shape_.pad_w, tiles_w_, kLanes, line_.data(),
          x_.data() + (c * tiles_h_ + tile) * tiles_w_ * kLanes, x_point_);
    }
  }
}

// Beyond the image's end there are none.
void WinogradWeightGradient::TransformGradients(const float* g) {
  const int height = shape_.out_height(), width = shape_.out_width();
  const int tiles = tiles_h_ * tiles_w_, side_by_side = registers_ * kLanes;
  for (int o = 0; o < shape_.outputs; o += kLanes) {
    float* to =
        g_.data() + o / side_by_side * side_by_side * tiles + o % side_by_side;
    float bias[kLanes] = {};  // of this image
    for (int tile = 0; tile < tiles; ++tile, to += side_by_side) {
      const int top = tile / tiles_w_ * kStep, left = tile % tiles_w_ * kStep;
      float taps[kStep * kStep * kLanes] = {};
      for (int i = 0; i < std::min(kStep, height - top); ++i) {
        const float* from =
            g + ((o / kLanes * height + top + i) * width + left) * kLanes;
        float* tap = taps + i * kStep * kLanes;
        const int count = std::min(kStep, width - left) * kLanes;
        for (int j = 0; j < count; ++j) {
          tap[j] = from[j];
          bias[j % kLanes] += from[j];
        }
      }
      winograd::TransformTaps(taps, to, g_point_);
    }
    for (int lane = 0; lane < kLanes; ++lane) bias_[o + lane] += bias[lane];
  }
}

void WinogradWeightGradient::Multiply() {
  const int tiles = offsets_.size(), next = shape_.channels * kLanes;
  for (int point = 0; point < kPoints; ++point) {
    for (int o = 0; o < shape_.outputs; o += registers_ * kLanes) {
      const float* g = g_.data() + point * g_point_ + o * tiles;
      float* sums = image_.data() + point * sum_point_ + o * shape_.channels;
      for (int c = 0; c < shape_.channels; c += kChannels) {
        const float* x = x_.data() + point * x_point_ +
                         c / kLanes * kLanes * tiles + c % kLanes;
        winograd::Multiply(x, 1, offsets_.data(), tiles, g, registers_,
                           kChannels, sums + c * kLanes, next);
      }
    }
  }
  // In one sum over all tiles of all images rounding would add up.
  const float* from = image_.data();
  float* to = sums_.data();
  const int count = sums_.size();
#pragma omp simd
  for (int i = 0; i < count; ++i) to[i] += from[i];
}

void WinogradWeightGradient::AddTo(float* weight_diff, float* bias_diff) const {
  const std::vector<float> no_bias(kLanes);
  const int kernel = shape_.kernel_h * shape_.kernel_w;
  for (int o = 0; weight_diff && o < shape_.outputs; o += kLanes) {
    for (int c = 0; c < shape_.channels; ++c) {
      const float* sums = sums_.data() + o * shape_.channels + c * kLanes;
      float taps[kStep * kStep * kLanes];
      winograd::TransformBack(sums, sum_point_, no_bias.data(), shape_.kernel_h,
                              shape_.kernel_w, NULL, taps,
                              shape_.kernel_w * kLanes, false);
      for (int lane = 0; lane < kLanes; ++lane) {
        float* to = weight_diff + ((o + lane) * shape_.channels + c) * kernel;
        for (int i = 0; i < kernel; ++i) to[i] += taps[i * kLanes + lane];
      }
    }
  }
  for (int o = 0; bias_diff && o < shape_.outputs; ++o)
    bias_diff[o] += bias_[o];
}

}  // namespace caffe
