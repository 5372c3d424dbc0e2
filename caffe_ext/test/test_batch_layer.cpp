#include <cmath>
#include <vector>

#include "gtest/gtest.h"

#include "caffe/blob.hpp"
#include "caffe/common.hpp"
#include "caffe/filler.hpp"
#include "caffe/layer_factory.hpp"
#include "caffe/layers/batch_layer.hpp"

#include "caffe/test/test_caffe_main.hpp"
#include "caffe/test/test_gradient_check_util.hpp"

namespace caffe {

template <typename TypeParam>
class BatchLayerTest : public MultiDeviceTest<TypeParam> {
  typedef typename TypeParam::Dtype Dtype;

 protected:
  BatchLayerTest() : bottom_(3, 2, 3, 4) {
    Caffe::set_random_seed(1701);
    GaussianFiller<Dtype>(FillerParameter()).Fill(&bottom_);
    bottoms_.push_back(&bottom_);
    tops_.push_back(&top_);
    param_.set_name("bn");
    param_.set_type("Batch");
    for (int i = 0; i < 3; ++i) param_.add_param()->set_lr_mult(0);
    param_.mutable_batch_param()->set_use_global_stats(false);
  }

  Blob<Dtype> bottom_, top_;
  vector<Blob<Dtype>*> bottoms_, tops_;
  LayerParameter param_;
};

TYPED_TEST_CASE(BatchLayerTest, TestDtypesAndDevices);

// The release normalises by the batch in both phases.
TYPED_TEST(BatchLayerTest, TestBatchStatisticsInBothPhases) {
  typedef typename TypeParam::Dtype Dtype;
  const double eps = 0.25;
  this->param_.mutable_batch_param()->set_eps(eps);
  for (int phase = TRAIN; phase <= TEST; ++phase) {
    this->param_.set_phase(static_cast<Phase>(phase));
    shared_ptr<Layer<Dtype> > layer =
        LayerRegistry<Dtype>::CreateLayer(this->param_);
    EXPECT_STREQ("Batch", layer->type());
    layer->SetUp(this->bottoms_, this->tops_);
    layer->Forward(this->bottoms_, this->tops_);
    EXPECT_EQ(3, layer->blobs().size());
    for (int c = 0; c < 2; ++c) {
      double sum = 0, squares = 0;
      for (int i = 0; i < 36; ++i) {
        const double x = this->bottom_.data_at(i / 12, c, i / 4 % 3, i % 4);
        sum += x;
        squares += x * x;
      }
      const double mean = sum / 36, variance = squares / 36 - mean * mean;
      for (int i = 0; i < 36; ++i) {
        const double x = this->bottom_.data_at(i / 12, c, i / 4 % 3, i % 4);
        EXPECT_NEAR((x - mean) / std::sqrt(variance + eps),
                    this->top_.data_at(i / 12, c, i / 4 % 3, i % 4), 1e-5);
      }
    }
  }
}

// After two passes over one batch the sums are s (1 + f), their weight 1 + f.
TYPED_TEST(BatchLayerTest, TestMovingAverageFraction) {
  typedef typename TypeParam::Dtype Dtype;
  this->param_.mutable_batch_param()->set_moving_average_fraction(0.75);
  BatchLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  layer.Forward(this->bottoms_, this->tops_);
  layer.Forward(this->bottoms_, this->tops_);
  EXPECT_EQ(Dtype(1.75), layer.blobs()[2]->cpu_data()[0]);
}

// Sums of 3 and 8 with weight 2: mean 1.5, variance 4.
TYPED_TEST(BatchLayerTest, TestGlobalStatistics) {
  typedef typename TypeParam::Dtype Dtype;
  this->param_.mutable_batch_param()->set_use_global_stats(true);
  BatchLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  const Dtype sums[] = {3, 8, 2};
  for (int i = 0; i < 3; ++i) {
    Blob<Dtype>* blob = layer.blobs()[i].get();
    caffe_set(blob->count(), sums[i], blob->mutable_cpu_data());
  }
  layer.Forward(this->bottoms_, this->tops_);
  for (int i = 0; i < this->bottom_.count(); ++i) {
    EXPECT_NEAR((this->bottom_.cpu_data()[i] - 1.5) / 2,
                this->top_.cpu_data()[i], 1e-5);
  }
}

// Without use_global_stats the phase decides, as in BatchNorm.
TYPED_TEST(BatchLayerTest, TestPhaseDecides) {
  typedef typename TypeParam::Dtype Dtype;
  this->param_.mutable_batch_param()->clear_use_global_stats();
  for (int phase = TRAIN; phase <= TEST; ++phase) {
    this->param_.set_phase(static_cast<Phase>(phase));
    BatchLayer<Dtype> layer(this->param_);
    layer.SetUp(this->bottoms_, this->tops_);
    layer.Forward(this->bottoms_, this->tops_);
    EXPECT_EQ(phase == TRAIN, layer.blobs()[2]->cpu_data()[0] == 1);
  }
}

TYPED_TEST(BatchLayerTest, TestGradient) {
  typedef typename TypeParam::Dtype Dtype;
  BatchLayer<Dtype> layer(this->param_);
  GradientChecker<Dtype> checker(1e-2, 1e-3);
  checker.CheckGradientExhaustive(&layer, this->bottoms_, this->tops_);
}

// What a snapshot holds makes the same layer again.
TYPED_TEST(BatchLayerTest, TestSnapshotAndReload) {
  typedef typename TypeParam::Dtype Dtype;
  BatchLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  layer.Forward(this->bottoms_, this->tops_);
  LayerParameter saved;
  layer.ToProto(&saved);
  ASSERT_EQ(3, saved.blobs_size());
  saved.mutable_batch_param()->set_use_global_stats(true);
  shared_ptr<Layer<Dtype> > reloaded = LayerRegistry<Dtype>::CreateLayer(saved);
  Blob<Dtype> top;
  reloaded->SetUp(this->bottoms_, vector<Blob<Dtype>*>(1, &top));
  reloaded->Forward(this->bottoms_, vector<Blob<Dtype>*>(1, &top));
  // Of one batch the moving averages are its own, its variance times 36 / 35.
  for (int i = 0; i < top.count(); ++i) {
    EXPECT_NEAR(this->top_.cpu_data()[i],
                top.cpu_data()[i] * std::sqrt(36. / 35), 1e-4);
  }
}

}  // namespace caffe
