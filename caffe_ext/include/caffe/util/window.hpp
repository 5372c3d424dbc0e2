#ifndef CAFFE_UTIL_WINDOW_HPP_
#define CAFFE_UTIL_WINDOW_HPP_

#include <stdint.h>

#include <string>

#include "caffe/common.hpp"

namespace caffe {

/// Fails (LOG(FATAL)) where a window's padding, or its kernel times dilation,
/// is so large (2^28) that its places would be beyond an int.
inline void CheckWindow(const std::string& layer, int64_t pad, int64_t kernel,
                        int64_t dilation = 1) {
  const int64_t kMost = 1 << 28;
  LOG_IF(FATAL, pad < 0 || pad > kMost || dilation > kMost ||
                    kernel * dilation > kMost)
      << "Layer '" << layer << "': a pad of " << pad << ", a kernel of "
      << kernel << " and a dilation of " << dilation << " are too large.";
}

}  // namespace caffe

#endif  // CAFFE_UTIL_WINDOW_HPP_
