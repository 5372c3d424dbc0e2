#include "gtest/gtest.h"

#include "caffe/common.hpp"

#include "caffe/test/test_caffe_main.hpp"

namespace caffe {

// LOG(FATAL) ends a program with its sentence and status 1, and no trace.
TEST(FatalExitTest, TestDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "fast";
  EXPECT_EXIT(LOG(FATAL) << "a user's mistake", ::testing::ExitedWithCode(1),
              "a user's mistake\n$");
}

}  // namespace caffe
