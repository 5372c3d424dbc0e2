#include "caffe/util/winograd_convolution.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include "caffe/util/winograd_kernels.hpp"

namespace caffe {

using winograd::kPoints;
using winograd::kStep;
using winograd::kTile;

namespace {

// What a pass has at hand, in values: it should fit the second-level cache.
const int kPassValues = 160 << 10;
// Of the filters, 25 for each 3 x 3 taps; and of a pass, for each thread.
const double kMostFilterValues = 64 << 20, kMostPassValues = 16 << 20;
// Of filters that stay in the second-level cache. To read others from memory
// takes as long as to transform them.
const double kCachedFilterValues = 256 << 10;
// Tiles of a pass, at least, that filters are read for.
const int kPassTiles = 48;

int CeilDiv(int a, int b) {
  return (a + b - 1) / b;
}

// Where part i of n begins.
int Part(int count, int i, int n) {
  return static_cast<int64_t>(count) * i / n;
}

}  // namespace

float* winograd::Scratch(int values) {
  static thread_local Buffer scratch;
  if (scratch.size() < static_cast<size_t>(values)) {
    scratch = Buffer();  // nothing of it is copied
    scratch.resize(values);
  }
  return scratch.data();
}

bool WinogradConvolution::Shape::operator==(const Shape& other) const {
  return std::tie(channels, height, width, outputs, kernel_h, kernel_w, pad_h,
                  pad_w) == std::tie(other.channels, other.height, other.width,
                                     other.outputs, other.kernel_h,
                                     other.kernel_w, other.pad_h, other.pad_w);
}

WinogradConvolution::Layout WinogradConvolution::Dense(int channels, int height,
                                                       int width, int block) {
  return {channels * height * width, height * width * block, width * block};
}

bool WinogradConvolution::Fits(const Shape& shape, const Kernels& kernels) {
  const int lanes = kernels.lanes;
  if (shape.pad_h < 0 || shape.pad_w < 0 || shape.outputs % lanes != 0 ||
      (shape.channels >= lanes && shape.channels % lanes != 0)) {
    return false;
  }
  const double segments_h = CeilDiv(shape.kernel_h, kStep);
  const double segments_w = CeilDiv(shape.kernel_w, kStep);
  const double filters = static_cast<double>(shape.channels) * shape.outputs;
  const double tiles_w = CeilDiv(shape.out_width(), kStep);
  const double pass_rows = std::ceil(kPassTiles / tiles_w);  // at least
  const double pass = (pass_rows + segments_h - 1) *
                          (tiles_w + segments_w - 1) * shape.channels +
                      pass_rows * tiles_w * shape.outputs;
  return kPoints * segments_h * segments_w * filters <= kMostFilterValues &&
         kPoints * pass <= kMostPassValues;
}

bool WinogradConvolution::Pays(const Shape& shape, int num, bool filters_kept,
                               const Kernels& kernels) {
  if (!Fits(shape, kernels)) return false;
  const double tiles = static_cast<double>(CeilDiv(shape.out_height(), kStep)) *
                       CeilDiv(shape.out_width(), kStep);
  const double segments = static_cast<double>(CeilDiv(shape.kernel_h, kStep)) *
                          CeilDiv(shape.kernel_w, kStep);
  const double filters = static_cast<double>(shape.channels) * shape.outputs;
  const double direct = filters * shape.kernel_h * shape.kernel_w *
                        shape.out_height() * shape.out_width();
  const double products = filters * kPoints * segments * tiles;
  const bool filters_there =
      filters_kept && kPoints * segments * filters <= kCachedFilterValues;
  // By what they take: 25 ns for kLanes channels of a tile, or outputs, and 9
  // ns for a segment of a filter, where a product takes 8 ps.
  const double transforms =
      200 * tiles * (shape.channels + shape.outputs) +
      (filters_there ? 0 : 1100 * segments * filters / num);
  return products + transforms < .8 * direct;
}

WinogradConvolution::WinogradConvolution(const Shape& shape,
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
      rows_(tiles_h_ + segments_h_ - 1),
      columns_(tiles_w_ + segments_w_ - 1) {
  const int x_row = columns_ * shape.channels, y_row = tiles_w_ * shape.outputs;
  pass_rows_ = std::max(kPassValues / (kPoints * (x_row + y_row)),
                        CeilDiv(kPassTiles, tiles_w_));
  pass_x_rows_ = pass_rows_ + segments_h_ - 1;
  // A little more, lest a tile's values be multiples of 4 KB apart.
  x_point_ = pass_x_rows_ * x_row + lanes_;
  y_point_ = pass_rows_ * y_row + lanes_;
  for (int c = 0; c < shape.channels / block_; ++c) {
    for (int i = 0; i < segments_h_; ++i) {
      for (int j = 0; j < segments_w_; ++j) {
        offsets_.push_back(((c * pass_x_rows_ + i) * columns_ + j) * block_);
      }
    }
  }
}

WinogradConvolution::Shape WinogradConvolution::GradientOf(const Shape& shape) {
  return {shape.outputs,
          shape.out_height(),
          shape.out_width(),
          shape.channels,
          shape.kernel_h,
          shape.kernel_w,
          shape.kernel_h - 1 - shape.pad_h,
          shape.kernel_w - 1 - shape.pad_w};
}

void WinogradConvolution::Transform(const float* filters, const float* bias,
                                    Filters* to) const {
  const int kernel = shape_.kernel_h * shape_.kernel_w;
  to->bias.assign(shape_.outputs, 0);
  if (bias) std::copy_n(bias, shape_.outputs, to->bias.begin());
  TransformFilters(filters, shape_.channels * kernel, kernel, false,
                   &to->points);
}

void WinogradConvolution::TransformTransposed(const float* filters,
                                              Filters* to) const {
  const int kernel = shape_.kernel_h * shape_.kernel_w;
  to->bias.assign(shape_.outputs, 0);
  TransformFilters(filters, kernel, shape_.outputs * kernel, true, &to->points);
}

void WinogradConvolution::TransformFilters(const float* filters,
                                           int output_stride,
                                           int channel_stride, bool mirrored,
                                           winograd::Buffer* points) const {
  const int side_by_side = registers_ * lanes_;
  const int segments = segments_h_ * segments_w_;
  const int kernel = shape_.kernel_h * shape_.kernel_w;
  const int taps = offsets_.size() * block_;
  points->resize(static_cast<size_t>(kPoints) * shape_.outputs * taps);
#pragma omp parallel for schedule(static) if (!omp_in_parallel())
  for (int o = 0; o < shape_.outputs; o += lanes_) {
    float* to = points->data() + o / side_by_side * side_by_side * taps +
                o % side_by_side;
    for (int tap = 0; tap < taps; ++tap, to += side_by_side) {
      const int segment = tap / block_ % segments;
      const int channel = tap / block_ / segments * block_ + tap % block_;
      float values[kStep * kStep * winograd::kMostLanes] = {};
      for (int i = 0; i < kStep * kStep; ++i) {
        const int y = segment / segments_w_ * kStep + i / kStep;
        const int x = segment % segments_w_ * kStep + i % kStep;
        if (y >= shape_.kernel_h || x >= shape_.kernel_w) continue;
        const int at = y * shape_.kernel_w + x;
        const float* from = filters + o * output_stride +
                            channel * channel_stride +
                            (mirrored ? kernel - 1 - at : at);
        for (int lane = 0; lane < lanes_; ++lane) {
          values[i * lanes_ + lane] = from[lane * output_stride];
        }
      }
      kernels_->transform_taps(values, to, shape_.outputs * taps);
    }
  }
}

int WinogradConvolution::PassValues() const {
  return kPoints * (x_point_ + y_point_) +
         (kTile * winograd::LineWidth(columns_) + shape_.width) * block_;
}

void WinogradConvolution::Forward(const Filters& filters, const float* x,
                                  const Layout& x_layout, int num,
                                  const float* identity, float* y,
                                  const Layout& y_layout,
                                  bool past_cache) const {
  const int threads = omp_in_parallel() ? 1 : omp_get_max_threads();
  const int rows = num * rows_;
  // Each thread gets as many.
  const int passes = CeilDiv(CeilDiv(rows, pass_rows_), threads) * threads;
  const bool aligned =
      reinterpret_cast<uintptr_t>(y) % (lanes_ * sizeof(float)) == 0;
  const auto run = [&](int pass) {
    const Rows top = {Part(rows, pass, passes), Part(rows, pass + 1, passes)};
    const Rows bottom = {top.first, std::min(top.last + segments_h_ - 1, rows)};
    float* const points = winograd::Scratch(PassValues());
    TransformTiles(x, x_layout, bottom, points);
    Multiply(filters, top, points);
    TransformBack(filters, top, points, identity, y, y_layout,
                  past_cache && aligned);
  };
  if (threads == 1) {  // a parallel region in another takes time to set up
    for (int i = 0; i < passes; ++i) run(i);
    return;
  }
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int i = 0; i < passes; ++i) run(i);
}

void WinogradConvolution::TransformTiles(const float* x, const Layout& layout,
                                         Rows rows, float* points) const {
  float* const line = points + kPoints * (x_point_ + y_point_);
  float* const zeros = line + kTile * winograd::LineWidth(columns_) * block_;
  std::fill_n(zeros, shape_.width * block_, 0.f);
  for (int row = rows.first; row < rows.last; ++row) {
    for (int c = 0; c < shape_.channels / block_; ++c) {
      const float* plane = x + row / rows_ * layout.image + c * layout.block;
      const float* pixels[kTile];
      for (int i = 0; i < kTile; ++i) {
        const int h = row % rows_ * kStep + i - shape_.pad_h;
        pixels[i] =
            h < 0 || h >= shape_.height ? zeros : plane + h * layout.row;
      }
      const int there = (c * pass_x_rows_ + row - rows.first) * columns_;
      kernels_->transform_tiles(pixels, shape_.width, shape_.pad_w, columns_,
                                block_, line, points + there * block_,
                                x_point_);
    }
  }
}

void WinogradConvolution::Multiply(const Filters& of, Rows rows,
                                   float* points) const {
  const float* const x = points;
  float* const y = points + kPoints * x_point_;
  const int taps = offsets_.size();
  const int next = pass_rows_ * tiles_w_ * lanes_;  // register of outputs
  // Without other segments the bottom's tiles are the top's, all in a long row.
  const bool one_segment = segments_h_ == 1 && segments_w_ == 1;
  const int rows_at_once = one_segment ? rows.last - rows.first : 1;
  const int tiles = rows_at_once * tiles_w_;
  const int runs = CeilDiv(tiles, kernels_->tiles);
  const float* filters = of.points.data();
  for (int point = 0; point < kPoints; ++point) {
    for (int o = 0; o < shape_.outputs; o += registers_ * lanes_) {
      for (int row = rows.first; row < rows.last; row += rows_at_once) {
        if (row % rows_ >= tiles_h_) continue;  // would be of two images
        const int from =
            point * x_point_ + (row - rows.first) * columns_ * block_;
        const int to = point * y_point_ + o / lanes_ * next +
                       (row - rows.first) * tiles_w_ * lanes_;
        for (int i = 0; i < runs; ++i) {
          const int tile = Part(tiles, i, runs), end = Part(tiles, i + 1, runs);
          kernels_->multiply(x + from + tile * block_, block_, offsets_.data(),
                             taps, filters, registers_, end - tile,
                             y + to + tile * lanes_, next);
        }
      }
      filters += taps * block_ * registers_ * lanes_;
    }
  }
}

void WinogradConvolution::TransformBack(const Filters& filters, Rows rows,
                                        const float* points,
                                        const float* identity, float* y,
                                        const Layout& layout,
                                        bool past_cache) const {
  points += kPoints * x_point_;
  for (int row = rows.first; row < rows.last; ++row) {
    if (row % rows_ >= tiles_h_) continue;
    const int top = row % rows_ * kStep;
    const int height = std::min(kStep, shape_.out_height() - top);
    for (int o = 0; o < shape_.outputs; o += lanes_) {
      const float* from =
          points +
          (o / lanes_ * pass_rows_ + row - rows.first) * tiles_w_ * lanes_;
      const int to = row / rows_ * layout.image + o / lanes_ * layout.block +
                     top * layout.row;
      for (int tile = 0; tile < tiles_w_; ++tile) {
        const int left = tile * kStep;
        const int width = std::min(kStep, shape_.out_width() - left);
        const int there = to + left * lanes_;
        kernels_->transform_back(from + tile * lanes_, y_point_,
                                 filters.bias.data() + o, height, width,
                                 identity ? identity + there : NULL, y + there,
                                 layout.row, past_cache);
      }
    }
  }
  winograd::FinishPastCache();
}

}  // namespace caffe
