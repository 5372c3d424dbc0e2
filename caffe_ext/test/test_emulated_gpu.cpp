// The emulated GPU itself (caffe_ext/emulated_gpu).
#ifdef EMULATED_GPU
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "caffe/util/device_alternate.hpp"

using emulated_gpu::Launch;

// Each thread's neighbour's value, by way of shared memory.
static void Rotate(int* values) {
  int* shared = emulated_gpu::DynamicShared<int>();
  shared[threadIdx.x] = values[blockIdx.x * blockDim.x + threadIdx.x];
  __syncthreads();
  values[blockIdx.x * blockDim.x + threadIdx.x] =
      shared[(threadIdx.x + 1) % blockDim.x];
}

TEST(EmulatedGPUTest, TestBarrier) {
  std::vector<int> values = {0, 1, 2, 3, 4, 5};
  Launch(Rotate, {2, 3, 3 * sizeof(int)})(values.data());
  EXPECT_EQ(std::vector<int>({1, 2, 0, 4, 5, 3}), values);
}

static void NumberThreads(std::vector<int>* numbers) {
  numbers->push_back((threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x +
                     threadIdx.x);
}

TEST(EmulatedGPUTest, TestEachThreadRunsOnce) {
  std::vector<int> numbers;
  Launch(NumberThreads, {1, dim3(2, 3, 2)})(&numbers);
  std::sort(numbers.begin(), numbers.end());
  EXPECT_EQ(std::vector<int>({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), numbers);
}

static void HalfWait() {
  if (threadIdx.x % 2) __syncthreads();
}

TEST(EmulatedGPUTest, TestThreadsThatPartDeathTest) {
  EXPECT_DEATH(Launch(HalfWait, {1, 4})(),
               "2 of 4 threads ended before a __syncthreads");
}

static void Increment(int* value) {
  ++*value;
}

TEST(EmulatedGPUTest, TestQueuedKernelsRunWhenTheyAreWaitedFor) {
  int value = 0;
  cudaEvent_t event;
  cudaEventCreate(&event);
  emulated_gpu::QueueKernels(true);
  Launch(Increment, {1, 1})(&value);
  cudaEventRecord(event, NULL);
  Launch(Increment, {1, 1})(&value);
  EXPECT_EQ(0, value);
  cudaStreamWaitEvent(NULL, event, 0);
  EXPECT_EQ(1, value);
  cudaDeviceSynchronize();
  EXPECT_EQ(2, value);
  emulated_gpu::QueueKernels(false);
  cudaEventDestroy(event);
}

// What the last block of a grid for n values visits, or -1 where it does not
// end.
static int VisitsOfLastBlock(int n) {
  blockDim = caffe::CAFFE_CUDA_NUM_THREADS;
  gridDim = caffe::CAFFE_GET_BLOCKS(n);
  int visits = 0;
  blockIdx.x = gridDim.x - 1;
  for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x) {
    CUDA_KERNEL_LOOP(i, n) {
      EXPECT_LT(unsigned(i), unsigned(n));
      if (++visits > n % 512) return -1;
    }
  }
  return visits;
}

TEST(EmulatedGPUTest, TestKernelLoopEndsWhereAnIntDoes) {
  const int most = std::numeric_limits<int>::max();
  EXPECT_EQ(5, VisitsOfLastBlock(5));
  EXPECT_EQ(3, VisitsOfLastBlock((1 << 30) + 3));
  EXPECT_EQ(most % 512, VisitsOfLastBlock(most));
}

static void Nothing() {}

TEST(EmulatedGPUTest, TestLimitsDeathTest) {
  EXPECT_DEATH(Launch(Nothing, {1, 1025})(), "a block of 1025 threads");
  EXPECT_DEATH(Launch(Nothing, {0, 1})(), "a grid of 0 x 1 x 1 blocks");
  EXPECT_DEATH(Launch(Nothing, {1, 1, 49153})(), "49153 bytes of shared");
}

#endif  // EMULATED_GPU
