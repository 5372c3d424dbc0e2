#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>  // NOLINT(build/c++11)
#include <thread>  // NOLINT(build/c++11)
#include <vector>

#include "caffe/blob.hpp"
#include "caffe/util/private_data.hpp"

namespace caffe {

// Holds its values last to first.
class Reversed : public PrivateData {
 public:
  explicit Reversed(const vector<float>& values)
      : values_(values.rbegin(), values.rend()) {}
  virtual void CopyTo(void* plain, size_t bytes) const {
    ASSERT_LE(values_.size() * sizeof(float), bytes);
    std::reverse_copy(values_.begin(), values_.end(),
                      static_cast<float*>(plain));
  }

 private:
  const vector<float> values_;
};

class PrivateDataTest : public ::testing::Test {
 protected:
  PrivateDataTest() : blob_(vector<int>(1, 3)) {
    blob_.data()->set_private_data(
        shared_ptr<PrivateData>(new Reversed({1, 2, -4})));
  }
  Blob<float> blob_;
};

TEST_F(PrivateDataTest, ReaderGetsPlainValues) {
  const float* values = blob_.cpu_data();
  EXPECT_EQ(vector<float>({1, 2, -4}), vector<float>(values, values + 3));
}

TEST_F(PrivateDataTest, WriterGetsPlainValues) {
  float* values = blob_.mutable_cpu_data();
  EXPECT_EQ(vector<float>({1, 2, -4}), vector<float>(values, values + 3));
  values[1] = 7;
  EXPECT_EQ(7, blob_.cpu_data()[1]);
}

TEST_F(PrivateDataTest, PlainPointerMakesPlainForGood) {
  EXPECT_TRUE(blob_.data()->may_be_private());
  blob_.cpu_data();
  EXPECT_FALSE(blob_.data()->private_data());
  EXPECT_FALSE(blob_.data()->may_be_private());
  EXPECT_DEATH(blob_.data()->set_private_data(
                   shared_ptr<PrivateData>(new Reversed({1, 2, 3}))),
               "plain pointer");
}

TEST_F(PrivateDataTest, DiffIsApart) {
  EXPECT_EQ(0, blob_.cpu_diff()[0]);
  EXPECT_TRUE(blob_.data()->private_data().get() != NULL);
}

TEST_F(PrivateDataTest, AbsoluteSum) {
  EXPECT_EQ(7, blob_.asum_data());
}

TEST_F(PrivateDataTest, SumOfSquares) {
  EXPECT_EQ(21, blob_.sumsq_data());
}

TEST_F(PrivateDataTest, Scale) {
  blob_.scale_data(2);
  EXPECT_EQ(-8, blob_.cpu_data()[2]);
}

TEST_F(PrivateDataTest, Update) {
  blob_.mutable_cpu_diff()[0] = 5;
  blob_.Update();
  EXPECT_EQ(-4, blob_.cpu_data()[0]);
  EXPECT_EQ(2, blob_.cpu_data()[1]);
}

TEST_F(PrivateDataTest, CopyFrom) {
  Blob<float> copy(vector<int>(1, 3));
  copy.CopyFrom(blob_);
  EXPECT_EQ(-4, copy.cpu_data()[2]);
}

TEST_F(PrivateDataTest, ToProto) {
  BlobProto proto;
  blob_.ToProto(&proto);
  EXPECT_EQ(-4, proto.data(2));
}

TEST_F(PrivateDataTest, SharedDataIsOne) {
  Blob<float> other(vector<int>(1, 3));
  other.ShareData(blob_);
  EXPECT_EQ(2, other.cpu_data()[1]);
  EXPECT_FALSE(blob_.data()->private_data());
  EXPECT_EQ(2, blob_.cpu_data()[1]);
}

// Takes its time, so that another thread comes meanwhile.
class Slow : public PrivateData {
 public:
  explicit Slow(std::atomic<int>* copies) : copies_(copies) {}
  virtual void CopyTo(void* plain, size_t) const {
    ++*copies_;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    *static_cast<float*>(plain) = 7;
  }

 private:
  std::atomic<int>* copies_;
};

TEST_F(PrivateDataTest, FirstReadersAtOnce) {
  std::atomic<int> copies(0);
  Blob<float> blob(vector<int>(1, 1));
  blob.data()->set_private_data(shared_ptr<PrivateData>(new Slow(&copies)));
  float values[4] = {};
  vector<std::thread> readers;
  for (float& value : values) {
    readers.emplace_back([&] { value = blob.cpu_data()[0]; });
  }
  for (std::thread& reader : readers) reader.join();
  for (float value : values) EXPECT_EQ(7, value);
  EXPECT_EQ(1, copies);
}

TEST_F(PrivateDataTest, OtherShapeKeepsTheOrder) {
  blob_.Reshape({1, 2});
  EXPECT_EQ(2, blob_.cpu_data()[1]);
  blob_.Reshape({3, 1});
  EXPECT_EQ(-4, blob_.cpu_data()[2]);
}

TEST_F(PrivateDataTest, RestOfTheMemoryIsZero) {
  Blob<float> larger(vector<int>(1, 5));
  larger.data()->set_private_data(
      shared_ptr<PrivateData>(new Reversed({1, 2, 3})));
  EXPECT_EQ(3, larger.cpu_data()[2]);
  EXPECT_EQ(0, larger.cpu_data()[4]);
}

TEST_F(PrivateDataTest, ForeignMemoryReplacesTheValues) {
  float values[] = {9, 8, 7};
  blob_.set_cpu_data(values);
  EXPECT_FALSE(blob_.data()->private_data());
  EXPECT_FALSE(blob_.data()->may_be_private());
  EXPECT_EQ(values, blob_.cpu_data());
}

}  // namespace caffe
