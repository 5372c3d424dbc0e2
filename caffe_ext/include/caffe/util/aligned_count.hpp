#ifndef CAFFE_UTIL_ALIGNED_COUNT_HPP_
#define CAFFE_UTIL_ALIGNED_COUNT_HPP_

#include <stddef.h>

namespace caffe {

/// How many values a blob of `count` takes in a buffer of several, so that the
/// next one is aligned as cudaMalloc aligns memory.
template <typename Dtype>
size_t AlignedCount(size_t count) {
  const size_t step = 256 / sizeof(Dtype);
  return (count + step - 1) / step * step;
}

}  // namespace caffe

#endif  // CAFFE_UTIL_ALIGNED_COUNT_HPP_
