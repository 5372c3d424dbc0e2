#ifndef CAFFE_EXT_TEST_REGION_LAYER_FIXTURE_HPP_
#define CAFFE_EXT_TEST_REGION_LAYER_FIXTURE_HPP_

#include <algorithm>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"

#include "caffe/blob.hpp"
#include "caffe/common.hpp"
#include "caffe/filler.hpp"
#include "caffe/layers/region_layer.hpp"

#include "caffe/test/test_caffe_main.hpp"
#include "region_reference.hpp"  // NOLINT(build/include_subdir)

namespace caffe {

template <typename TypeParam>
class RegionLayerFixture : public MultiDeviceTest<TypeParam> {
  typedef typename TypeParam::Dtype Dtype;

 protected:
  // 6 patches of 2 x 3 pixels: nothing square, nothing equal.
  RegionLayerFixture() : bottom_(2, 2, 6, 6), top_() {
    Caffe::set_random_seed(1701);
    FillBottom();
    bottoms_.push_back(&bottom_);
    tops_.push_back(&top_);
    param_.set_name("region");
    param_.add_bottom("conv1");
    RegionParameter* region = param_.mutable_region_param();
    region->set_grid_h(3);
    region->set_grid_w(2);
    region->mutable_weight_filler()->set_type("gaussian");
    region->mutable_bias_filler()->set_type("gaussian");
  }

  // Away from 0, so that no step of the gradient checker meets ReLU's kink.
  void FillBottom() {
    for (int i = 0; i < bottom_.count(); ++i) {
      const Dtype magnitude = 0.5 + (caffe_rng_rand() % 1000) / 1000.;
      bottom_.mutable_cpu_data()[i] =
          caffe_rng_rand() % 2 ? magnitude : -magnitude;
    }
  }

  void FillTopDiff() {
    caffe_rng_gaussian<Dtype>(top_.count(), 0, 1, top_.mutable_cpu_diff());
  }

  void SetParameterDiffs(RegionLayer<Dtype>* layer, Dtype value) {
    for (const shared_ptr<Blob<Dtype> >& blob : layer->blobs()) {
      caffe_set(blob->count(), value, blob->mutable_cpu_diff());
    }
  }

  void SetUpLayer() { RegionLayer<Dtype>(param_).SetUp(bottoms_, tops_); }

  // Forward and backward against the naive reference.
  void CheckAgainstReference() {
    RegionLayer<Dtype> layer(param_);
    layer.SetUp(bottoms_, tops_);
    FillStatistics(&layer);
    layer.Forward(bottoms_, tops_);
    FillTopDiff();
    caffe_set(bottom_.count(), Dtype(99), bottom_.mutable_cpu_diff());
    SetParameterDiffs(&layer, 0);
    layer.Backward(tops_, vector<bool>(1, true), bottoms_);

    RegionReference<Dtype> reference(layer, bottom_, top_);
    ExpectNear(reference.y, top_.cpu_data());
    ExpectNear(reference.dx, bottom_.cpu_diff());
    ExpectNear(reference.dw, layer.blobs()[0]->cpu_diff());
    if (param_.region_param().bias_term()) {
      ExpectNear(reference.db, layer.blobs()[1]->cpu_diff());
    }
  }

  // To the rounding of sums of as many products as there are here.
  static void ExpectNear(const vector<double>& expected, const Dtype* values) {
    double largest = 1;
    for (double e : expected) largest = std::max(largest, std::abs(e));
    const double tolerance = (sizeof(Dtype) == 4 ? 2e-6 : 1e-13) * largest;
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(expected[i], values[i], tolerance) << "at " << i;
    }
  }

  // Means of -0.3 to 0.3 and variances of 0.5 to 1.5, weighed by 2.
  void FillStatistics(RegionLayer<Dtype>* layer) {
    const int mean_id = layer->blobs().size() - 3;
    for (int i = 0; i < layer->blobs()[mean_id]->count(); ++i) {
      layer->blobs()[mean_id]->mutable_cpu_data()[i] = 0.6 * std::sin(i);
      layer->blobs()[mean_id + 1]->mutable_cpu_data()[i] = 2 + std::cos(i);
    }
    layer->blobs()[mean_id + 2]->mutable_cpu_data()[0] = 2;
  }

  Blob<Dtype> bottom_, top_;
  vector<Blob<Dtype>*> bottoms_, tops_;
  LayerParameter param_;
};

}  // namespace caffe

#endif  // CAFFE_EXT_TEST_REGION_LAYER_FIXTURE_HPP_
