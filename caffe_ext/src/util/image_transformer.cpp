#include "caffe/util/image_transformer.hpp"

#include <vector>

#include "caffe/util/rng.hpp"

namespace caffe {

template <typename Dtype>
unsigned int ImageTransformer<Dtype>::DrawIf(bool is_needed) {
  if (!is_needed) return 0;
  return (*static_cast<rng_t*>(this->rng_->generator()))();
}

// The same numbers in the same order as DataTransformer's Transform.
template <typename Dtype>
ImageDraws ImageTransformer<Dtype>::Draw() {
  const bool crops = this->phase_ == TRAIN && this->param_.crop_size() > 0;
  ImageDraws draws;
  draws.mirror = DrawIf(this->param_.mirror());
  draws.row = DrawIf(crops);
  draws.column = DrawIf(crops);
  return draws;
}

template <typename Dtype>
ImageWindow ImageTransformer<Dtype>::Window(const ImageDraws& draws, int height,
                                            int width) const {
  const int size = this->param_.crop_size();
  const int mirrored = draws.mirror % 2;
  if (size == 0) return {0, 0, mirrored};
  if (this->phase_ != TRAIN) {
    return {(height - size) / 2, (width - size) / 2, mirrored};
  }
  return {static_cast<int>(draws.row % (height - size + 1)),
          static_cast<int>(draws.column % (width - size + 1)), mirrored};
}

template <typename Dtype>
Dtype ImageTransformer<Dtype>::MeanValue(int channel) const {
  const vector<Dtype>& values = this->mean_values_;
  if (values.empty()) return 0;
  return values[values.size() == 1 ? 0 : channel];
}

template <typename Dtype>
std::vector<Dtype> ImageTransformer<Dtype>::Mean(
    const std::vector<int>& shape) const {
  const int plane = shape[1] * shape[2];
  std::vector<Dtype> mean(shape[0] * plane);
  for (size_t i = 0; i < mean.size(); ++i) {
    mean[i] = this->param_.has_mean_file() ? this->data_mean_.cpu_data()[i]
                                           : MeanValue(i / plane);
  }
  return mean;
}

template <typename Dtype>
void ImageTransformer<Dtype>::Transform(const Datum& image,
                                        const ImageDraws& draws,
                                        Dtype* to) const {
  const unsigned char* pixels =
      reinterpret_cast<const unsigned char*>(image.data().data());
  const Dtype* mean =
      this->param_.has_mean_file() ? this->data_mean_.cpu_data() : NULL;
  const int size = this->param_.crop_size();
  const int height = size ? size : image.height();
  const int width = size ? size : image.width();
  const ImageWindow window = Window(draws, image.height(), image.width());
  const int step = window.mirrored ? -1 : 1;
  for (int c = 0; c < image.channels(); ++c) {
    const Dtype value = MeanValue(c);
    for (int y = 0; y < height; ++y, to += width) {
      const int row = c * image.height() + window.row + y;
      const int from = row * image.width() + window.column;
      Dtype* next = window.mirrored ? to + width - 1 : to;
      for (int x = 0; x < width; ++x, next += step) {
        *next = (pixels[from + x] - (mean ? mean[from + x] : value)) * scale();
      }
    }
  }
}

INSTANTIATE_CLASS(ImageTransformer);

}  // namespace caffe
