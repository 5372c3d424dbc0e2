#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "caffe/blob.hpp"
#include "caffe/common.hpp"
#include "caffe/filler.hpp"
#include "caffe/layers/box_layer.hpp"
#include "caffe/util/format.hpp"

#include "caffe/test/test_caffe_main.hpp"
#include "caffe/test/test_gradient_check_util.hpp"

namespace caffe {

const int kBoxes = 3;
const int kBoxRow[] = {0, 1, 3};
const int kBoxColumn[] = {0, 2, 4};

template <typename TypeParam>
class BoxLayerTest : public MultiDeviceTest<TypeParam> {
  typedef typename TypeParam::Dtype Dtype;

 protected:
  // Boxes of 2 x 3: the first two share pixel (1, 2), the third ends in the
  // corner.
  BoxLayerTest() : bottom_(3, 2, 5, 7) {
    Caffe::set_random_seed(1701);
    GaussianFiller<Dtype>(FillerParameter()).Fill(&bottom_);
    bottoms_.push_back(&bottom_);
    param_.set_name("clipping");
    param_.add_bottom("conv1");
    BoxParameter* box = param_.mutable_box_param();
    box->set_height(2);
    box->set_width(3);
    for (int t = 0; t < kBoxes; ++t) {
      tops_.push_back(&top_[t]);
      param_.add_top("out" + format_int(t + 1));
      box->add_ycoord(kBoxRow[t]);
      box->add_xcoord(kBoxColumn[t]);
    }
  }

  void SetUpLayer() { BoxLayer<Dtype>(param_).SetUp(bottoms_, tops_); }

  void Run() {
    BoxLayer<Dtype> layer(param_);
    layer.SetUp(bottoms_, tops_);
    layer.Forward(bottoms_, tops_);
    for (int t = 0; t < kBoxes; ++t) {
      Blob<Dtype> values(top_[t].shape());
      GaussianFiller<Dtype>(FillerParameter()).Fill(&values);
      caffe_copy(values.count(), values.cpu_data(), top_[t].mutable_cpu_diff());
    }
    caffe_set(bottom_.count(), Dtype(99), bottom_.mutable_cpu_diff());
    layer.Backward(tops_, vector<bool>(1, true), bottoms_);
  }

  Blob<Dtype> bottom_, top_[kBoxes];
  vector<Blob<Dtype>*> bottoms_, tops_;
  LayerParameter param_;
};

TYPED_TEST_CASE(BoxLayerTest, TestDtypesAndDevices);

TYPED_TEST(BoxLayerTest, TestForward) {
  this->Run();
  for (int t = 0; t < kBoxes; ++t) {
    ASSERT_EQ("3 2 2 3 (36)", this->top_[t].shape_string());
    for (int n = 0; n < 3; ++n) {
      for (int c = 0; c < 2; ++c) {
        for (int h = 0; h < 2; ++h) {
          for (int w = 0; w < 3; ++w) {
            EXPECT_EQ(
                this->bottom_.data_at(n, c, kBoxRow[t] + h, kBoxColumn[t] + w),
                this->top_[t].data_at(n, c, h, w));
          }
        }
      }
    }
  }
}

// Every pixel of the bottom collects from the boxes that it lies in.
TYPED_TEST(BoxLayerTest, TestBackward) {
  typedef typename TypeParam::Dtype Dtype;
  this->Run();
  for (int n = 0; n < 3; ++n) {
    for (int c = 0; c < 2; ++c) {
      for (int h = 0; h < 5; ++h) {
        for (int w = 0; w < 7; ++w) {
          Dtype sum = 0;
          for (int t = 0; t < kBoxes; ++t) {
            const int y = h - kBoxRow[t], x = w - kBoxColumn[t];
            if (y >= 0 && y < 2 && x >= 0 && x < 3) {
              sum += this->top_[t].diff_at(n, c, y, x);
            }
          }
          EXPECT_EQ(sum, this->bottom_.diff_at(n, c, h, w));
        }
      }
    }
  }
}

// Two images of 1 2 3 / 4 5 6 and 7 8 9 / 0 1 2, boxes of 2 x 2 at columns 0
// and 1.
TYPED_TEST(BoxLayerTest, TestWorkedExample) {
  typedef typename TypeParam::Dtype Dtype;
  const Dtype pixels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2};
  const Dtype left[] = {1, 2, 4, 5, 7, 8, 0, 1};
  const Dtype right[] = {2, 3, 5, 6, 8, 9, 1, 2};
  this->bottom_.Reshape(2, 1, 2, 3);
  caffe_copy(12, pixels, this->bottom_.mutable_cpu_data());
  BoxParameter* box = this->param_.mutable_box_param();
  box->set_width(2);
  box->clear_ycoord();
  box->clear_xcoord();
  for (int t = 0; t < 2; ++t) {
    box->add_ycoord(0);
    box->add_xcoord(t);
  }
  this->tops_.resize(2);
  BoxLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  layer.Forward(this->bottoms_, this->tops_);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(left[i], this->top_[0].cpu_data()[i]);
    EXPECT_EQ(right[i], this->top_[1].cpu_data()[i]);
  }
  // With the outputs as gradients, the middle column counts twice.
  const Dtype diff[] = {1, 4, 3, 4, 10, 6, 7, 16, 9, 0, 2, 2};
  for (int t = 0; t < 2; ++t) {
    caffe_copy(8, this->top_[t].cpu_data(), this->top_[t].mutable_cpu_diff());
  }
  layer.Backward(this->tops_, vector<bool>(1, true), this->bottoms_);
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(diff[i], this->bottom_.cpu_diff()[i]);
  }
}

