#include <climits>
#include <vector>

#include "gtest/gtest.h"

#include "caffe/blob.hpp"
#include "caffe/common.hpp"
#include "caffe/filler.hpp"
#include "caffe/layers/splice_layer.hpp"
#include "caffe/util/format.hpp"

#include "caffe/test/test_caffe_main.hpp"
#include "caffe/test/test_gradient_check_util.hpp"

namespace caffe {

const int kPatches = 3;
const int kPatchRow[] = {3, 0, 1};
const int kPatchColumn[] = {2, 0, 4};

template <typename TypeParam>
class SpliceLayerTest : public MultiDeviceTest<TypeParam> {
  typedef typename TypeParam::Dtype Dtype;

 protected:
  // Patches of 2 x 3 in an image of 5 x 7, in no order and with holes.
  SpliceLayerTest() {
    Caffe::set_random_seed(1701);
    tops_.push_back(&top_);
    param_.set_name("splice");
    SpliceParameter* splice = param_.mutable_splice_param();
    for (int t = 0; t < kPatches; ++t) {
      bottom_[t].Reshape(3, 2, 2, 3);
      GaussianFiller<Dtype>(FillerParameter()).Fill(&bottom_[t]);
      bottoms_.push_back(&bottom_[t]);
      param_.add_bottom("res" + format_int(t + 1));
      splice->add_ycoord(kPatchRow[t]);
      splice->add_xcoord(kPatchColumn[t]);
    }
  }

  void SetUpLayer() { SpliceLayer<Dtype>(param_).SetUp(bottoms_, tops_); }

  // With bottoms' diffs of 99 before the backward pass.
  void Run(const vector<bool>& propagate_down) {
    SpliceLayer<Dtype> layer(param_);
    layer.SetUp(bottoms_, tops_);
    caffe_set(top_.count(), Dtype(99), top_.mutable_cpu_data());
    layer.Forward(bottoms_, tops_);
    Blob<Dtype> values(top_.shape());
    GaussianFiller<Dtype>(FillerParameter()).Fill(&values);
    caffe_copy(top_.count(), values.cpu_data(), top_.mutable_cpu_diff());
    for (int t = 0; t < kPatches; ++t) {
      caffe_set(bottom_[t].count(), Dtype(99), bottom_[t].mutable_cpu_diff());
    }
    layer.Backward(tops_, propagate_down, bottoms_);
  }

