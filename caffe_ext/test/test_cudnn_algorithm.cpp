#ifdef USE_CUDNN
#include <vector>

#include "gtest/gtest.h"

#include "caffe/util/cudnn_algorithm.hpp"
#include "caffe/util/cudnn_options.hpp"

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
    entry.mathType = CUDNN_FMA_MATH;
    entry.determinism =
        deterministic ? CUDNN_DETERMINISTIC : CUDNN_NON_DETERMINISTIC;
    ranked_.push_back(entry);
  }
  // -1: none
  int Choose(size_t limit, cudnnMathType_t math = CUDNN_FMA_MATH) {
    const auto* best = cudnn::FastestWithin(ranked_, limit, math);
    return best ? best->algo : -1;
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
  EXPECT_EQ(-1, Choose(99));
}

TEST_F(CudnnAlgorithmTest, TestRankedForTheArithmeticThatIsAskedFor) {
  Rank(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, 0, true);
  Rank(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3, 0, true);
  ranked_[0].mathType = CUDNN_DEFAULT_MATH;
  EXPECT_EQ(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3, Choose(0));
  EXPECT_EQ(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, Choose(0, CUDNN_DEFAULT_MATH));
  ranked_.resize(1);
  EXPECT_EQ(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, Choose(0));
}

TEST(CudnnChoicesTest, TestEachKeyIsAskedForOnce) {
  cudnn::Choices<int> choices;
  int asked = 0;
  const auto choose = [&] { return ++asked; };
  EXPECT_EQ(1, choices.Get({1, 2}, choose));
  EXPECT_EQ(2, choices.Get({1, 3}, choose));
  EXPECT_EQ(1, choices.Get({1, 2}, choose));
}

// Of `images` planes of 8 x 8, padded by `pad`.
static cudnn::ConvolutionKey Key(int images, int pad, bool fma = true) {
  cudnnTensorDescriptor_t x, y;
  cudnnFilterDescriptor_t w;
  cudnnConvolutionDescriptor_t conv;
  cudnn::createTensor4dDesc<float>(&x);
  cudnn::createTensor4dDesc<float>(&y);
  cudnn::createFilterDesc<float>(&w, 1, 1, 3, 3);
  cudnn::createConvolutionDesc<float>(&conv);
  const int side = 6 + 2 * pad;
  cudnn::setTensor4dDesc<float>(&x, images, 1, 8, 8);
  cudnn::setTensor4dDesc<float>(&y, images, 1, side, side);
  cudnn::setConvolutionDesc<float>(&conv, x, w, pad, pad, 1, 1);
  if (!fma) {
    CUDNN_CHECK(cudnnSetConvolutionMathType(conv, CUDNN_DEFAULT_MATH));
  }
  const cudnn::ConvolutionKey key = cudnn::KeyOf(x, w, conv, y);
  cudnnDestroyTensorDescriptor(x);
  cudnnDestroyTensorDescriptor(y);
  cudnnDestroyFilterDescriptor(w);
  cudnnDestroyConvolutionDescriptor(conv);
  return key;
}

TEST(CudnnChoicesTest, TestKeys) {
  const cudnn::ConvolutionKey key = Key(2, 1);
  EXPECT_EQ(key, Key(2, 1));
  EXPECT_NE(key, Key(3, 1));
  EXPECT_NE(key, Key(2, 0));
  EXPECT_NE(key, Key(2, 1, false));
  const size_t limit = GetCudnnOptions().workspace;
  GetCudnnOptions().workspace = limit / 2;
  EXPECT_NE(key, Key(2, 1));
  GetCudnnOptions().workspace = limit;
}

}  // namespace caffe
#endif  // USE_CUDNN
