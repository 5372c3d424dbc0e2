#include "caffe/util/errors.hpp"

#include <omp.h>
#include <stdio.h>
#include <unistd.h>

#include <climits>
#include <string>
#include <thread>  // NOLINT(build/c++11)
#include <vector>

#include <google/protobuf/stubs/logging.h>
#include "gtest/gtest.h"

#include "caffe/blob.hpp"
#include "caffe/common.hpp"
#include "caffe/internal_thread.hpp"
#include "caffe/proto/caffe.pb.h"
#include "caffe/util/io.hpp"
#include "caffe/util/parallel_for.hpp"

#include "caffe/test/test_caffe_main.hpp"

namespace caffe {

class ErrorsTest : public ::testing::Test {
 protected:
  void TearDown() override { ThrowFatalMessages(false); }

  // What is thrown, or "".
  template <class Work>
  static string Thrown(const Work& work) {
    ThrowFatalMessages(true);
    try {
      work();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
};

// LOG(FATAL) ends a program with its sentence and status 1, and no trace.
TEST_F(ErrorsTest, TestEndDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "fast";
  EXPECT_EXIT(LOG(FATAL) << "a user's mistake", ::testing::ExitedWithCode(1),
              "a user's mistake\n$");
  EXPECT_EXIT(CHECK_EQ(1 + 1, 3) << "a user's mistake",
              ::testing::ExitedWithCode(1),
              "Check failed: 1 . 1 == 3 \\(2 vs. 3\\) a user's mistake\n$");
  EXPECT_EXIT(FailForMemory("a user's mistake"), ::testing::ExitedWithCode(1),
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

TEST_F(ErrorsTest, TestBesideAReaderDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "fast";
  EXPECT_EXIT(FailBesideAReader(), ::testing::ExitedWithCode(1),
              "a user's mistake\n$");
}

TEST_F(ErrorsTest, TestMessagesAreThrown) {
  int *none = NULL, some = 3;
  EXPECT_EQ("a user's 1", Thrown([] { LOG(FATAL) << "a user's " << 1; }));
  EXPECT_EQ("mistake", Thrown([] { LOG_IF(FATAL, true) << "mistake"; }));
  EXPECT_EQ("", Thrown([] { LOG_IF(FATAL, false) << "mistake"; }));
  EXPECT_EQ("Check failed: some < 3 text",
            Thrown([&] { CHECK(some < 3) << "text"; }));
  EXPECT_EQ("Check failed: some < 3 (3 vs. 3) text",
            Thrown([&] { CHECK_LT(some, 3) << "text"; }));
  EXPECT_EQ("'none' Must be non NULL", Thrown([&] { CHECK_NOTNULL(none); }));
  EXPECT_EQ("", Thrown([&] { EXPECT_EQ(&some, CHECK_NOTNULL(&some)); }));
  EXPECT_EQ("protobuf: broken", Thrown([] { GOOGLE_LOG(FATAL) << "broken"; }));
  EXPECT_THROW(FailForMemory("too much"), OutOfMemory);
}

TEST_F(ErrorsTest, TestWhatCannotBeThrownDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "fast";
  ThrowFatalMessages(true);
  EXPECT_EXIT(EndProgram("the end"), ::testing::ExitedWithCode(1),
              "the end\n$");
  struct Failing {
    ~Failing() noexcept(false) { LOG(FATAL) << "the second"; }
  };
  const auto fail_twice = [] {
    Failing failing;
    LOG(FATAL) << "the first";
  };
  EXPECT_EXIT(fail_twice(), ::testing::ExitedWithCode(1), "the second\n$");
  class FailingThread : public InternalThread {
    void InternalThreadEntry() override { LOG(FATAL) << "of a thread"; }
  } thread;
  const auto run = [&] {
    thread.StartInternalThread();
    thread.StopInternalThread();
  };
  EXPECT_EXIT(run(), ::testing::ExitedWithCode(1), "of a thread\n$");
}

TEST_F(ErrorsTest, TestOutOfAParallelRegion) {
  const int threads = omp_get_max_threads();
  omp_set_num_threads(4);
  std::vector<int> done(100);
  const auto fail_in_one = [&] {
    ParallelFor(100, [&](int i) {
      done[i] = omp_get_num_threads();
      CHECK_NE(i, 50) << "an iteration";
    });
  };
  EXPECT_EQ("Check failed: i != 50 (50 vs. 50) an iteration",
            Thrown(fail_in_one));
  EXPECT_EQ(std::vector<int>(100, done[0]), done);
  ParallelFor(0, [](int) { ADD_FAILURE(); });
  omp_set_num_threads(threads);
}

// Its memory would be smaller than its shape.
TEST_F(ErrorsTest, TestARefusedShapeLeavesTheBlob) {
  Blob<float> blob(2, 3, 4, 5);
  const vector<int> shape = blob.shape();
  for (const vector<int>& refused :
       {vector<int>{2, 300, -1, 5}, {2, 3, 100000, 100000}}) {
    EXPECT_NE("", Thrown([&] { blob.Reshape(refused); }));
    EXPECT_EQ(shape, blob.shape());
    EXPECT_EQ(120, blob.count());
  }
}

// Three gigabytes of one blob, which is there once.
TEST_F(ErrorsTest, TestMoreThanABinaryProtobufHolds) {
  const int kCopies = 3 << 10;
  BlobProto blob;
  blob.mutable_data()->Resize(1 << 18, 1);
  LayerParameter layer;
  for (int i = 0; i < kCopies; ++i) {
    layer.mutable_blobs()->UnsafeArenaAddAllocated(&blob);
  }
  string file;
  MakeTempFilename(&file);
  remove(file.c_str());
  const string text = Thrown([&] { WriteProtoToBinaryFile(layer, file); });
  EXPECT_EQ(0, text.find("Cannot write " + file + ": it would have 322"))
      << text;
  for (int i = 0; i < kCopies; ++i) {
    layer.mutable_blobs()->UnsafeArenaReleaseLast();
  }
  EXPECT_NE(0, access(file.c_str(), F_OK));
}

}  // namespace caffe
