#ifndef CAFFE_UTIL_CUDA_ERROR_HPP_
#define CAFFE_UTIL_CUDA_ERROR_HPP_

#include <cuda_runtime.h>

#include <string>

namespace caffe {

/// What went wrong, in one sentence with the remedy; when memory ran out, with
/// the layer at work and the batch size to try.
std::string CudaErrorSentence(cudaError_t error);

/// cudaSuccess where this build has code for the current device.
cudaError_t ProbeKernels();

}  // namespace caffe

#endif  // CAFFE_UTIL_CUDA_ERROR_HPP_
