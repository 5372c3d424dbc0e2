#include "caffe/util/cuda_error.hpp"

namespace caffe {

__global__ void Probe() {}

cudaError_t ProbeKernels() {
  cudaFuncAttributes attributes;
  return cudaFuncGetAttributes(&attributes, Probe);
}

}  // namespace caffe
