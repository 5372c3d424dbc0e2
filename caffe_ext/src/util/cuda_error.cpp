#ifndef CPU_ONLY
#include "caffe/util/cuda_error.hpp"

#include <iomanip>
#include <sstream>
#include <string>

#include "caffe/util/layer_at_work.hpp"

namespace caffe {

static const char kOrTheCPU[] = ", or use solver_mode: CPU and no -gpu.";

// 13000 is CUDA 13.0.
static std::string CudaVersion(int version) {
  std::ostringstream text;
  text << version / 1000 << "." << version % 1000 / 10;
  return text.str();
}

static std::string DriverSentence() {
  int driver = 0;
  cudaDriverGetVersion(&driver);
  if (driver == 0) {
    return std::string("There is no NVIDIA driver here: install one") +
           kOrTheCPU;
  }
  return "The NVIDIA driver is for CUDA " + CudaVersion(driver) +
         " and older, this Caffe was built with CUDA " +
         CudaVersion(CUDART_VERSION) +
         ": update the driver, build with an older CUDA" + kOrTheCPU;
}

static std::string NumberSentence() {
  int count = 0;
  cudaGetDeviceCount(&count);
  std::ostringstream text;
  text << "There is no GPU of that number; those here are 0 to " << count - 1
       << ": give one of them.";
  return text.str();
}

static std::string ArchitectureSentence() {
  int device = 0, major = 0, minor = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
  std::ostringstream text;
  text << "This Caffe was compiled for CUDA architectures " CUDA_ARCHITECTURES
       << " and has no code for GPU " << device << " (" << major << minor
       << "): build it with make CUDA_ARCHITECTURES=" << major << minor
       << kOrTheCPU;
  return text.str();
}

static std::string MemorySentence() {
  size_t free_bytes = 0, total_bytes = 0;
  cudaMemGetInfo(&free_bytes, &total_bytes);
  const double gib = 1 << 30;
  const int batch = LayerAtWork::batch();
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << "The GPU is out of memory ("
       << free_bytes / gib << " of " << total_bytes / gib << " GiB are free) "
       << LayerAtWork::Where();
  if (batch > 1) {
    text << " at batch size " << batch << ": try batch_size: " << batch / 2
         << " (with iter_size: 2 in the solver, gradients are of as many "
         << "images as before).";
  } else {
    text << ": use a smaller batch, net or image, or a larger GPU.";
  }
  return text.str();
}

std::string CudaErrorSentence(cudaError_t error) {
  switch (error) {
    case cudaErrorNoDevice:
      return std::string("CUDA sees no GPU here (nvidia-smi lists them, ") +
             "CUDA_VISIBLE_DEVICES hides them): make one visible" + kOrTheCPU;
    case cudaErrorInsufficientDriver:
      return DriverSentence();
    case cudaErrorInvalidDevice:
      return NumberSentence();
    case cudaErrorInvalidDeviceFunction:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorUnsupportedPtxVersion:
      return ArchitectureSentence();
    case cudaErrorMemoryAllocation:
      return MemorySentence();
    default:
      return std::string("CUDA: ") + cudaGetErrorString(error) + " (" +
             cudaGetErrorName(error) + ").";
  }
}

}  // namespace caffe
#endif  // CPU_ONLY
