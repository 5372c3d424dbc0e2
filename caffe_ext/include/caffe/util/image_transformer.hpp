#ifndef CAFFE_UTIL_IMAGE_TRANSFORMER_HPP_
#define CAFFE_UTIL_IMAGE_TRANSFORMER_HPP_

#include <vector>

#include "caffe/data_transformer.hpp"
#include "caffe/proto/caffe.pb.h"

namespace caffe {

/// The random numbers that decide which part of an image is given out.
struct ImageDraws {
  unsigned int mirror, row, column;
};

/// That part: its upper left corner, and whether it is mirrored.
struct ImageWindow {
  int row, column;
  int mirrored;  // 0 or 1
};

/**
 * @brief A DataTransformer whose draws are made apart, in the images' order,
 *        so that what is done with them may be done in any order.
 *
 * Draws and results are DataTransformer's, to the bit; images are C x H x W
 * bytes.
 */
template <typename Dtype>
class ImageTransformer : public DataTransformer<Dtype> {
 public:
  ImageTransformer(const TransformationParameter& param, Phase phase)
      : DataTransformer<Dtype>(param, phase) {}

  /// Of the next image. One thread at a time.
  ImageDraws Draw();
  /// Of an image of height x width.
  ImageWindow Window(const ImageDraws& draws, int height, int width) const;
  /// What is subtracted from images of this shape (C, H, W), each value apart.
  std::vector<Dtype> Mean(const std::vector<int>& shape) const;
  Dtype scale() const { return this->param_.scale(); }

  /// Any number of threads at once.
  void Transform(const Datum& image, const ImageDraws& draws, Dtype* to) const;

 private:
  unsigned int DrawIf(bool is_needed);
  Dtype MeanValue(int channel) const;
};

}  // namespace caffe

#endif  // CAFFE_UTIL_IMAGE_TRANSFORMER_HPP_
