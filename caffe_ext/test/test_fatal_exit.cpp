#include <stdio.h>
#include <unistd.h>

#include <thread>  // NOLINT(build/c++11)

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

// A thread that waits for input holds its stream's lock.
static void FailBesideAReader() {
  int ends[2];
  CHECK_EQ(pipe(ends), 0);
  FILE* input = fdopen(ends[0], "r");
  std::thread([input] { fgetc(input); }).detach();
  while (ftrylockfile(input) == 0) {
    funlockfile(input);
    usleep(1000);
  }
  alarm(20);  // ends a program that hangs, with another status
  LOG(FATAL) << "a user's mistake";
}

TEST(FatalExitTest, TestBesideAReaderDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "fast";
  EXPECT_EXIT(FailBesideAReader(), ::testing::ExitedWithCode(1),
              "a user's mistake\n$");
}

}  // namespace caffe
