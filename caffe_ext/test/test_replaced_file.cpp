#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

#include "caffe/common.hpp"
#include "caffe/proto/caffe.pb.h"
#include "caffe/util/io.hpp"
#include "caffe/util/replaced_file.hpp"

#include "caffe/test/test_caffe_main.hpp"

namespace caffe {

class ReplacedFileTest : public ::testing::Test {
 protected:
  ReplacedFileTest() {
    MakeTempDir(&folder_);
    name_ = folder_ + "/mean.binaryproto";
    WriteMean(1);
  }

  void WriteMean(float value) {
    BlobProto mean;
    for (int i = 0; i < 5000; ++i) mean.add_data(value);
    WriteProtoToBinaryFile(mean, name_);
  }

  // What a reader of the name finds.
  float Mean() {
    BlobProto mean;
    ReadProtoFromBinaryFileOrDie(name_, &mean);
    EXPECT_EQ(5000, mean.data_size());
    return mean.data(0);
  }

  static void LimitFileSize(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    limit.rlim_cur = limit.rlim_max = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }

  static bool Exists(const string& path) {
    struct stat status;
    return stat(path.c_str(), &status) == 0;
  }

  string folder_, name_;
};

TEST_F(ReplacedFileTest, TestReplaces) {
  WriteMean(2);
  EXPECT_EQ(2, Mean());
  EXPECT_FALSE(Exists(ReplacedFile(name_).temporary_name()));
}

TEST_F(ReplacedFileTest, TestKilledWhileWriting) {
  ReplacedFile file(name_);
  std::ofstream(file.temporary_name().c_str()) << "half";
  EXPECT_EQ(1, Mean());  // no Commit: the old file stands
  WriteMean(2);
  EXPECT_EQ(2, Mean());
}

// A limit on a file's size fails a write as a full disk does.
TEST_F(ReplacedFileTest, TestNoRoomDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "fast";  // no threads in this test
  EXPECT_DEATH(
      LimitFileSize(1000);
      WriteMean(2),
      "Cannot write .*mean.binaryproto .*; make sure that its folder exists");
  EXPECT_EQ(1, Mean());
  EXPECT_FALSE(Exists(ReplacedFile(name_).temporary_name()));
}

TEST_F(ReplacedFileTest, TestMissingFolderDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "fast";
  name_ = folder_ + "/nowhere/mean.binaryproto";
  EXPECT_DEATH(WriteMean(2),
               "Cannot write .*nowhere.*No such file or directory");
}

}  // namespace caffe
