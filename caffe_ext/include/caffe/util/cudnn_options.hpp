#ifndef CAFFE_UTIL_CUDNN_OPTIONS_HPP_
#define CAFFE_UTIL_CUDNN_OPTIONS_HPP_

#include <stddef.h>

namespace caffe {

/// How cuDNN's convolutions choose among its algorithms. Holds for layers that
/// are set up afterwards.
struct CudnnOptions {
  /// Bytes that one algorithm may use besides its blobs.
  size_t workspace = size_t(1) << 30;
  /// Take the algorithm that was fastest when tried, not the one that cuDNN
  /// expects to be: another run may then take another one, and round otherwise.
  bool measure = false;
};

CudnnOptions& GetCudnnOptions();

}  // namespace caffe

#endif  // CAFFE_UTIL_CUDNN_OPTIONS_HPP_