  Blob<Dtype> bottom_[kPatches], top_;
  vector<Blob<Dtype>*> bottoms_, tops_;
  LayerParameter param_;
};

TYPED_TEST_CASE(SpliceLayerTest, TestDtypesAndDevices);

TYPED_TEST(SpliceLayerTest, TestForward) {
  typedef typename TypeParam::Dtype Dtype;
  this->Run(vector<bool>(kPatches, true));
  ASSERT_EQ("3 2 5 7 (210)", this->top_.shape_string());
  for (int n = 0; n < 3; ++n) {
    for (int c = 0; c < 2; ++c) {
      for (int h = 0; h < 5; ++h) {
        for (int w = 0; w < 7; ++w) {
          Dtype value = 0;
          for (int t = 0; t < kPatches; ++t) {
            const int y = h - kPatchRow[t], x = w - kPatchColumn[t];
            if (y >= 0 && y < 2 && x >= 0 && x < 3) {
              value = this->bottom_[t].data_at(n, c, y, x);
            }
          }
          EXPECT_EQ(value, this->top_.data_at(n, c, h, w));
        }
      }
    }
  }
}

TYPED_TEST(SpliceLayerTest, TestBackward) {
  this->Run(vector<bool>(kPatches, true));
  for (int t = 0; t < kPatches; ++t) {
    for (int n = 0; n < 3; ++n) {
      for (int c = 0; c < 2; ++c) {
        for (int h = 0; h < 2; ++h) {
          for (int w = 0; w < 3; ++w) {
            EXPECT_EQ(
                this->top_.diff_at(n, c, kPatchRow[t] + h, kPatchColumn[t] + w),
                this->bottom_[t].diff_at(n, c, h, w));
          }
        }
      }
    }
  }
}

TYPED_TEST(SpliceLayerTest, TestPropagatesOnlyWhatIsAsked) {
  vector<bool> propagate_down(kPatches, true);
  propagate_down[1] = false;
  this->Run(propagate_down);
  EXPECT_EQ(this->top_.diff_at(0, 0, 3, 2), this->bottom_[0].cpu_diff()[0]);
  EXPECT_EQ(99, this->bottom_[1].cpu_diff()[0]);
  EXPECT_EQ(this->top_.diff_at(0, 0, 1, 4), this->bottom_[2].cpu_diff()[0]);
}

// Two images, of patches 1 2 and 3 4, and 5 6 and 7 8; the second patch stands
// one row below and one column right of the first.
TYPED_TEST(SpliceLayerTest, TestWorkedExample) {
  typedef typename TypeParam::Dtype Dtype;
  SpliceParameter* splice = this->param_.mutable_splice_param();
  splice->clear_ycoord();
  splice->clear_xcoord();
  this->bottoms_.resize(2);
  for (int t = 0; t < 2; ++t) {
    splice->add_ycoord(t);
    splice->add_xcoord(t);
    const Dtype pixels[] = {Dtype(1 + 2 * t), Dtype(2 + 2 * t),
                            Dtype(5 + 2 * t), Dtype(6 + 2 * t)};
    this->bottom_[t].Reshape(2, 1, 1, 2);
    caffe_copy(4, pixels, this->bottom_[t].mutable_cpu_data());
  }
  SpliceLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  layer.Forward(this->bottoms_, this->tops_);
  ASSERT_EQ("2 1 2 3 (12)", this->top_.shape_string());
  const Dtype image[] = {1, 2, 0, 0, 3, 4, 5, 6, 0, 0, 7, 8};
  for (int i = 0; i < 12; ++i) EXPECT_EQ(image[i], this->top_.cpu_data()[i]);
}

TYPED_TEST(SpliceLayerTest, TestGradient) {
  typedef typename TypeParam::Dtype Dtype;
  SpliceLayer<Dtype> layer(this->param_);
  GradientChecker<Dtype> checker(1e-2, 1e-2);
  checker.CheckGradientExhaustive(&layer, this->bottoms_, this->tops_);
}

TYPED_TEST(SpliceLayerTest, TestReshape) {
  typedef typename TypeParam::Dtype Dtype;
  SpliceLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  for (int t = 0; t < kPatches; ++t) this->bottom_[t].Reshape(4, 2, 1, 2);
  layer.Reshape(this->bottoms_, this->tops_);
  layer.Forward(this->bottoms_, this->tops_);
  EXPECT_EQ("4 2 4 6 (192)", this->top_.shape_string());
  EXPECT_EQ(this->bottom_[0].data_at(3, 1, 0, 1),
            this->top_.data_at(3, 1, 3, 3));
}

TYPED_TEST(SpliceLayerTest, TestBadInputDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  SpliceParameter* splice = this->param_.mutable_splice_param();
  splice->set_xcoord(2, 2);
  EXPECT_DEATH(this->SetUpLayer(),
               "Splice layer 'splice': blobs 'res2', 2 x 3 at row 0, column 0, "
               "and 'res3', 2 x 3 at row 1, column 2, overlap; change");
  splice->set_xcoord(2, 4294967295u);
  EXPECT_DEATH(this->SetUpLayer(),
               "blob 'res3', 2 x 3 at row 1, column -1, is out of range");
  splice->set_xcoord(2, INT_MAX - 1);
  EXPECT_DEATH(this->SetUpLayer(),
               "blob 'res3', 2 x 3 at row 1, column 2147483646, is out of");
  splice->add_ycoord(0);
  EXPECT_DEATH(this->SetUpLayer(),
               "3 bottoms, but 3 xcoord and 4 ycoord in splice_param; give");
}

TYPED_TEST(SpliceLayerTest, TestBadBottomsDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  this->bottom_[2].Reshape(3, 2, 3, 2);
  EXPECT_DEATH(this->SetUpLayer(),
               "blob 'res3' is 3 2 3 2 .36., blob 'res1' is 3 2 2 3 .36.; "
               "give patches of one shape");
  this->bottom_[0].Reshape(vector<int>(2, 5));
  EXPECT_DEATH(this->SetUpLayer(),
               "blob 'res1' must have 4 axes .N x C x H x W., not 5 5 .25.; "
               "give images");
}

}  // namespace caffe
