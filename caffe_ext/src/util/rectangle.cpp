#include "caffe/util/rectangle.hpp"

#include <algorithm>
#include <string>

#include "caffe/util/format.hpp"

namespace caffe {

bool Rectangle::Fits() const {
  return y >= 0 && x >= 0 && y <= image_height - height &&
         x <= image_width - width;
}

bool Rectangle::Overlaps(const Rectangle& other) const {
  return y < other.y + other.height && other.y < y + height &&
         x < other.x + other.width && other.x < x + width;
}

std::string Rectangle::Text() const {
  return format_int(height) + " x " + format_int(width) + " at row " +
         format_int(y) + ", column " + format_int(x);
}

static int ImageRow(const Rectangle& r, int plane, int row) {
  return (plane * r.image_height + r.y + row) * r.image_width + r.x;
}

template <typename Dtype>
void gather_rectangle_cpu(const Rectangle& r, const Dtype* image,
                          Dtype* patch) {
  for (int plane = 0; plane < r.planes; ++plane) {
    for (int row = 0; row < r.height; ++row) {
      const Dtype* source = image + ImageRow(r, plane, row);
      patch = std::copy(source, source + r.width, patch);
    }
  }
}

template <typename Dtype>
void scatter_rectangle_cpu(const Rectangle& r, const Dtype* patch,
                           Dtype* image) {
  for (int plane = 0; plane < r.planes; ++plane) {
    for (int row = 0; row < r.height; ++row) {
      Dtype* target = image + ImageRow(r, plane, row);
      for (int i = 0; i < r.width; ++i) target[i] += patch[i];
      patch += r.width;
    }
  }
}

template <typename Dtype>
void put_rectangle_cpu(const Rectangle& r, const Dtype* patch, Dtype* image) {
  for (int plane = 0; plane < r.planes; ++plane) {
    for (int row = 0; row < r.height; ++row, patch += r.width) {
      std::copy_n(patch, r.width, image + ImageRow(r, plane, row));
    }
  }
}

template void gather_rectangle_cpu<float>(const Rectangle&, const float*,
                                          float*);
template void gather_rectangle_cpu<double>(const Rectangle&, const double*,
                                           double*);
template void put_rectangle_cpu<float>(const Rectangle&, const float*, float*);
template void put_rectangle_cpu<double>(const Rectangle&, const double*,
                                        double*);
template void scatter_rectangle_cpu<float>(const Rectangle&, const float*,
                                           float*);
template void scatter_rectangle_cpu<double>(const Rectangle&, const double*,
                                            double*);

}  // namespace caffe
