#include "caffe/util/images_on_gpu.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "caffe/common.hpp"

namespace caffe {

struct ImageShape {
  int channels, height, width;
};

// batch (images, channels, cut.height, cut.width).
template <typename Dtype>
__global__ void CutImagesKernel(const int count, const ImageShape image,
                                const ImageShape cut,
                                const unsigned char* images,
                                const ImageCut* cuts, const Dtype* mean,
                                const Dtype scale, Dtype* batch) {
  CUDA_KERNEL_LOOP(index, count) {
    const int x = index % cut.width;
    const int y = index / cut.width % cut.height;
    const int plane = index / cut.width / cut.height;
    const int c = plane % image.channels;
    const ImageCut from = cuts[plane / image.channels];
    const int column =
        from.window.column + (from.window.mirrored ? cut.width - 1 - x : x);
    const int value =
        (c * image.height + from.window.row + y) * image.width + column;
    const size_t first = static_cast<size_t>(from.image) * image.channels *
                         image.height * image.width;
    batch[index] = (images[first + value] - mean[value]) * scale;
  }
}

template <typename Dtype>
size_t ImagesOnGpu<Dtype>::Size(int images, const std::vector<int>& shape) {
  return static_cast<size_t>(images) * shape[0] * shape[1] * shape[2];
}

// All memory is allocated here, by the thread that owns the GPU.
template <typename Dtype>
ImagesOnGpu<Dtype>::ImagesOnGpu(int images, const std::vector<int>& shape,
                                const std::vector<Dtype>& mean, Dtype scale,
                                int cuts)
    : shape_(shape),
      size_(Size(1, shape)),
      scale_(scale),
      has_(images),
      images_(Size(images, shape)),
      mean_(std::vector<int>(1, mean.size())),
      cuts_(cuts * sizeof(ImageCut)) {
  images_.mutable_gpu_data();
  cuts_.mutable_cpu_data();
  cuts_.gpu_data();
  std::copy(mean.begin(), mean.end(), mean_.mutable_cpu_data());
  mean_.gpu_data();
}

template <typename Dtype>
void ImagesOnGpu<Dtype>::Put(int image, const std::string& bytes,
                             cudaStream_t stream) {
  CHECK_EQ(size_, bytes.size());
  char* to = static_cast<char*>(images_.mutable_gpu_data()) + image * size_;
  CUDA_CHECK(
      cudaMemcpyAsync(to, bytes.data(), size_, cudaMemcpyHostToDevice, stream));
  has_[image] = true;
}

template <typename Dtype>
void ImagesOnGpu<Dtype>::Cut(const std::vector<ImageCut>& cuts,
                             Blob<Dtype>* batch, cudaStream_t stream) {
  CHECK_LE(cuts.size() * sizeof(ImageCut), cuts_.size());
  std::copy(cuts.begin(), cuts.end(),
            static_cast<ImageCut*>(cuts_.mutable_cpu_data()));
  cuts_.async_gpu_push(stream);
  const ImageShape image = {shape_[0], shape_[1], shape_[2]};
  const ImageShape cut = {image.channels, batch->height(), batch->width()};
  const int count = batch->count();
  // NOLINT_NEXT_LINE(whitespace/operators)
  CutImagesKernel<Dtype>
      <<<CAFFE_GET_BLOCKS(count), CAFFE_CUDA_NUM_THREADS, 0, stream>>>(
          count, image, cut,
          static_cast<const unsigned char*>(images_.gpu_data()),
          static_cast<const ImageCut*>(cuts_.gpu_data()), mean_.gpu_data(),
          scale_, batch->mutable_gpu_data());
  CUDA_POST_KERNEL_CHECK;
}

template class ImagesOnGpu<float>;
template class ImagesOnGpu<double>;

}  // namespace caffe
