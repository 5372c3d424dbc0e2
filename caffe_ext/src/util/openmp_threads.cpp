#include "caffe/util/openmp_threads.hpp"

#include <omp.h>
#include <pthread.h>

namespace caffe {

static thread_local bool has_computed = false;

void AskForNoMoreThreadsThanThereAre() {
  has_computed = true;
  omp_set_dynamic(0);
  if (omp_get_max_threads() > omp_get_thread_limit()) {
    omp_set_num_threads(omp_get_thread_limit());
  }
}

// gcc's OpenMP takes the threads of the process that was forked for its own,
// and waits for them for ever. (clang's looks after itself.)
static void ComputeAloneBehindFork() {
  if (has_computed) omp_set_num_threads(1);
}

static const int registered =
    pthread_atfork(nullptr, nullptr, &ComputeAloneBehindFork);

}  // namespace caffe
