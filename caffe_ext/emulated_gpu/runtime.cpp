// CUDA's runtime without a GPU: see cuda_runtime.h.
#include <cuda_runtime.h>
#include <stdlib.h>
#include <string.h>

#include <chrono>  // NOLINT(build/c++11)
#include <map>
#include <mutex>  // NOLINT(build/c++11)

struct CUevent_st {
  std::chrono::steady_clock::time_point recorded;
  uint64_t queued = 0;  // kernels, by then
};

static thread_local cudaError_t last_error = cudaSuccess;

static cudaError_t Result(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

// ---- Memory

static std::mutex mutex;
static std::map<const void*, size_t> allocations;  // bytes, by their first
static size_t copied_to_host = 0;

static bool OnGPU(const void* pointer) {
  auto next = allocations.upper_bound(pointer);
  if (next == allocations.begin()) return false;
  --next;
  return pointer < static_cast<const char*>(next->first) + next->second;
}

size_t emulated_gpu::BytesCopiedToHost() {
  std::lock_guard<std::mutex> lock(mutex);
  return copied_to_host;
}

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  const size_t kAlignment = 256;  // as CUDA promises
  if (posix_memalign(pointer, kAlignment, bytes)) {
    return Result(cudaErrorMemoryAllocation);
  }
  memset(*pointer, 0xff, bytes);  // NaN
  std::lock_guard<std::mutex> lock(mutex);
  allocations[*pointer] = bytes;
  return cudaSuccess;
}

cudaError_t cudaFree(void* pointer) {
  emulated_gpu::RunQueued();
  {
    std::lock_guard<std::mutex> lock(mutex);
    allocations.erase(pointer);
  }
  free(pointer);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  *pointer = malloc(bytes);
  return Result(*pointer || bytes == 0 ? cudaSuccess
                                       : cudaErrorMemoryAllocation);
}

cudaError_t cudaFreeHost(void* pointer) {
  free(pointer);
  return cudaSuccess;
}

cudaError_t cudaMemset(void* pointer, int value, size_t bytes) {
  emulated_gpu::RunQueued();
  memset(pointer, value, bytes);
  return cudaSuccess;
}

static void Copy(void* to, const void* from, size_t bytes) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (OnGPU(from) && !OnGPU(to)) copied_to_host += bytes;
  }
  memmove(to, from, bytes);
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes,
                       cudaMemcpyKind) {
  emulated_gpu::RunQueued();
  Copy(to, from, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes,
                            cudaMemcpyKind, cudaStream_t stream) {
  cudaStreamSynchronize(stream);
  Copy(to, from, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total_bytes) {
  *free_bytes = *total_bytes = size_t(1) << 32;
  return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes,
                                     const void*) {
  attributes->device = 0;
  return cudaSuccess;
}

// ---- The one device

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  return Result(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = cudaDeviceProp();
  strncpy(properties->name, "emulated GPU", sizeof properties->name - 1);
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = 1024;
  properties->multiProcessorCount = 1;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  *value = 0;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  return cudaDriverGetVersion(version);
}

cudaError_t cudaDeviceSynchronize() {
  emulated_gpu::RunQueued();
  return cudaSuccess;
}

// ---- Errors

cudaError_t cudaPeekAtLastError() {
  return last_error;
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = last_error;
  last_error = cudaSuccess;
  return error;
}

const char* cudaGetErrorString(cudaError_t) {
  return "an error of the emulated GPU";
}

const char* cudaGetErrorName(cudaError_t) {
  return "emulated";
}

// ---- Streams and events

static char non_blocking;  // the one stream that the default one does not order

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  *stream = NULL;
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  *stream = flags == cudaStreamNonBlocking
                ? reinterpret_cast<cudaStream_t>(&non_blocking)
                : NULL;
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t) {
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (!stream) emulated_gpu::RunQueued();
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t event, unsigned) {
  emulated_gpu::RunQueued(event->queued);
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = new CUevent_st;
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  return cudaEventCreate(event);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  event->recorded = std::chrono::steady_clock::now();
  event->queued = emulated_gpu::Queued();
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  emulated_gpu::RunQueued(event->queued);
  return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t start,
                                 cudaEvent_t stop) {
  const std::chrono::duration<float, std::milli> time =
      stop->recorded - start->recorded;
  *ms = time.count();
  return cudaSuccess;
}
