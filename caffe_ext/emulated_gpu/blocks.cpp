// Runs kernels: blocks one after the other, and a block's threads by turns. A
// thread runs on until it ends or waits at a barrier; then the next one does.
#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <cuda_kernel.h>
#include <glog/logging.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <memory>
#include <mutex>  // NOLINT(build/c++11)
#include <utility>
#include <vector>

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulated_gpu {

using boost::context::fiber;

static const size_t kStack = 128 << 10;      // bytes; a thread's registers
static const unsigned kMostThreads = 1024;   // of a block, on every card
static const size_t kMostShared = 48 << 10;  // bytes, without asking for more
static const unsigned kMostBlocksX = 0x7fffffff, kMostBlocksYZ = 65535;
static const size_t kAlignment = 128;
static const int kNaN = 0xff;  // in every byte

// What does not hang on the order of threads gives the same in both.
static unsigned InOrder(unsigned i, unsigned count) {
  static const bool backwards = getenv("EMULATED_GPU_BACKWARDS");
  return backwards ? count - 1 - i : i;
}

static uint3 Index(unsigned i, const dim3& extent) {
  return {i % extent.x, i / extent.x % extent.y, i / extent.x / extent.y};
}

// A block's threads, on fibers.
class Block {
 public:
  void Run(const std::function<void()>& thread) {
    started_ = ended_ = 0;
    while (started_ < Count()) {
      Resume(fiber(std::allocator_arg, stacks_, [&](fiber&& scheduler) {
        scheduler_ = std::move(scheduler);
        RunThreads(thread);
        return std::move(scheduler_);
      }));
    }
    while (!waiting_.empty()) PassBarrier();
  }

  /// Of the thread that runs.
  void Wait() {
    const uint3 thread = threadIdx;
    scheduler_ = std::move(scheduler_).resume();
    threadIdx = thread;
  }

 private:
  static unsigned Count() { return blockDim.x * blockDim.y * blockDim.z; }

  // Until one waits at a barrier: then another fiber goes on with the next.
  void RunThreads(const std::function<void()>& thread) {
    while (started_ < Count()) {
      threadIdx = Index(InOrder(started_++, Count()), blockDim);
      thread();
      ++ended_;
    }
  }

  void PassBarrier() {
    LOG_IF(FATAL, ended_ > 0)
        << "Emulated GPU: " << ended_ << " of " << Count()
        << " threads ended before a __syncthreads() at which others wait "
        << "(block " << blockIdx.x << ", " << blockIdx.y << ", " << blockIdx.z
        << ").";
    std::vector<fiber> fibers;
    fibers.swap(waiting_);
    for (fiber& one : fibers) Resume(std::move(one));
  }

  void Resume(fiber&& one) {
    fiber rest = std::move(one).resume();
    if (rest) waiting_.push_back(std::move(rest));
  }

  boost::context::pooled_fixedsize_stack stacks_{kStack};
  unsigned started_, ended_;
  fiber scheduler_;
  std::vector<fiber> waiting_;
};

static Block block;
static void* shared_memory;

static void Check(const Configuration& c) {
  const uint64_t threads = uint64_t(c.block.x) * c.block.y * c.block.z;
  LOG_IF(FATAL, threads == 0 || threads > kMostThreads)
      << "Emulated GPU: a block of " << threads << " threads.";
  LOG_IF(FATAL, c.grid.x == 0 || c.grid.y == 0 || c.grid.z == 0 ||
                    c.grid.x > kMostBlocksX || c.grid.y > kMostBlocksYZ ||
                    c.grid.z > kMostBlocksYZ)
      << "Emulated GPU: a grid of " << c.grid.x << " x " << c.grid.y << " x "
      << c.grid.z << " blocks.";
  LOG_IF(FATAL, c.shared > kMostShared)
      << "Emulated GPU: " << c.shared << " bytes of shared memory.";
}

void Run(const Configuration& c, const std::function<void()>& thread) {
  static std::mutex mutex;
  std::lock_guard<std::mutex> one_kernel(mutex);
  Check(c);
  gridDim = c.grid;
  blockDim = c.block;
  // of its own length, so that the address sanitizer sees what is beyond
  CHECK_EQ(0, posix_memalign(&shared_memory, kAlignment, c.shared));
  const unsigned count = c.grid.x * c.grid.y * c.grid.z;
  for (unsigned i = 0; i < count; ++i) {
    blockIdx = Index(InOrder(i, count), c.grid);
    memset(shared_memory, kNaN, c.shared);  // not the last block's values
    block.Run(thread);
  }
  free(shared_memory);
}

void* SharedMemory() {
  return shared_memory;
}

}  // namespace emulated_gpu

void __syncthreads() {
  emulated_gpu::block.Wait();
}
