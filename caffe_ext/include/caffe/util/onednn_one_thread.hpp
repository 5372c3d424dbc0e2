#ifndef CAFFE_UTIL_ONEDNN_ONE_THREAD_HPP_
#define CAFFE_UTIL_ONEDNN_ONE_THREAD_HPP_
#ifdef USE_ONEDNN

#include <omp.h>

#include "caffe/util/onednn.hpp"

namespace caffe {
namespace onednn {

/**
 * What is described while one of these lives runs on the thread that calls it.
 * oneDNN settles a primitive's threads with its description; one for two
 * threads that is called inside a parallel region waits for the second for
 * ever.
 */
class OneThread {
 public:
  OneThread() : threads_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(threads_); }

 private:
  int threads_;

  DISABLE_COPY_AND_ASSIGN(OneThread);
};

/// A primitive that is kept, as it is called too often to be made anew.
struct KeptPrimitive {
  dnnl::primitive primitive;
  dnnl::primitive_desc_base description;

  void Run(const Arguments& arguments) const {
    onednn::Run(primitive, description, arguments);
  }
};

template <class Primitive>
KeptPrimitive Keep(const typename Primitive::primitive_desc& description) {
  return {Primitive(description), description};
}

}  // namespace onednn
}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_UTIL_ONEDNN_ONE_THREAD_HPP_
