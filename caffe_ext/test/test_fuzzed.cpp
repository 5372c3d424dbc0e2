#include <dirent.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "boost/filesystem.hpp"
#include "gtest/gtest.h"

#include "caffe/common.hpp"
#include "caffe/util/io.hpp"

#include "caffe/test/test_caffe_main.hpp"
#include "reliability/fuzz_caffe.hpp"

namespace caffe {

// What `make fuzz` begins with and what it found, in tests/data/fuzz, read
// once. Of what was found, refused_* must end in a sentence; found_* may be
// read.
class FuzzedTest : public ::testing::TestWithParam<string> {
 public:
  static void SetUpTestCase() {
    CHECK(getcwd(home_, sizeof(home_)));
    MakeTempDir(&Folder());
    CHECK_EQ(chdir(Folder().c_str()), 0);
  }
  static void TearDownTestCase() {
    CHECK_EQ(chdir(home_), 0);
    boost::filesystem::remove_all(Folder());
  }

 protected:
  void SetUp() override {
    Caffe::set_mode(Caffe::CPU);
    ThrowFatalMessages(true);
  }
  void TearDown() override { ThrowFatalMessages(false); }

  static string Read(const string& file) {
    std::ostringstream content;
    content << std::ifstream(file, std::ios::binary).rdbuf();
    return content.str();
  }

  // By name.
  static std::map<string, string> Inputs(const string& target) {
    std::map<string, string> inputs;
    const string folder = string(FUZZ_SEEDS) + "/" + target;
    DIR* files = opendir(folder.c_str());
    CHECK(files) << folder;
    while (const dirent* file = readdir(files)) {
      const string name = file->d_name;
      if (name[0] != '.') inputs[name] = Read(folder + "/" + name);
    }
    closedir(files);
    return inputs;
  }

  static string& Folder() {  // that the inputs are written to
    static string folder;
    return folder;
  }

  static char home_[4096];
};

char FuzzedTest::home_[4096];

TEST_P(FuzzedTest, TestInputs) {
  for (const auto& input : Inputs(GetParam())) {
    SCOPED_TRACE(input.first);
    string refused;
    EXPECT_NO_THROW(refused = Fuzz(GetParam(), input.second));
    if (input.first.compare(0, 8, "refused_") == 0) {
      EXPECT_NE(refused, "");
    } else if (input.first.compare(0, 6, "found_") != 0) {
      EXPECT_EQ(refused, "");
    }
  }
}

INSTANTIATE_TEST_CASE_P(Of, FuzzedTest, ::testing::ValuesIn(FuzzTargets()));

}  // namespace caffe
