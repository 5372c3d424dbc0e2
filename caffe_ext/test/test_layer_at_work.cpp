#include <vector>

#include "gtest/gtest.h"

#include "caffe/blob.hpp"
#include "caffe/util/layer_at_work.hpp"

#include "caffe/test/test_caffe_main.hpp"

namespace caffe {

TEST(LayerAtWorkTest, TestNestsAndKeepsTheBatch) {
  Blob<float> images(12, 3, 2, 2), unshaped;
  const vector<Blob<float>*> input(1, &images), none, unknown(1, &unshaped);
  {
    LayerAtWork outer("conv1", input);
    EXPECT_EQ("in layer 'conv1'", LayerAtWork::Where());
    EXPECT_EQ(12, LayerAtWork::batch());
    {
      LayerAtWork inner("unrolled", none);
      EXPECT_EQ("in layer 'unrolled'", LayerAtWork::Where());
      EXPECT_EQ(0, LayerAtWork::batch());
    }
    EXPECT_EQ("in layer 'conv1'", LayerAtWork::Where());
    EXPECT_EQ(12, LayerAtWork::batch());
  }
  EXPECT_EQ("outside the layers", LayerAtWork::Where());
  EXPECT_EQ(12, LayerAtWork::batch());
  LayerAtWork first("data", unknown);
  EXPECT_EQ(0, LayerAtWork::batch());
}

}  // namespace caffe
