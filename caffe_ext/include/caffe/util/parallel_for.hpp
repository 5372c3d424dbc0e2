#ifndef CAFFE_UTIL_PARALLEL_FOR_HPP_
#define CAFFE_UTIL_PARALLEL_FOR_HPP_

#include <omp.h>

#include <exception>

namespace caffe {

/// work(i) for i from 0 to count - 1, shared out to threads in equal parts.
/// What is thrown must not leave a parallel region: the loop goes on, and one
/// of the exceptions is thrown behind it.
template <class Work>
void ParallelFor(int count, const Work& work,
                 int threads = omp_get_max_threads()) {
  std::exception_ptr thrown;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int i = 0; i < count; ++i) {
    try {
      work(i);
    } catch (...) {
#pragma omp critical
      thrown = std::current_exception();
    }
  }
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace caffe

#endif  // CAFFE_UTIL_PARALLEL_FOR_HPP_
