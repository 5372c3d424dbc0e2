/* Stands before libcudart (LD_PRELOAD), so that Caffe meets a GPU's failures on a
 * machine without one. By environment:
 *   FAKE_CUDA_ERROR   what cudaGetDeviceCount returns (0: there is one GPU)
 *   FAKE_CUDA_DRIVER  the driver's CUDA version, 12020 for 12.2; 0: no driver
 *   FAKE_CUDA_KERNELS what a question about a kernel returns (0: it is there)
 *   FAKE_CUDA_BYTES   the largest allocation that succeeds
 * The GPU's memory is the host's, of compute capability 6.1. */
#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>

static long long setting(const char *name) {
  const char *value = getenv(name);
  return value ? atoll(value) : 0;
}

cudaError_t cudaGetDeviceCount(int *count) {
  *count = setting("FAKE_CUDA_ERROR") ? 0 : 1;
  return setting("FAKE_CUDA_ERROR");
}

cudaError_t cudaDriverGetVersion(int *version) {
  *version = setting("FAKE_CUDA_DRIVER");
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device) {
  *device = 0;
  return setting("FAKE_CUDA_ERROR");
}

cudaError_t cudaSetDevice(int device) {
  return setting("FAKE_CUDA_ERROR");
}

cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *attributes,
                                  const void *kernel) {
  return setting("FAKE_CUDA_KERNELS");
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *properties, int device) {
  memset(properties, 0, sizeof *properties);
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute,
                                   int device) {
  *value = attribute == cudaDevAttrComputeCapabilityMajor ? 6 : 1;
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes) {
  *free_bytes = 1u << 29; /* 0.5 GiB */
  *total_bytes = 1u << 31;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void **pointer, size_t bytes) {
  if (bytes > (size_t)setting("FAKE_CUDA_BYTES")) return cudaErrorMemoryAllocation;
  *pointer = calloc(1, bytes);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void **pointer, size_t bytes) {
  *pointer = calloc(1, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemset(void *pointer, int value, size_t bytes) {
  memset(pointer, value, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes,
                       enum cudaMemcpyKind kind) {
  memcpy(to, from, bytes);
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *event) {
  *event = NULL;
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return cudaSuccess;
}
