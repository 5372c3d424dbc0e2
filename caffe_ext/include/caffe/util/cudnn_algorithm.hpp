#ifndef CAFFE_UTIL_CUDNN_ALGORITHM_HPP_
#define CAFFE_UTIL_CUDNN_ALGORITHM_HPP_
#ifdef USE_CUDNN

#include <stdint.h>

#include <functional>
#include <map>
#include <vector>

#include "caffe/util/cudnn.hpp"

namespace caffe {
namespace cudnn {

/// Of cuDNN's list, fastest first, the first algorithm that works and needs a
/// workspace of at most `limit` bytes, or NULL. One that gives the same bits
/// each time comes before all that do not; what was ranked for another
/// arithmetic (TF32 where FP32 is asked for, `math`) counts only where nothing
/// was ranked for that one.
template <typename Performance>
const Performance* FastestWithin(const std::vector<Performance>& ranked,
                                 size_t limit, cudnnMathType_t math) {
  for (const bool same_math : {true, false}) {
    for (const bool exact : {true, false}) {
      for (const Performance& entry : ranked) {
        if (entry.status == CUDNN_STATUS_SUCCESS && entry.memory <= limit &&
            (!same_math || entry.mathType == math) &&
            (!exact || entry.determinism == CUDNN_DETERMINISTIC)) {
          return &entry;
        }
      }
    }
  }
  return NULL;
}

/// All that the choice of an algorithm hangs on, but for the device.
typedef std::vector<int64_t> ConvolutionKey;
ConvolutionKey KeyOf(cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w,
                     cudnnConvolutionDescriptor_t conv,
                     cudnnTensorDescriptor_t y);

/// Algorithms by key: each is chosen once.
template <typename Algorithm>
class Choices {
 public:
  Algorithm Get(const ConvolutionKey& key,
                const std::function<Algorithm()>& choose) {
    const auto found = chosen_.find(key);
    if (found != chosen_.end()) return found->second;
    return chosen_[key] = choose();
  }

 private:
  std::map<ConvolutionKey, Algorithm> chosen_;
};

/// The algorithm of a convolution y = conv(x, w), or of its gradients, by
/// GetCudnnOptions(). Chosen once in a thread for each shape and device; a log
/// line says where there is none that gives the same bits each time.
cudnnConvolutionFwdAlgo_t forwardAlgorithm(cudnnHandle_t handle,
                                           cudnnTensorDescriptor_t x,
                                           cudnnFilterDescriptor_t w,
                                           cudnnConvolutionDescriptor_t conv,
                                           cudnnTensorDescriptor_t y);
cudnnConvolutionBwdFilterAlgo_t backwardFilterAlgorithm(
    cudnnHandle_t handle, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t dy,
    cudnnConvolutionDescriptor_t conv, cudnnFilterDescriptor_t dw);
cudnnConvolutionBwdDataAlgo_t backwardDataAlgorithm(
    cudnnHandle_t handle, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t dy,
    cudnnConvolutionDescriptor_t conv, cudnnTensorDescriptor_t dx);

/// GPU memory of at least so many bytes that this thread's convolutions share,
/// since one layer's work follows the other's: to be asked for before each use,
/// as a larger one takes its place. NULL, and no error left, where the memory
/// does not suffice.
char* Workspace(size_t bytes);

}  // namespace cudnn
}  // namespace caffe

#endif  // USE_CUDNN
#endif  // CAFFE_UTIL_CUDNN_ALGORITHM_HPP_
