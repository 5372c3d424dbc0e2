#ifndef CAFFE_UTIL_RECTANGLE_HPP_
#define CAFFE_UTIL_RECTANGLE_HPP_

#include <string>

namespace caffe {

/**
 * @brief One rectangle of pixels of every image and channel of a blob.
 *
 * gather copies it out of the image, (planes, image_height, image_width), into
 * a patch of its own, (planes, height, width); scatter adds such a patch to the
 * image's values. Each is the other's gradient. put overwrites them.
 */
struct Rectangle {
  int planes;  // N C
  int image_height, image_width;
  int y, x;  // upper row and left column in the image, from 0
  int height, width;

  /// Whether it lies inside the image.
  bool Fits() const;
  bool Overlaps(const Rectangle& other) const;
  /// For messages: "20 x 20 at row 0, column 140".
  std::string Text() const;
};

template <typename Dtype>
void gather_rectangle_cpu(const Rectangle& rectangle, const Dtype* image,
                          Dtype* patch);

template <typename Dtype>
void scatter_rectangle_cpu(const Rectangle& rectangle, const Dtype* patch,
                           Dtype* image);

template <typename Dtype>
void put_rectangle_cpu(const Rectangle& rectangle, const Dtype* patch,
                       Dtype* image);

#ifndef CPU_ONLY
template <typename Dtype>
void gather_rectangle_gpu(const Rectangle& rectangle, const Dtype* image,
                          Dtype* patch);

template <typename Dtype>
void scatter_rectangle_gpu(const Rectangle& rectangle, const Dtype* patch,
                           Dtype* image);
#endif

}  // namespace caffe

#endif  // CAFFE_UTIL_RECTANGLE_HPP_
