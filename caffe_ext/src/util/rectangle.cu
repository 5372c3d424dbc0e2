#include "caffe/common.hpp"
#include "caffe/util/rectangle.hpp"

namespace caffe {

// Where in the image a patch's element lies.
__device__ int ImageIndex(const Rectangle& r, int index) {
  const int column = index % r.width;
  const int row = index / r.width % r.height;
  const int plane = index / r.width / r.height;
  return (plane * r.image_height + r.y + row) * r.image_width + r.x + column;
}

template <typename Dtype>
__global__ void GatherRectangle(int count, Rectangle r, const Dtype* image,
                                Dtype* patch) {
  CUDA_KERNEL_LOOP(index, count) {
    patch[index] = image[ImageIndex(r, index)];
  }
}

template <typename Dtype>
__global__ void ScatterRectangle(int count, Rectangle r, const Dtype* patch,
                                 Dtype* image) {
  CUDA_KERNEL_LOOP(index, count) {
    image[ImageIndex(r, index)] += patch[index];
  }
}

template <typename Dtype>
void gather_rectangle_gpu(const Rectangle& r, const Dtype* image,
                          Dtype* patch) {
  const int count = r.planes * r.height * r.width;
  // NOLINT_NEXT_LINE(whitespace/operators)
  GatherRectangle<Dtype><<<CAFFE_GET_BLOCKS(count), CAFFE_CUDA_NUM_THREADS>>>(
      count, r, image, patch);
  CUDA_POST_KERNEL_CHECK;
}

template <typename Dtype>
void scatter_rectangle_gpu(const Rectangle& r, const Dtype* patch,
                           Dtype* image) {
  const int count = r.planes * r.height * r.width;
  // NOLINT_NEXT_LINE(whitespace/operators)
  ScatterRectangle<Dtype><<<CAFFE_GET_BLOCKS(count), CAFFE_CUDA_NUM_THREADS>>>(
      count, r, patch, image);
  CUDA_POST_KERNEL_CHECK;
}

template void gather_rectangle_gpu<float>(const Rectangle&, const float*,
                                          float*);
template void gather_rectangle_gpu<double>(const Rectangle&, const double*,
                                           double*);
template void scatter_rectangle_gpu<float>(const Rectangle&, const float*,
                                           float*);
template void scatter_rectangle_gpu<double>(const Rectangle&, const double*,
                                            double*);

}  // namespace caffe
