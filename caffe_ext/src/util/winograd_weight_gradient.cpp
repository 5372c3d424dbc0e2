#include "caffe/util/winograd_weight_gradient.hpp"

#include <algorithm>
#include <vector>

#include "caffe/util/winograd_kernels.hpp"

namespace caffe {

using winograd::kMostLanes;
using winograd::kPoints;
using winograd::kStep;
using winograd::kTile;

// What a pass has at hand, in values: it should fit the second-level cache.
static const int kPassValues = 160 << 10;
// Of what is gathered.
static const int kMostSums = 128 << 10;

static int CeilDiv(int a, int b) {
  return (a + b - 1) / b;
}

bool WinogradWeightGradient::Pays(const Shape& shape, const Kernels& kernels) {
  if (!WinogradConvolution::Fits(shape, kernels)) return false;
  const double filters = static_cast<double>(shape.channels) * shape.outputs;
  const double segments =
      CeilDiv(shape.kernel_h, kStep) * CeilDiv(shape.kernel_w, kStep);
  if (kPoints * segments * filters > kMostSums) return false;
  const double tiles = static_cast<double>(CeilDiv(shape.out_height(), kStep)) *
                       CeilDiv(shape.out_width(), kStep);
  const double direct = filters * shape.kernel_h * shape.kernel_w *
                        shape.out_height() * shape.out_width();
  const double products = filters * kPoints * segments * tiles;
  // As WinogradConvolution::Pays; and sums are added up some times an image.
  const double transforms = 200 * tiles * (shape.channels + shape.outputs) +
                            10 * kPoints * segments * filters;
  return products + transforms < .8 * direct;
}

WinogradWeightGradient::WinogradWeightGradient(const Shape& shape,
                                               const Kernels& kernels)
    : kernels_(&kernels),
      lanes_(kernels.lanes),
      shape_(shape),
      block_(shape.channels % lanes_ == 0 ? lanes_ : 1),
      registers_(shape.outputs % (kernels.registers * lanes_) == 0
                     ? kernels.registers
                     : 1),
      segments_h_(CeilDiv(shape.kernel_h, kStep)),
      segments_w_(CeilDiv(shape.kernel_w, kStep)),
      tiles_h_(CeilDiv(shape.out_height(), kStep)),
      tiles_w_(CeilDiv(shape.out_width(), kStep)),
      columns_(tiles_w_ + segments_w_ - 1),
      sums_of_output_(shape.channels * segments_h_ * segments_w_) {
  const int x_row = columns_ * shape.channels, g_row = tiles_w_ * shape.outputs;
  pass_rows_ = kPassValues / (kPoints * (x_row + g_row));
  pass_rows_ = std::max(1, std::min(pass_rows_, tiles_h_));
  pass_x_rows_ = pass_rows_ + segments_h_ - 1;
  // A little more, lest a tile's values be multiples of 4 KB apart.
  x_point_ = pass_x_rows_ * x_row + lanes_;
  g_point_ = pass_rows_ * g_row + lanes_;
  sum_point_ = shape.outputs * sums_of_output_ + lanes_;
  PlanProducts();
  for (int row = 0; row < pass_rows_; ++row) {
    for (int tile = 0; tile < tiles_w_; ++tile) {
      offsets_.push_back((row * columns_ + tile) * block_);
    }
  }
  sums_.resize(kPoints * sum_point_);
  bias_.resize(shape.outputs);
}

WinogradWeightGradient::Pass WinogradWeightGradient::BeginPass() const {
  const int x = kPoints * x_point_, g = kPoints * g_point_,
            product = registers_ * lanes_ * sums_of_output_,
            line = kTile * winograd::LineWidth(columns_) * block_,
            zeros = shape_.width * block_;
  Pass pass;
  pass.x = winograd::Scratch(x + g + product + line + zeros);
  pass.g = pass.x + x;
  pass.product = pass.g + g;
  pass.line = pass.product + product;
  pass.zeros = pass.line + line;
  std::fill_n(pass.zeros, zeros, 0.f);
  return pass;
}

// What lies side by side in a point of the bottom is a tile's channels, or the
// tiles of a row, which are a segment apart.
void WinogradWeightGradient::PlanProducts() {
  const int row = columns_ * block_, plane = pass_x_rows_ * row;
  const int most = block_ == 1 ? kernels_->tiles : lanes_ / 2;
  const int side_by_side = block_ == 1 ? segments_w_ : block_;
  for (int c = 0; c < shape_.channels; c += block_) {
    for (int i = 0; i < segments_h_; ++i) {
      for (int j = 0; j < segments_w_; j += block_ == 1 ? segments_w_ : 1) {
        for (int k = 0; k < side_by_side; k += most) {
          products_.push_back({c / block_ * plane + i * row + j * block_ + k,
                               Sum(c, i * segments_w_ + j) + k,
                               std::min(most, side_by_side - k)});
        }
      }
    }
  }
}

int WinogradWeightGradient::Sum(int channel, int segment) const {
  const int segments = segments_h_ * segments_w_;
  return (channel / block_ * segments + segment) * block_ + channel % block_;
}

void WinogradWeightGradient::Clear() {
  std::fill(sums_.begin(), sums_.end(), 0.f);
  std::fill(bias_.begin(), bias_.end(), 0.f);
}

void WinogradWeightGradient::Add(const float* x, const float* g) {
  const Pass pass = BeginPass();
  for (int row = 0; row < tiles_h_; row += pass_rows_) {
    const int rows = std::min(pass_rows_, tiles_h_ - row);
    TransformBottom(x, row, rows + segments_h_ - 1, pass);
    TransformGradients(g, row, rows, pass);
    Multiply(rows, pass);
  }
}

void WinogradWeightGradient::TransformBottom(const float* x, int row, int rows,
                                             const Pass& pass) {
  const int width = shape_.width * block_;
  for (int c = 0; c < shape_.channels / block_; ++c) {
    for (int tile = 0; tile < rows; ++tile) {
      const float* pixels[kTile];
      for (int i = 0; i < kTile; ++i) {
        const int h = (row + tile) * kStep + i - shape_.pad_h;
        pixels[i] = h < 0 || h >= shape_.height
                        ? pass.zeros
                        : x + (c * shape_.height + h) * width;
      }
      kernels_->transform_tiles(
          pixels, shape_.width, shape_.pad_w, columns_, block_, pass.line,
          pass.x + (c * pass_x_rows_ + tile) * columns_ * block_, x_point_);
    }
  }
}

// Beyond the image's end there are none.
void WinogradWeightGradient::TransformGradients(const float* g, int row,
                                                int rows, const Pass& pass) {
  const int height = shape_.out_height(), width = shape_.out_width();
  const int side_by_side = registers_ * lanes_;
  for (int o = 0; o < shape_.outputs; o += lanes_) {
    float* to = pass.g +
                o / side_by_side * side_by_side * pass_rows_ * tiles_w_ +
                o % side_by_side;
    float bias[kMostLanes] = {};  // of this pass
    for (int tile = 0; tile < rows * tiles_w_; ++tile, to += side_by_side) {
      const int top = (row + tile / tiles_w_) * kStep,
                left = tile % tiles_w_ * kStep;
      float taps[kStep * kStep * kMostLanes] = {};
      for (int i = 0; i < std::min(kStep, height - top); ++i) {
        const float* from =
            g + ((o / lanes_ * height + top + i) * width + left) * lanes_;
        float* tap = taps + i * kStep * lanes_;
        for (int j = 0; j < std::min(kStep, width - left); ++j) {
          for (int lane = 0; lane < lanes_; ++lane) {
            tap[j * lanes_ + lane] = from[j * lanes_ + lane];
            bias[lane] += from[j * lanes_ + lane];
          }
        }
      }
      kernels_->transform_taps(taps, to, g_point_);
    }
    for (int lane = 0; lane < lanes_; ++lane) bias_[o + lane] += bias[lane];
  }
}

// In one sum over all tiles of all images rounding would add up.
void WinogradWeightGradient::Multiply(int rows, const Pass& pass) {
  const int tiles = rows * tiles_w_, next = sums_of_output_ * lanes_;
  const int side_by_side = registers_ * lanes_;
  const float* const from = pass.product;
  for (int point = 0; point < kPoints; ++point) {
    const float* x = pass.x + point * x_point_;
    for (int o = 0; o < shape_.outputs; o += side_by_side) {
      const float* g = pass.g + point * g_point_ + o * pass_rows_ * tiles_w_;
      for (const Product& product : products_) {
        kernels_->multiply(x + product.x, 1, offsets_.data(), tiles, g,
                           registers_, product.count,
                           pass.product + product.sum * lanes_, next);
      }
      float* to = sums_.data() + point * sum_point_ + o * sums_of_output_;
      const int count = registers_ * next;
#pragma omp simd
      for (int i = 0; i < count; ++i) to[i] += from[i];
    }
  }
}

void WinogradWeightGradient::AddTo(float* weight_diff, float* bias_diff) const {
  const float no_bias[kMostLanes] = {};
  const int kernel = shape_.kernel_h * shape_.kernel_w;
  const int segments = segments_h_ * segments_w_;
  for (int at = 0; weight_diff && at < shape_.outputs * sums_of_output_;
       at += lanes_) {
    const int o = at / sums_of_output_ / lanes_ * lanes_;
    const int c = at / lanes_ / segments % shape_.channels;
    const int segment = at / lanes_ % segments;
    const int top = segment / segments_w_ * kStep,
              left = segment % segments_w_ * kStep;
    const int height = std::min(kStep, shape_.kernel_h - top),
              width = std::min(kStep, shape_.kernel_w - left);
    float taps[kStep * kStep * kMostLanes];
    kernels_->transform_back(
        sums_.data() + o * sums_of_output_ + Sum(c, segment) * lanes_,
        sum_point_, no_bias, height, width, NULL, taps, kStep * lanes_, false);
    for (int lane = 0; lane < lanes_; ++lane) {
      float* to = weight_diff + ((o + lane) * shape_.channels + c) * kernel +
                  top * shape_.kernel_w + left;
      for (int i = 0; i < height; ++i, to += shape_.kernel_w) {
        for (int j = 0; j < width; ++j) {
          to[j] += taps[(i * kStep + j) * lanes_ + lane];
        }
      }
    }
  }
  for (int o = 0; bias_diff && o < shape_.outputs; ++o)
    bias_diff[o] += bias_[o];
}

}  // namespace caffe
