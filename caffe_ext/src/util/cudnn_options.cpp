#include "caffe/util/cudnn_options.hpp"

namespace caffe {

CudnnOptions& GetCudnnOptions() {
  static CudnnOptions options;
  return options;
}

}  // namespace caffe
