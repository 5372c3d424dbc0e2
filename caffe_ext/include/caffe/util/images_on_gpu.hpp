#ifndef CAFFE_UTIL_IMAGES_ON_GPU_HPP_
#define CAFFE_UTIL_IMAGES_ON_GPU_HPP_
#ifndef CPU_ONLY

#include <string>
#include <vector>

#include "caffe/blob.hpp"
#include "caffe/syncedmem.hpp"
#include "caffe/util/image_transformer.hpp"

namespace caffe {

/// A part of one of the images.
struct ImageCut {
  int image;
  ImageWindow window;
};

/**
 * @brief Decoded images of one shape (C, H, W), a byte a value, on the GPU, and
 *        batches that are cut from them there: what ImageTransformer gives, to
 *        the bit.
 *
 * Made in the thread that owns the GPU; then one other thread may use it.
 */
template <typename Dtype>
class ImagesOnGpu {
 public:
  /// Room for `images` of them, and for batches of `cuts`. What is subtracted
  /// is `mean`, a value each.
  ImagesOnGpu(int images, const std::vector<int>& shape,
              const std::vector<Dtype>& mean, Dtype scale, int cuts);

  bool Has(int image) const { return has_[image]; }
  /// The bytes must stay until the stream is through with them.
  void Put(int image, const std::string& bytes, cudaStream_t stream);
  /// batch (cuts, C, H', W') of the GPU = these parts of images that were put.
  /// Nothing may be cut again until the stream is through with it.
  void Cut(const std::vector<ImageCut>& cuts, Blob<Dtype>* batch,
           cudaStream_t stream);

  /// What they take, in bytes.
  static size_t Size(int images, const std::vector<int>& shape);

 private:
  std::vector<int> shape_;
  size_t size_;  // of an image
  Dtype scale_;
  std::vector<bool> has_;
  SyncedMemory images_;
  Blob<Dtype> mean_;
  SyncedMemory cuts_;
};

}  // namespace caffe

#endif  // CPU_ONLY
#endif  // CAFFE_UTIL_IMAGES_ON_GPU_HPP_
