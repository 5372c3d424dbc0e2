#ifndef CAFFE_UTIL_OPENMP_THREADS_HPP_
#define CAFFE_UTIL_OPENMP_THREADS_HPP_

namespace caffe {

/**
 * @brief Makes the calling thread's parallel regions ask for as many threads as
 *        OpenMP gives: OMP_THREAD_LIMIT at most, and OMP_DYNAMIC off.
 *
 * OpenBLAS shares a product among the threads that it asks for, which wait for
 * each other; where there are fewer, it takes minutes or never ends. Caffe
 * calls this for each of its threads.
 *
 * In a process that is forked from such a thread (multiprocessing in Python)
 * it computes alone: OpenMP's other threads are not there.
 */
void AskForNoMoreThreadsThanThereAre();

}  // namespace caffe

#endif  // CAFFE_UTIL_OPENMP_THREADS_HPP_
