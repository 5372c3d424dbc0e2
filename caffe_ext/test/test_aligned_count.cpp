#include "gtest/gtest.h"

#include "caffe/util/aligned_count.hpp"

#include "caffe/test/test_caffe_main.hpp"

namespace caffe {

TEST(AlignedCountTest, TestNextBlobIsAligned) {
  EXPECT_EQ(0, AlignedCount<float>(0));
  EXPECT_EQ(64, AlignedCount<float>(1));
  EXPECT_EQ(64, AlignedCount<float>(64));
  EXPECT_EQ(128, AlignedCount<float>(65));
  EXPECT_EQ(32, AlignedCount<double>(1));
}

}  // namespace caffe
