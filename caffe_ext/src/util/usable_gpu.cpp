#include "caffe/util/usable_gpu.hpp"

#include "caffe/util/device_alternate.hpp"

namespace caffe {

bool HasUsableGPU() {
#ifdef CPU_ONLY
  return false;
#else
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
#endif
}

}  // namespace caffe
