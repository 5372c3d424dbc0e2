#include <vector>

#include "gtest/gtest.h"

#include "locally_connected_fixture.hpp"  // NOLINT(build/include_subdir)

namespace caffe {

template <typename TypeParam>
class LocallyConnectedLayerDeathTest
    : public LocallyConnectedLayerTest<TypeParam> {
  typedef typename TypeParam::Dtype Dtype;

 protected:
  LocallyConnectedLayerDeathTest() {
    ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  }
  void SetUpLayer() {
    LocallyConnectedLayer<Dtype>(this->param_)
        .SetUp(this->bottoms_, this->tops_);
  }
};

TYPED_TEST_CASE(LocallyConnectedLayerDeathTest,
                ::testing::Types<CPUDevice<float> >);

TYPED_TEST(LocallyConnectedLayerDeathTest, TestOptions) {
  const char* out_of_range =
      "layer 'local2': locally_connected_param . num_output, kernel_size . "
      "and stride must be from 1 to 2147483647, not ";
  this->lc_->set_stride(0);
  EXPECT_DEATH(this->SetUpLayer(), out_of_range);
  this->lc_->set_stride(4294967295u);
  EXPECT_DEATH(this->SetUpLayer(), out_of_range);
  this->lc_->clear_stride();
  this->lc_->clear_kernel_size();
  EXPECT_DEATH(this->SetUpLayer(), out_of_range);
  this->lc_->set_kernel_size(6);
  EXPECT_DEATH(this->SetUpLayer(),
               "a kernel_size of 6 exceeds blob 'conv1', 5 x 7 .H x W., "
               "with pad 0; make");
  this->lc_->clear_num_output();
  EXPECT_DEATH(this->SetUpLayer(), out_of_range);
}

TYPED_TEST(LocallyConnectedLayerDeathTest, TestBottom) {
  this->tops_[0] = &this->bottom_;
  EXPECT_DEATH(this->SetUpLayer(), "layer 'local2' cannot run in place; give");
  this->tops_[0] = &this->top_;
  this->bottom_.Reshape(vector<int>(3, 5));
  EXPECT_DEATH(this->SetUpLayer(),
               "blob 'conv1' must have 4 axes .*, not 5 5 5 .125.; give");
  this->bottom_.Reshape(3, 0, 5, 7);
  EXPECT_DEATH(this->SetUpLayer(), "at least 1, not 3 0 5 7 .0.; give");
}

TYPED_TEST(LocallyConnectedLayerDeathTest, TestPadBeyondAnInt) {
  for (uint32_t pad : {4294967295u, 2147483648u, 1073741821u}) {
    this->lc_->set_pad(pad);
    EXPECT_DEATH(this->SetUpLayer(),
                 "blob 'conv1', 5 x 7 .H x W., with pad .* has a side of more "
                 "than 2147483647; use a smaller pad");
  }
  this->lc_->set_pad(1073741820);  // 2 pad + 7 is 2^31 - 1
  EXPECT_DEATH(this->SetUpLayer(), "weights are more than the 2147483647");
}

TYPED_TEST(LocallyConnectedLayerDeathTest, TestSizeChanges) {
  typedef typename TypeParam::Dtype Dtype;
  LocallyConnectedLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  const int shapes[3][4] = {{3, 1, 5, 7}, {3, 2, 6, 7}, {3, 2, 5, 8}};
  for (const int* shape : shapes) {
    this->bottom_.Reshape(shape[0], shape[1], shape[2], shape[3]);
    EXPECT_DEATH(layer.Reshape(this->bottoms_, this->tops_),
                 "blob 'conv1' is now 3 . . . .*, its weights are for 2 x 5 x "
                 "7 .C x H x W.; only the number of images may change");
  }
}

TYPED_TEST(LocallyConnectedLayerDeathTest, TestWeightsOfAnotherSize) {
  typedef typename TypeParam::Dtype Dtype;
  LocallyConnectedLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  layer.ToProto(&this->param_);
  this->bottom_.Reshape(3, 2, 6, 7);
  EXPECT_DEATH(this->SetUpLayer(),
               "its weights are 45 2 3 3 .810., but a bottom of 6 x 7 .H x W. "
               "needs 60 filters of 18 weights; load");
}

TYPED_TEST(LocallyConnectedLayerDeathTest, TestStoredBias) {
  typedef typename TypeParam::Dtype Dtype;
  LocallyConnectedLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  layer.ToProto(&this->param_);
  this->lc_->set_bias_term(false);
  EXPECT_DEATH(this->SetUpLayer(),
               "layer 'local2': its parameter brings 2 blobs of weights, and "
               "it has 1; compare bias_term");
  this->lc_->set_bias_term(true);
  this->param_.mutable_blobs(1)->mutable_shape()->set_dim(0, 44);
  this->param_.mutable_blobs(1)->mutable_data()->Truncate(44);
  EXPECT_DEATH(this->SetUpLayer(),
               "its bias is 44 .44., but its 45 filters need one value each");
  this->param_.mutable_blobs()->RemoveLast();
  EXPECT_DEATH(this->SetUpLayer(),
               "its parameter brings 1 blobs of weights, and it has 2");
}

TYPED_TEST(LocallyConnectedLayerDeathTest, TestTooManyValues) {
  this->lc_->set_pad(1);
  this->lc_->set_num_output(300);
  this->bottom_.Reshape(1, 1, 1000, 1000);
  EXPECT_DEATH(this->SetUpLayer(),
               "1000 x 1000 positions of 300 x 1 x 3 x 3 weights are more than "
               "the 2147483647 that a blob can hold; use");
}

TYPED_TEST(LocallyConnectedLayerDeathTest, TestTooManyImages) {
  typedef typename TypeParam::Dtype Dtype;
  this->lc_->set_pad(1);
  this->lc_->set_num_output(1000);
  this->bottom_.Reshape(1, 1, 3, 5);
  LocallyConnectedLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  this->bottom_.Reshape(200000, 1, 3, 5);
  EXPECT_DEATH(layer.Reshape(this->bottoms_, this->tops_),
               "the top of 200000 images x 1000 x 3 x 5 is more than the "
               "2147483647 values that a blob can hold; use a smaller batch");
}

}  // namespace caffe
