#include "caffe/util/usable_gpu.hpp"

#include <string>

#include "caffe/common.hpp"

namespace caffe {

#ifdef CPU_ONLY

std::string GPUProblem(int /* device */) {
  return "Cannot use a GPU: this Caffe was built without CUDA; use "
         "solver_mode: CPU and no -gpu, or build it with make CPU_ONLY=0.";
}

#else

std::string GPUProblem(int device) {
  int count = 0, current = 0;
  cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && (device < 0 || device >= count)) {
    error = cudaErrorInvalidDevice;
  }
  if (error == cudaSuccess) error = cudaGetDevice(&current);
  if (error == cudaSuccess && current == device) error = ProbeKernels();
  cudaGetLastError();  // reported here, so no later check may meet it
  return error == cudaSuccess ? std::string() : CudaErrorSentence(error);
}

#endif  // CPU_ONLY

}  // namespace caffe
