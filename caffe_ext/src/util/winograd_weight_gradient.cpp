#include "caffe/util/winograd_weight_gradient.hpp"

#include <algorithm>
#include <vector>

#include "caffe/util/winograd_kernels.hpp"

namespace caffe {

using winograd::kPoints;
using winograd::kStep;
using winograd::kTile;

bool WinogradWeightGradient::Fits(const Shape& shape, const Kernels& kernels) {
  return shape.kernel_h <= kStep && shape.kernel_w <= kStep &&
         shape.channels % kernels.lanes == 0 &&
         shape.outputs % kernels.lanes == 0;
}

WinogradWeightGradient::WinogradWeightGradient(const Shape& shape,
                                               const Kernels& kernels)
    : kernels_(&kernels),
      lanes_(kernels.lanes),
      shape_(shape),
      tiles_h_((shape.out_height() + kStep - 1) / kStep),
      tiles_w_((shape.out_width() + kStep - 1) / kStep),
      registers_(shape.outputs % (kernels.registers * lanes_) == 0
                     ? kernels.registers
                     : 1) {
  const int tiles = tiles_h_ * tiles_w_;
  // A little more, lest a tile's values be multiples of 4 KB apart.
  x_point_ = shape.channels * tiles + lanes_;
  g_point_ = shape.outputs * tiles + lanes_;
  sum_point_ = shape.outputs * shape.channels + lanes_;
  for (int tile = 0; tile < tiles; ++tile) offsets_.push_back(tile * lanes_);
  x_.resize(kPoints * x_point_);
  g_.resize(kPoints * g_point_);
  sums_.resize(kPoints * sum_point_);
  image_.resize(sums_.size());
  bias_.resize(shape.outputs);
  line_.resize(kTile * winograd::LineWidth(tiles_w_) * lanes_);
  zeros_.resize(shape.width * lanes_);
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
  const int row = shape_.width * lanes_;
  for (int c = 0; c < shape_.channels / lanes_; ++c) {
    for (int tile = 0; tile < tiles_h_; ++tile) {
      const float* pixels[kTile];
      for (int i = 0; i < kTile; ++i) {
        const int h = tile * kStep + i - shape_.pad_h;
        pixels[i] = h < 0 || h >= shape_.height
                        ? zeros_.data()
                        : x + (c * shape_.height + h) * row;
      }
      kernels_->transform_tiles(
          pixels, shape_.width, shape_.pad_w, tiles_w_, lanes_, line_.data(),
          x_.data() + (c * tiles_h_ + tile) * tiles_w_ * lanes_, x_point_);
    }
  }
}

// Beyond the image's end there are none.
void WinogradWeightGradient::TransformGradients(const float* g) {
  const int height = shape_.out_height(), width = shape_.out_width();
  const int tiles = tiles_h_ * tiles_w_, side_by_side = registers_ * lanes_;
  for (int o = 0; o < shape_.outputs; o += lanes_) {
    float* to =
        g_.data() + o / side_by_side * side_by_side * tiles + o % side_by_side;
    float bias[winograd::kMostLanes] = {};  // of this image
    for (int tile = 0; tile < tiles; ++tile, to += side_by_side) {
      const int top = tile / tiles_w_ * kStep, left = tile % tiles_w_ * kStep;
      float taps[kStep * kStep * winograd::kMostLanes] = {};
      for (int i = 0; i < std::min(kStep, height - top); ++i) {
        const float* from =
            g + ((o / lanes_ * height + top + i) * width + left) * lanes_;
        float* tap = taps + i * kStep * lanes_;
        const int count = std::min(kStep, width - left) * lanes_;
        for (int j = 0; j < count; ++j) {
          tap[j] = from[j];
          bias[j % lanes_] += from[j];
        }
      }
      kernels_->transform_taps(taps, to, g_point_);
    }
    for (int lane = 0; lane < lanes_; ++lane) bias_[o + lane] += bias[lane];
  }
}

void WinogradWeightGradient::Multiply() {
  const int tiles = offsets_.size(), next = shape_.channels * lanes_;
  // Of one product, whose sums are in registers.
  const int channels = lanes_ / 2;
  for (int point = 0; point < kPoints; ++point) {
    for (int o = 0; o < shape_.outputs; o += registers_ * lanes_) {
      const float* g = g_.data() + point * g_point_ + o * tiles;
      float* sums = image_.data() + point * sum_point_ + o * shape_.channels;
      for (int c = 0; c < shape_.channels; c += channels) {
        const float* x = x_.data() + point * x_point_ +
                         c / lanes_ * lanes_ * tiles + c % lanes_;
        kernels_->multiply(x, 1, offsets_.data(), tiles, g, registers_,
                           channels, sums + c * lanes_, next);
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
  const std::vector<float> no_bias(lanes_);
  const int kernel = shape_.kernel_h * shape_.kernel_w;
  for (int o = 0; weight_diff && o < shape_.outputs; o += lanes_) {
    for (int c = 0; c < shape_.channels; ++c) {
      const float* sums = sums_.data() + o * shape_.channels + c * lanes_;
      float taps[kStep * kStep * winograd::kMostLanes];
      kernels_->transform_back(sums, sum_point_, no_bias.data(),
                               shape_.kernel_h, shape_.kernel_w, NULL, taps,
                               shape_.kernel_w * lanes_, false);
      for (int lane = 0; lane < lanes_; ++lane) {
        float* to = weight_diff + ((o + lane) * shape_.channels + c) * kernel;
        for (int i = 0; i < kernel; ++i) to[i] += taps[i * lanes_ + lane];
      }
    }
  }
  for (int o = 0; bias_diff && o < shape_.outputs; ++o)
    bias_diff[o] += bias_[o];
}

}  // namespace caffe