TYPED_TEST(BoxLayerTest, TestGradient) {
  typedef typename TypeParam::Dtype Dtype;
  BoxLayer<Dtype> layer(this->param_);
  GradientChecker<Dtype> checker(1e-2, 1e-2);
  checker.CheckGradientExhaustive(&layer, this->bottoms_, this->tops_);
}

TYPED_TEST(BoxLayerTest, TestPropagatesOnlyWhatIsAsked) {
  typedef typename TypeParam::Dtype Dtype;
  BoxLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  layer.Forward(this->bottoms_, this->tops_);
  caffe_set(this->bottom_.count(), Dtype(9), this->bottom_.mutable_cpu_diff());
  layer.Backward(this->tops_, vector<bool>(1, false), this->bottoms_);
  EXPECT_EQ(9, this->bottom_.cpu_diff()[0]);
}

TYPED_TEST(BoxLayerTest, TestReshape) {
  typedef typename TypeParam::Dtype Dtype;
  BoxLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  Blob<Dtype> larger(1, 2, 6, 9);
  GaussianFiller<Dtype>(FillerParameter()).Fill(&larger);
  this->bottoms_[0] = &larger;
  layer.Reshape(this->bottoms_, this->tops_);
  layer.Forward(this->bottoms_, this->tops_);
  EXPECT_EQ("1 2 2 3 (12)", this->top_[2].shape_string());
  EXPECT_EQ(larger.data_at(0, 1, 4, 6), this->top_[2].data_at(0, 1, 1, 2));
}

TYPED_TEST(BoxLayerTest, TestBadInputDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  BoxParameter* box = this->param_.mutable_box_param();
  box->set_xcoord(2, 5);
  EXPECT_DEATH(
      this->SetUpLayer(),
      "Box layer 'clipping': blob 'conv1' is 5 x 7 .H x W., and the "
      "box of top 'out3', 2 x 3 at row 3, column 5, leaves it; change");
  box->set_xcoord(2, 4);
  box->set_ycoord(2, 4);
  EXPECT_DEATH(this->SetUpLayer(), "2 x 3 at row 4, column 4, leaves it");
  box->set_ycoord(2, 4294967295u);
  EXPECT_DEATH(this->SetUpLayer(), "row -1, column 4, leaves it");
  box->add_xcoord(0);
  EXPECT_DEATH(this->SetUpLayer(),
               "3 tops, but 4 xcoord and 3 ycoord in box_param; give one");
  box->set_width(0);
  EXPECT_DEATH(this->SetUpLayer(), "needs a width and a height of at least 1");
}

TYPED_TEST(BoxLayerTest, TestBottomOfTwoAxesDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  this->bottom_.Reshape(vector<int>(2, 5));
  EXPECT_DEATH(this->SetUpLayer(),
               "blob 'conv1' must have 4 axes .N x C x H x W., not 5 5 .25.; "
               "give images");
}

}  // namespace caffe
