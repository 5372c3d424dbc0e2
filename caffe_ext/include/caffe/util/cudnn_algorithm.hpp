#ifndef CAFFE_UTIL_CUDNN_ALGORITHM_HPP_
#define CAFFE_UTIL_CUDNN_ALGORITHM_HPP_
#ifdef USE_CUDNN

#include <vector>

#include "caffe/util/cudnn.hpp"

namespace caffe {
namespace cudnn {

/// Of cuDNN's list, fastest first, the first algorithm that works, is
/// deterministic and needs a workspace of at most `limit` bytes; without such,
/// the first that is not deterministic; without such, `otherwise`.
template <typename Algorithm, typename Performance>
Algorithm FastestWithin(const std::vector<Performance>& ranked, size_t limit,
                        Algorithm otherwise) {
  for (int exact = 1; exact >= 0; --exact) {
    for (const Performance& entry : ranked) {
      if (entry.status == CUDNN_STATUS_SUCCESS && entry.memory <= limit &&
          (!exact || entry.determinism == CUDNN_DETERMINISTIC)) {
        return entry.algo;
      }
    }
  }
  return otherwise;
}

/// The algorithm of a convolution y = conv(x, w), or of its gradients.
/// `limit`: of the workspace, in bytes.
cudnnConvolutionFwdAlgo_t forwardAlgorithm(
    cudnnHandle_t handle, cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w,
    cudnnConvolutionDescriptor_t conv, cudnnTensorDescriptor_t y, size_t limit);
cudnnConvolutionBwdFilterAlgo_t backwardFilterAlgorithm(
    cudnnHandle_t handle, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t dy,
    cudnnConvolutionDescriptor_t conv, cudnnFilterDescriptor_t dw,
    size_t limit);
cudnnConvolutionBwdDataAlgo_t backwardDataAlgorithm(
    cudnnHandle_t handle, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t dy,
    cudnnConvolutionDescriptor_t conv, cudnnTensorDescriptor_t dx,
    size_t limit);

}  // namespace cudnn
}  // namespace caffe

#endif  // USE_CUDNN
#endif  // CAFFE_UTIL_CUDNN_ALGORITHM_HPP_
