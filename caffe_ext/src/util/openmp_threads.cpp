#include "caffe/util/openmp_threads.hpp"

#include <omp.h>

namespace caffe {

void AskForNoMoreThreadsThanThereAre() {
  omp_set_dynamic(0);
  if (omp_get_max_threads() > omp_get_thread_limit()) {
    omp_set_num_threads(omp_get_thread_limit());
  }
}

}  // namespace caffe
