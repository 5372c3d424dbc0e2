// Runs kernels: blocks one after the other, and a block's threads by turns. A
// thread runs on until it ends or waits at a barrier; then the next one does.
// To the thread sanitizer (RACE_CHECK) a block's threads are threads that only
// barriers order.
#include <boost/context/fiber.hpp>
#include <boost/context/stack_context.hpp>
#include <cuda_kernel.h>
#include <glog/logging.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <deque>
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

#ifdef RACE_CHECK
extern "C" {
void* __tsan_create_fiber(unsigned flags);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void* __tsan_get_current_fiber();
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}

// What the thread sanitizer is told. This file is compiled without it.
class Order {
 public:
  static const bool kThreadsShareStacks = false;

  // Blocks follow one another, so that threads of two of them never race.
  void Begin(unsigned threads) {
    while (threads_.size() < threads) {
      threads_.push_back(__tsan_create_fiber(0));
    }
    host_ = __tsan_get_current_fiber();
    __tsan_release(&begin_);
  }
  void End() { __tsan_acquire(&end_); }

  void Enter(unsigned thread) {
    Switch(threads_[thread]);
    __tsan_acquire(&begin_);
  }
  void Exit() {
    __tsan_release(&end_);
    Switch(host_);
  }
  // Of the block's `barrier`-th, from 0. A thread may wait at the next one
  // before another has passed this one, which must not take it for this one's.
  void Wait(unsigned barrier) {
    __tsan_release(&barriers_[barrier % 2]);
    Switch(host_);
  }
  void Pass(unsigned barrier, unsigned thread) {
    Switch(threads_[thread]);
    __tsan_acquire(&barriers_[barrier % 2]);
  }

 private:
  static void Switch(void* fiber) {
    const unsigned no_order = 1;
    __tsan_switch_to_fiber(fiber, no_order);
  }

  std::vector<void*> threads_;
  void* host_;
  // Their addresses are the names of an order.
  uint64_t begin_, end_, barriers_[2];
};
#else
struct Order {
  static const bool kThreadsShareStacks = true;
  void Begin(unsigned) {}
  void End() {}
  void Enter(unsigned) {}
  void Exit() {}
  void Wait(unsigned) {}
  void Pass(unsigned, unsigned) {}
};
#endif

// A block's threads, on fibers.
class Block {
 public:
  void Run(const std::function<void()>& thread) {
    started_ = ended_ = passed_ = 0;
    order_.Begin(Count());
    while (started_ < Count()) {
      Resume(
          fiber(std::allocator_arg, StackOf(started_), [&](fiber&& scheduler) {
            scheduler_ = std::move(scheduler);
            RunThreads(thread);
            return std::move(scheduler_);
          }));
    }
    while (!waiting_.empty()) PassBarrier();
    order_.End();
  }

  /// Of the thread that runs.
  void Wait() {
    const uint3 thread = threadIdx;
    const unsigned barrier = passed_;
    order_.Wait(barrier);
    scheduler_ = std::move(scheduler_).resume();
    order_.Pass(barrier, Number(thread));
    threadIdx = thread;
  }

 private:
  // A thread's own: the thread sanitizer would see two threads write to one.
  struct Stack {
    char* memory;
    boost::context::stack_context allocate() {
      boost::context::stack_context stack;
      stack.size = kStack;
      stack.sp = memory + kStack;
      return stack;
    }
    void deallocate(boost::context::stack_context&) {}
  };
  Stack StackOf(unsigned thread) {
    if (!stacks_[thread]) stacks_[thread].reset(new char[kStack]);
    return {stacks_[thread].get()};
  }

  static unsigned Count() { return blockDim.x * blockDim.y * blockDim.z; }
  static unsigned Number(const uint3& thread) {
    return (thread.z * blockDim.y + thread.y) * blockDim.x + thread.x;
  }

  // Until one waits at a barrier: then another fiber goes on with the next.
  void RunThreads(const std::function<void()>& thread) {
    do {
      const unsigned number = InOrder(started_++, Count());
      threadIdx = Index(number, blockDim);
      order_.Enter(number);
      thread();
      order_.Exit();
      ++ended_;
    } while (started_ < Count() && Order::kThreadsShareStacks);
  }

  void PassBarrier() {
    LOG_IF(FATAL, ended_ > 0)
        << "Emulated GPU: " << ended_ << " of " << Count()
        << " threads ended before a __syncthreads() at which others wait "
        << "(block " << blockIdx.x << ", " << blockIdx.y << ", " << blockIdx.z
        << ").";
    std::vector<fiber> fibers;
    fibers.swap(waiting_);
    waiting_.reserve(fibers.size());
    ++passed_;
    for (fiber& one : fibers) Resume(std::move(one));
  }

  void Resume(fiber&& one) {
    fiber rest = std::move(one).resume();
    if (rest) waiting_.push_back(std::move(rest));
  }

  std::unique_ptr<char[]> stacks_[kMostThreads];
  Order order_;
  unsigned started_, ended_, passed_;  // passed_: barriers
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

static void RunNow(const Configuration& c,
                   const std::function<void()>& thread) {
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

// ---- The default stream

static std::mutex mutex;  // of all below: kernels run one at a time
static bool queues = false;
static std::deque<std::function<void()> > queue;
static uint64_t queued = 0;  // kernels, since the program began

static void RunQueuedLocked(uint64_t until) {
  for (; !queue.empty() && queued - queue.size() < until; queue.pop_front()) {
    queue.front()();
  }
}

void Run(const Configuration& c, const std::function<void()>& thread) {
  std::lock_guard<std::mutex> lock(mutex);
  Check(c);
  if (queues) {
    queue.push_back([=] { RunNow(c, thread); });
    ++queued;
  } else {
    RunNow(c, thread);
  }
}

void QueueKernels(bool queue) {
  std::lock_guard<std::mutex> lock(mutex);
  RunQueuedLocked(queued);
  queues = queue;
}

uint64_t Queued() {
  std::lock_guard<std::mutex> lock(mutex);
  return queued;
}

void RunQueued(uint64_t until) {
  std::lock_guard<std::mutex> lock(mutex);
  RunQueuedLocked(until);
}

void* SharedMemory() {
  return shared_memory;
}

}  // namespace emulated_gpu

void __syncthreads() {
  emulated_gpu::block.Wait();
}
