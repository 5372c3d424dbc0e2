#ifndef CAFFE_UTIL_USABLE_GPU_HPP_
#define CAFFE_UTIL_USABLE_GPU_HPP_

#include <string>

namespace caffe {

/// Why GPU `device` cannot be used here, in one sentence with the remedy; empty
/// where it can. CUDA's current device stays what it is; therefore only of that
/// one is asked whether this build has code for it. Caffe::SetDevice asks of
/// any.
std::string GPUProblem(int device = 0);

}  // namespace caffe

#endif  // CAFFE_UTIL_USABLE_GPU_HPP_
