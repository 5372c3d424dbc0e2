#ifdef USE_CUDNN
#include "caffe/util/cudnn_algorithm.hpp"

#include <vector>

#include "caffe/common.hpp"

namespace caffe {
namespace cudnn {

cudnnConvolutionFwdAlgo_t forwardAlgorithm(cudnnHandle_t handle,
                                           cudnnTensorDescriptor_t x,
                                           cudnnFilterDescriptor_t w,
                                           cudnnConvolutionDescriptor_t conv,
                                           cudnnTensorDescriptor_t y,
                                           size_t limit) {
  int count = CUDNN_CONVOLUTION_FWD_ALGO_COUNT;
  vector<cudnnConvolutionFwdAlgoPerf_t> ranked(count);
  CUDNN_CHECK(cudnnGetConvolutionForwardAlgorithm_v7(
      handle, x, w, conv, y, count, &count, ranked.data()));
  ranked.resize(count);
  return FastestWithin(ranked, limit, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM);
}

cudnnConvolutionBwdFilterAlgo_t backwardFilterAlgorithm(
    cudnnHandle_t handle, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t dy,
    cudnnConvolutionDescriptor_t conv, cudnnFilterDescriptor_t dw,
    size_t limit) {
  int count = CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT;
  vector<cudnnConvolutionBwdFilterAlgoPerf_t> ranked(count);
  CUDNN_CHECK(cudnnGetConvolutionBackwardFilterAlgorithm_v7(
      handle, x, dy, conv, dw, count, &count, ranked.data()));
  ranked.resize(count);
  return FastestWithin(ranked, limit, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0);
}

cudnnConvolutionBwdDataAlgo_t backwardDataAlgorithm(
    cudnnHandle_t handle, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t dy,
    cudnnConvolutionDescriptor_t conv, cudnnTensorDescriptor_t dx,
    size_t limit) {
  int count = CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT;
  vector<cudnnConvolutionBwdDataAlgoPerf_t> ranked(count);
  CUDNN_CHECK(cudnnGetConvolutionBackwardDataAlgorithm_v7(
      handle, w, dy, conv, dx, count, &count, ranked.data()));
  ranked.resize(count);
  return FastestWithin(ranked, limit, CUDNN_CONVOLUTION_BWD_DATA_ALGO_0);
}

}  // namespace cudnn
}  // namespace caffe
#endif  // USE_CUDNN
