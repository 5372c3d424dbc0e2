// Runs kernels: blocks one after the other, and a block's threads by turns. A
// thread runs on until it ends or waits at a barrier; then the next one does.
#include <cuda_kernel.h>
#include <glog/logging.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <memory>
#include <mutex>
#include <vector>

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulated_gpu {

static const size_t kStack = 128 << 10;        // bytes; a thread's registers
static const unsigned kMostThreads = 1024;     // of a block, on every card
static const size_t kMostShared = 48 << 10;    // bytes, without asking for more
static const unsigned kMostBlocksX = 0x7fffffff, kMostBlocksYZ = 65535;
static const size_t kAlignment = 128;
static const int kNaN = 0xff;  // in every byte

// What threads do, one after the other, until one waits at a barrier: then the
// next fiber goes on with the threads that have not started.
struct Fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack{new char[kStack]};
  uint3 thread;  // that waits
};

class Block {
 public:
  void Run(const std::function<void()>& thread) {
    thread_ = &thread;
    started_ = ended_ = 0;
    waiting_.clear();
    const unsigned count = Count();
    while (started_ < count) Resume(NewFiber());
    while (!waiting_.empty()) {
      LOG_IF(FATAL, ended_ > 0)
          << "Emulated GPU: " << ended_ << " of a block's " << count
          << " threads ended before a __syncthreads() at which the others "
             "wait (block " << blockIdx.x << ", " << blockIdx.y << ", "
          << blockIdx.z << ").";
      std::vector<Fiber*> fibers;
      fibers.swap(waiting_);
      for (Fiber* fiber : fibers) {
        threadIdx = fiber->thread;
        Resume(fiber);
      }
    }
  }

  void Wait() {
    Fiber* const fiber = running_;
    fiber->thread = threadIdx;
    waiting_.push_back(fiber);
    swapcontext(&fiber->context, &scheduler_);
  }

 private:
  static unsigned Count() { return blockDim.x * blockDim.y * blockDim.z; }

  void Resume(Fiber* fiber) {
    running_ = fiber;
    swapcontext(&scheduler_, &fiber->context);
  }

  Fiber* NewFiber() {
    if (waiting_.size() == fibers_.size()) fibers_.emplace_back(new Fiber);
    Fiber* const fiber = fibers_[waiting_.size()].get();
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack.get();
    fiber->context.uc_stack.ss_size = kStack;
    fiber->context.uc_link = &scheduler_;
    makecontext(&fiber->context, &Block::RunThreads, 0);
    return fiber;
  }

  static void RunThreads();

  const std::function<void()>* thread_;
  unsigned started_, ended_;
  ucontext_t scheduler_;
  Fiber* running_;
  std::vector<Fiber*> waiting_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
};

static Block block;
static void* shared_memory;

// What does not hang on the order of threads gives the same in both.
static unsigned InOrder(unsigned i, unsigned count) {
  static const bool backwards = getenv("EMULATED_GPU_BACKWARDS");
  return backwards ? count - 1 - i : i;
}

static uint3 Index(unsigned i, const dim3& extent) {
  return {i % extent.x, i / extent.x % extent.y, i / extent.x / extent.y};
}

void Block::RunThreads() {
  const unsigned count = Count();
  while (block.started_ < count) {
    threadIdx = Index(InOrder(block.started_++, count), blockDim);
    (*block.thread_)();
    ++block.ended_;
  }
}

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
  const std::unique_ptr<void, decltype(&free)> memory(
      aligned_alloc(kAlignment, (c.shared + kAlignment - 1) / kAlignment * kAlignment),
      free);
  shared_memory = memory.get();
  const unsigned count = c.grid.x * c.grid.y * c.grid.z;
  for (unsigned i = 0; i < count; ++i) {
    blockIdx = Index(InOrder(i, count), c.grid);
    memset(shared_memory, kNaN, c.shared);  // the last block's are not to be used
    block.Run(thread);
  }
}

void* SharedMemory() {
  return shared_memory;
}

}  // namespace emulated_gpu

void __syncthreads() {
  emulated_gpu::block.Wait();
}
