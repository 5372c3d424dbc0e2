#ifdef USE_CUDNN
#include <vector>

#include "gtest/gtest.h"

#include "caffe/util/cudnn_algorithm.hpp"

#include "caffe/test/test_caffe_main.hpp"

namespace caffe {

class CudnnAlgorithmTest : public ::testing::Test {
 protected:
  void Rank(cudnnConvolutionBwdFilterAlgo_t algorithm, size_t memory,
            bool deterministic, cudnnStatus_t status = CUDNN_STATUS_SUCCESS) {
    cudnnConvolutionBwdFilterAlgoPerf_t entry = {};
    entry.algo = algorithm;
    entry.status = status;
    entry.memory = memory;
    entry.determinism =
        deterministic ? CUDNN_DETERMINISTIC : CUDNN_NON_DETERMINISTIC;
    ranked_.push_back(entry);
  }
  cudnnConvolutionBwdFilterAlgo_t Choose(size_t limit) {
    return cudnn::FastestWithin(ranked_, limit,
                                CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0);
  }
  vector<cudnnConvolutionBwdFilterAlgoPerf_t> ranked_;
};

TEST_F(CudnnAlgorithmTest, TestFirstDeterministicWithinTheLimit) {
  Rank(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3, 0, false);
  Rank(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT, 100, true);
  Rank(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, 10, true);
  Rank(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0, 0, false);
  EXPECT_EQ(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT, Choose(100));
  EXPECT_EQ(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, Choose(99));
  EXPECT_EQ(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3, Choose(9));
}

TEST_F(CudnnAlgorithmTest, TestWhatDoesNotWorkIsNotChosen) {
  Rank(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, 0, true,
       CUDNN_STATUS_NOT_SUPPORTED);
  Rank(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3, 100, false);
  EXPECT_EQ(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3, Choose(100));
  EXPECT_EQ(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0, Choose(99));
}

}  // namespace caffe
#endif  // USE_CUDNN
