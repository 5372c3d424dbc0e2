#ifndef CAFFE_UTIL_USABLE_GPU_HPP_
#define CAFFE_UTIL_USABLE_GPU_HPP_

namespace caffe {

/// Whether this build has CUDA and this machine a GPU that answers.
bool HasUsableGPU();

}  // namespace caffe

#endif  // CAFFE_UTIL_USABLE_GPU_HPP_
