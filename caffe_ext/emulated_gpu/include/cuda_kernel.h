#ifndef EMULATED_GPU_CUDA_KERNEL_H_
#define EMULATED_GPU_CUDA_KERNEL_H_

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <type_traits>

// What kernels are written in. translate_kernels.py has put emulated_gpu::
// Launch and DynamicShared in the place of what C++ cannot say.

#define __global__
#define __device__
#define __host__
#define __shared__ static  // blocks run one after the other
#define __launch_bounds__(...)

struct uint3 {
  unsigned x, y, z;
};

struct dim3 : uint3 {
  dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : uint3{x, y, z} {}
};

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

void __syncthreads();

namespace emulated_gpu {

struct Configuration {
  Configuration(dim3 grid, dim3 block, size_t shared = 0,
                const void* /* stream */ = NULL)
      : grid(grid), block(block), shared(shared) {}
  dim3 grid, block;
  size_t shared;  // bytes
};

/// Calls `thread` for every thread; ends the program with one sentence where a
/// GPU would not launch it, or where threads of a block part at a barrier.
void Run(const Configuration& configuration,
         const std::function<void()>& thread);

/// As a GPU does: kernels are only queued, until something waits for them.
/// Without that a kernel has run when its launch returns.
void QueueKernels(bool queue);
/// The kernels queued since the program began, and the end of `until` of them.
uint64_t Queued();
void RunQueued(uint64_t until = -1);

/// Launch(kernel, {grid, block, shared})(arguments)
template <typename... Parameters>
auto Launch(void (*kernel)(Parameters...), const Configuration& configuration) {
  return [=](Parameters... arguments) {
    Run(configuration, [=] { kernel(arguments...); });
  };
}

// Of a kernel whose template arguments the launch leaves to be deduced.
template <typename Kernel>
auto Launch(Kernel kernel, const Configuration& configuration) {
  return [=](auto... arguments) {
    Run(configuration, [=] { kernel(arguments...); });
  };
}
#define EMULATED_KERNEL(name) [](auto... arguments) { name(arguments...); }

/// The block's `extern __shared__` memory.
void* SharedMemory();
template <typename T>
T* DynamicShared() {
  return static_cast<T*>(SharedMemory());
}

}  // namespace emulated_gpu

// Functions that device code calls without std::.
template <typename A, typename B>
typename std::common_type<A, B>::type max(A a, B b) {
  return a < b ? b : a;
}
template <typename A, typename B>
typename std::common_type<A, B>::type min(A a, B b) {
  return b < a ? b : a;
}
using std::fma;
using std::signbit;

#define EMULATED_ATOMIC __attribute__((no_sanitize("thread")))
template <typename T>
EMULATED_ATOMIC T atomicAdd(T* address, T value) {
  const T old = *address;
  *address += value;
  return old;
}
typedef unsigned long long Word;  // NOLINT(runtime/int)
EMULATED_ATOMIC inline Word atomicCAS(Word* address, Word compare, Word value) {
  const Word old = *address;
  if (old == compare) *address = value;
  return old;
}
inline Word __double_as_longlong(double value) {
  Word bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline double __longlong_as_double(Word bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

#endif  // EMULATED_GPU_CUDA_KERNEL_H_
