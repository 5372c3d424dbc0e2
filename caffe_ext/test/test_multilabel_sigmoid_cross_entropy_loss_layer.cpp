#include <cmath>
#include <vector>

#include "gtest/gtest.h"

#include "caffe/blob.hpp"
#include "caffe/common.hpp"
#include "caffe/filler.hpp"
#include "caffe/layer_factory.hpp"
#include "caffe/layers/multi_sigmoid_cross_entropy_loss_layer.hpp"
#include "caffe/layers/multilabel_sigmoid_cross_entropy_loss_layer.hpp"

#include "caffe/test/test_caffe_main.hpp"
#include "caffe/test/test_gradient_check_util.hpp"

namespace caffe {

template <typename TypeParam>
class MultilabelSigmoidCrossEntropyLossLayerTest
    : public MultiDeviceTest<TypeParam> {
  typedef typename TypeParam::Dtype Dtype;

 protected:
  MultilabelSigmoidCrossEntropyLossLayerTest() {
    Caffe::set_random_seed(1701);
    bottoms_.push_back(&scores_);
    bottoms_.push_back(&labels_);
    tops_.push_back(&loss_);
    param_.set_name("loss");
    param_.add_loss_weight(1.7);
    Reshape(5, 3);
    FillerParameter filler_param;
    filler_param.set_std(2);
    GaussianFiller<Dtype>(filler_param).Fill(&scores_);
    for (int i = 0; i < labels_.count(); ++i) {
      labels_.mutable_cpu_data()[i] = i % 3 - 1;
    }
  }

  void Reshape(int num, int labels) {
    const int shape[] = {num, labels};
    scores_.Reshape(vector<int>(shape, shape + 2));
    labels_.Reshape(vector<int>(shape, shape + 2));
  }

  Dtype Loss() {
    MultilabelSigmoidCrossEntropyLossLayer<Dtype> layer(param_);
    layer.SetUp(bottoms_, tops_);
    layer.Forward(bottoms_, tops_);
    caffe_set(scores_.count(), Dtype(99), scores_.mutable_cpu_diff());
    vector<bool> propagate_down(2, false);
    propagate_down[0] = true;
    layer.Backward(tops_, propagate_down, bottoms_);
    return loss_.cpu_data()[0];
  }

  Blob<Dtype> scores_, labels_, loss_;
  vector<Blob<Dtype>*> bottoms_, tops_;
  LayerParameter param_;
};

TYPED_TEST_CASE(MultilabelSigmoidCrossEntropyLossLayerTest,
                TestDtypesAndDevices);

// Two faces, two AUs: scores ((0, log 3), (log 3, 5)), labels ((1, -1), (1,
// 0)). p = ((1/2, 3/4), (3/4, .)): -log 1/2 - log 1/4 - log 3/4 = log(32/3),
// halved.
TYPED_TEST(MultilabelSigmoidCrossEntropyLossLayerTest, TestWorkedExample) {
  typedef typename TypeParam::Dtype Dtype;
  this->Reshape(2, 2);
  const Dtype scores[] = {0, Dtype(std::log(3.)), Dtype(std::log(3.)), 5};
  const Dtype labels[] = {1, -1, 1, 0};
  caffe_copy(4, scores, this->scores_.mutable_cpu_data());
  caffe_copy(4, labels, this->labels_.mutable_cpu_data());
  EXPECT_NEAR(std::log(32. / 3) / 2, this->Loss(), 1e-6);
  // weight / N (p - [y > 0]), 0 where unknown
  const double diff[] = {-0.5, 0.75, -0.25, 0};
  for (int i = 0; i < 4; ++i) {
    EXPECT_NEAR(1.7 / 2 * diff[i], this->scores_.cpu_diff()[i], 1e-6);
  }
}

TYPED_TEST(MultilabelSigmoidCrossEntropyLossLayerTest, TestReference) {
  double loss = 0;
  for (int i = 0; i < this->scores_.count(); ++i) {
    const double x = this->scores_.cpu_data()[i];
    const double p = 1 / (1 + std::exp(-x));
    const double y = this->labels_.cpu_data()[i];
    if (y > 0) loss -= std::log(p);
    if (y < 0) loss -= std::log(1 - p);
  }
  EXPECT_NEAR(loss / 5, this->Loss(), 1e-5);
}

TYPED_TEST(MultilabelSigmoidCrossEntropyLossLayerTest, TestGradient) {
  typedef typename TypeParam::Dtype Dtype;
  MultilabelSigmoidCrossEntropyLossLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  GradientChecker<Dtype> checker(1e-2, 1e-2, 1701);
  checker.CheckGradientExhaustive(&layer, this->bottoms_, this->tops_, 0);
}

TYPED_TEST(MultilabelSigmoidCrossEntropyLossLayerTest, TestAllUnknown) {
  typedef typename TypeParam::Dtype Dtype;
  caffe_set(this->labels_.count(), Dtype(0), this->labels_.mutable_cpu_data());
  EXPECT_EQ(0, this->Loss());
  for (int i = 0; i < this->scores_.count(); ++i) {
    EXPECT_EQ(0, this->scores_.cpu_diff()[i]);
  }
}

// log(1 + exp(1000)) is 1000 to every digit.
TYPED_TEST(MultilabelSigmoidCrossEntropyLossLayerTest, TestExtremeScores) {
  typedef typename TypeParam::Dtype Dtype;
  this->Reshape(1, 2);
  const Dtype scores[] = {1000, -1000};
  const Dtype labels[] = {-1, 1};
  caffe_copy(2, scores, this->scores_.mutable_cpu_data());
  caffe_copy(2, labels, this->labels_.mutable_cpu_data());
  EXPECT_EQ(2000, this->Loss());
  EXPECT_NEAR(1.7, this->scores_.cpu_diff()[0], 1e-6);
  EXPECT_NEAR(-1.7, this->scores_.cpu_diff()[1], 1e-6);
}

// The release's data layer gives (N, C, 1, 1).
TYPED_TEST(MultilabelSigmoidCrossEntropyLossLayerTest, TestLabelsOfFourAxes) {
  const double loss = this->Loss();
  this->labels_.Reshape(5, 3, 1, 1);
  EXPECT_EQ(loss, this->Loss());
}

// The release's name makes the same layer, which knows itself by it.
TYPED_TEST(MultilabelSigmoidCrossEntropyLossLayerTest, TestReleaseName) {
  typedef typename TypeParam::Dtype Dtype;
  const Dtype loss = this->Loss();
  const vector<Dtype> diff(this->scores_.cpu_diff(),
                           this->scores_.cpu_diff() + this->scores_.count());
  this->param_.set_type("MultiSigmoidCrossEntropyLoss");
  shared_ptr<Layer<Dtype> > layer =
      LayerRegistry<Dtype>::CreateLayer(this->param_);
  EXPECT_STREQ("MultiSigmoidCrossEntropyLoss", layer->type());
  layer->SetUp(this->bottoms_, this->tops_);
  // The loss weight of 1.7, which the release ignores, counts in both passes.
  EXPECT_NEAR(1.7 * loss, layer->Forward(this->bottoms_, this->tops_), 1e-5);
  EXPECT_EQ(loss, this->loss_.cpu_data()[0]);
  caffe_set(this->scores_.count(), Dtype(99), this->scores_.mutable_cpu_diff());
  vector<bool> propagate_down(2, false);
  propagate_down[0] = true;
  layer->Backward(this->tops_, propagate_down, this->bottoms_);
  for (int i = 0; i < this->scores_.count(); ++i) {
    EXPECT_EQ(diff[i], this->scores_.cpu_diff()[i]);
  }
}

TYPED_TEST(MultilabelSigmoidCrossEntropyLossLayerTest,
           TestReleaseNameDeathTest) {
  typedef typename TypeParam::Dtype Dtype;
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  MultiSigmoidCrossEntropyLossLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  EXPECT_DEATH(
      layer.Backward(this->tops_, vector<bool>(2, true), this->bottoms_),
      "MultiSigmoidCrossEntropyLoss layer 'loss' cannot backpropagate to its "
      "labels; set propagate_down: false");
}

TYPED_TEST(MultilabelSigmoidCrossEntropyLossLayerTest, TestBadInputDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  this->labels_.mutable_cpu_data()[7] = 2;
  EXPECT_DEATH(this->Loss(),
               "layer 'loss': label 2 of item 2, AU column 1, is "
               "none of 1 .present., -1 .absent. and 0 .unknown.");
  this->labels_.Reshape(5, 4, 1, 1);
  EXPECT_DEATH(this->Loss(), "3 outputs a face against 4 labels; set");
}

}  // namespace caffe
