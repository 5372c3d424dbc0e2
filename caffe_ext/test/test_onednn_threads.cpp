#ifdef USE_ONEDNN
#include <gtest/gtest.h>
#include <omp.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "caffe/util/onednn_primitive.hpp"
#include "onednn_net_fixture.hpp"  // NOLINT(build/include_subdir)

namespace caffe {

// A primitive that waits for threads that are not there hangs: SIGALRM then
// ends the runner.
class OneDNNThreadsTest : public OneDNNNetTest {
 protected:
  OneDNNThreadsTest() : two_(2) {}
  virtual void SetUp() {
    OneDNNNetTest::SetUp();
    alarm(300);
    Create({3, 3, 23, 19}, kNetwork);
    Iterate();
  }
  virtual void TearDown() { alarm(0); }

  const onednn::ThreadCount two_;
};

TEST_F(OneDNNThreadsTest, NetsInAParallelRegion) {
  shared_ptr<Net<float> > other = NewNet({3, 3, 23, 19}, kNetwork, "ONEDNN");
  CopyWeights(*ours_, other.get());
  Net<float>* nets[] = {ours_.get(), other.get()};
#pragma omp parallel for num_threads(2)
  for (int i = 0; i < 2; ++i) {
    nets[i]->ClearParamDiffs();
    Forward(nets[i]);
    Backward(nets[i]);
  }
  ExpectSame(*ours_, *caffe_);
  ExpectSame(*other, *caffe_);
}

TEST_F(OneDNNThreadsTest, OnlyTheBackwardPassInAParallelRegion) {
  ours_->ClearParamDiffs();
  Forward(ours_.get());
#pragma omp parallel num_threads(2)
#pragma omp single
  Backward(ours_.get());
  ExpectSame();
}

TEST_F(OneDNNThreadsTest, PrivateBlobReadInAParallelRegion) {
  ASSERT_TRUE(IsPrivate("conv1"));
#pragma omp parallel num_threads(2)
  ours_->blob_by_name("conv1")->cpu_data();
  ExpectSame();
}

TEST_F(OneDNNThreadsTest, AnotherNumberOfThreadsForEachPass) {
  const int threads[][2] = {{1, 2}, {2, 1}, {3, 2}};
  for (const int* pass : threads) {
    ours_->ClearParamDiffs();
    {
      const onednn::ThreadCount count(pass[0]);
      Forward(ours_.get());
    }
    const onednn::ThreadCount count(pass[1]);
    Backward(ours_.get());
    EXPECT_TRUE(IsPrivate("conv1"));
  }
  ExpectSame();
}

}  // namespace caffe
#endif  // USE_ONEDNN
