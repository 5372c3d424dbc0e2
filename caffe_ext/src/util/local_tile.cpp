#include "caffe/util/local_tile.hpp"

#include <algorithm>

namespace caffe {

// More images would hardly make the products faster.
static const int kImages = 64;
// Values of a band, half of a second-level cache in float ...
static const int kBandValues = 1 << 17;
// ... but narrower tiles would read too little of each row that they look up.
static const int kLeastWidth = 8;
// A power of two between the outputs of neighbouring positions would send them
// all to the same few lines of the cache.
static const int kOddStep = 16;
// How many planes ahead to prefetch: rows of different planes lie too far
// apart for the processor to foresee.
static const int kAhead = 8;

static int TileWidth(const LocalShape& shape, int images) {
  const int band_w = kBandValues / (images * shape.channels * shape.kernel);
  const int width = (band_w - shape.kernel) / shape.stride + 1;
  return std::min(shape.top_w, std::max(width, kLeastWidth));
}

template <typename Dtype>
LocalTile<Dtype>::LocalTile(const LocalShape& shape, int num)
    : shape_(shape),
      num_(num),
      most_images_(std::max(1, std::min(num, kImages))),
      width_(TileWidth(shape, most_images_)),
      outputs_step_(most_images_ * shape.outputs + kOddStep),
      band_(most_images_ * shape.channels * shape.kernel *
            ((width_ - 1) * shape.stride + shape.kernel)),
      taps_(most_images_ * shape.taps()),
      outputs_(width_ * outputs_step_) {}

template <typename Dtype>
void LocalTile<Dtype>::MoveTo(int y, int x, int n) {
  y_ = y;
  x_ = x;
  w_ = std::min(width_, shape_.top_w - x);
  n_ = n;
  images_ = std::min(most_images_, num_ - n);
  band_rows_ = images_ * shape_.channels * shape_.kernel;
  band_w_ = (w_ - 1) * shape_.stride + shape_.kernel;
}

template <typename Dtype>
static inline void Prefetch(const Dtype* row, int values) {
  const int line = 64 / sizeof(Dtype);
  for (int i = 0; i < values; i += line) __builtin_prefetch(row + i);
  __builtin_prefetch(row + values - 1);  // in a line more, if not aligned
}

// Calls f(values in the bottom, the same in the band, how many) for each row
// of the band, without its padding.
template <typename Dtype>
template <typename Value, typename Function>
void LocalTile<Dtype>::ForEachBandRow(Value* bottom, Function f) {
  const int x = x_ * shape_.stride - shape_.pad;
  const int left = std::max(0, -x);
  const int values = std::min(band_w_, shape_.width - x) - left;
  if (values <= 0) return;
  const int plane = shape_.height * shape_.width;
  for (int i = 0; i < band_rows_; ++i) {
    const int y = y_ * shape_.stride - shape_.pad + i % shape_.kernel;
    if (y < 0 || y >= shape_.height) continue;
    Value* row = bottom + (n_ * shape_.channels + i / shape_.kernel) * plane +
                 y * shape_.width + (x + left);
    if (i + kAhead * shape_.kernel < band_rows_) {
      Prefetch(row + kAhead * plane, values);
    }
    f(row, band_.data() + i * band_w_ + left, values);
  }
}

template <typename Dtype>
void LocalTile<Dtype>::ClearBand() {
  std::fill_n(band_.begin(), band_rows_ * band_w_, Dtype(0));
}

template <typename Dtype>
void LocalTile<Dtype>::LoadBand(const Dtype* bottom) {
  ClearBand();
  ForEachBandRow(bottom, [](const Dtype* row, Dtype* band, int values) {
#pragma omp simd
    for (int i = 0; i < values; ++i) band[i] = row[i];
  });
}

template <typename Dtype>
void LocalTile<Dtype>::AddBandTo(Dtype* bottom_diff) {
  ForEachBandRow(bottom_diff, [](Dtype* row, const Dtype* band, int values) {
#pragma omp simd
    for (int i = 0; i < values; ++i) row[i] += band[i];
  });
}

template <typename Dtype>
void LocalTile<Dtype>::Unroll(int t) {
  const Dtype* band = band_.data() + t * shape_.stride;
  Dtype* taps = taps_.data();
  for (int i = 0; i < band_rows_; ++i, band += band_w_) {
    for (int v = 0; v < shape_.kernel; ++v) *taps++ = band[v];
  }
}

template <typename Dtype>
void LocalTile<Dtype>::AddTaps(int t) {
  Dtype* band = band_.data() + t * shape_.stride;
  const Dtype* taps = taps_.data();
  for (int i = 0; i < band_rows_; ++i, band += band_w_) {
    for (int v = 0; v < shape_.kernel; ++v) band[v] += *taps++;
  }
}

// Calls f(value in the top, the same in outputs_) for each output of the tile.
template <typename Dtype>
template <typename Value, typename Function>
void LocalTile<Dtype>::ForEachOutput(Value* top, Function f) {
  const int plane = shape_.positions();
  const int rows = images_ * shape_.outputs;
  for (int i = 0; i < rows; ++i) {
    Value* row = top + (n_ * shape_.outputs + i) * plane + position(0);
    if (i + kAhead < rows) Prefetch(row + kAhead * plane, w_);
    Dtype* output = outputs_.data() + i;
    for (int t = 0; t < w_; ++t) f(row + t, output + t * outputs_step_);
  }
}

template <typename Dtype>
void LocalTile<Dtype>::LoadOutputs(const Dtype* top) {
  ForEachOutput(top, [](const Dtype* from, Dtype* to) { *to = *from; });
}

template <typename Dtype>
void LocalTile<Dtype>::StoreOutputs(Dtype* top) {
  ForEachOutput(top, [](Dtype* to, const Dtype* from) { *to = *from; });
}

template class LocalTile<float>;
template class LocalTile<double>;

}  // namespace caffe
