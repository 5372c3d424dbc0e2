#include <omp.h>

#include <vector>

#include "gtest/gtest.h"

#include "caffe/test/test_gradient_check_util.hpp"
#include "region_layer_fixture.hpp"  // NOLINT(build/include_subdir)

namespace caffe {

template <typename TypeParam>
class RegionLayerTest : public RegionLayerFixture<TypeParam> {};

TYPED_TEST_CASE(RegionLayerTest, TestDtypesAndDevices);

TYPED_TEST(RegionLayerTest, TestSetUp) {
  typedef typename TypeParam::Dtype Dtype;
  RegionLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  EXPECT_EQ(this->bottom_.shape(), this->top_.shape());
  ASSERT_EQ(5, layer.blobs().size());
  EXPECT_EQ("12 2 3 3 (216)", layer.blobs()[0]->shape_string());
  EXPECT_EQ("12 (12)", layer.blobs()[1]->shape_string());
  EXPECT_EQ("12 (12)", layer.blobs()[2]->shape_string());
  EXPECT_EQ("12 (12)", layer.blobs()[3]->shape_string());
  EXPECT_EQ("1 (1)", layer.blobs()[4]->shape_string());
  // Statistics are not learned; weights and bias are, by default at rate 1.
  ASSERT_EQ(5, layer.layer_param().param_size());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(i < 2 ? 1 : 0, layer.layer_param().param(i).lr_mult());
    EXPECT_EQ(i < 2 ? 1 : 0, layer.layer_param().param(i).decay_mult());
  }
}

TYPED_TEST(RegionLayerTest, TestDefaultGridIsThePapers) {
  typedef typename TypeParam::Dtype Dtype;
  this->param_.clear_region_param();
  this->bottom_.Reshape(1, 1, 16, 24);
  RegionLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  EXPECT_EQ("64 1 3 3 (576)", layer.blobs()[0]->shape_string());
}

// Two patches of one pixel, kernels of one weight:
//   x = (3, 5), means (1, 2), variances (4, 9), W = (2, -1), b = (0.5, 0)
//   z = ((3-1)/2, (5-2)/3) = (1, 1);  y = (3 + 2*1 + 0.5, 5 - 1*1) = (5.5, 4)
// and with x = (-1, 5) the first patch is rectified: z = -1, y = -1 + 0 + 0.5.
TYPED_TEST(RegionLayerTest, TestWorkedExample) {
  typedef typename TypeParam::Dtype Dtype;
  this->param_.set_phase(TEST);
  RegionParameter* region = this->param_.mutable_region_param();
  region->set_grid_h(1);
  region->set_kernel_size(1);
  region->set_eps(1e-12);
  this->bottom_.Reshape(1, 1, 1, 2);
  RegionLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  const Dtype values[5][2] = {{2, -1}, {0.5, 0}, {1, 2}, {4, 9}, {1, 0}};
  for (int i = 0; i < 5; ++i) {
    caffe_copy(layer.blobs()[i]->count(), values[i],
               layer.blobs()[i]->mutable_cpu_data());
  }
  const Dtype x[2][2] = {{3, 5}, {-1, 5}};
  const Dtype y[2][2] = {{5.5, 4}, {-0.5, 4}};
  for (int i = 0; i < 2; ++i) {
    caffe_copy(2, x[i], this->bottom_.mutable_cpu_data());
    layer.Forward(this->bottoms_, this->tops_);
    EXPECT_NEAR(y[i][0], this->top_.cpu_data()[0], 1e-6);
    EXPECT_NEAR(y[i][1], this->top_.cpu_data()[1], 1e-6);
  }
}

TYPED_TEST(RegionLayerTest, TestReferenceBatchStatistics) {
  this->CheckAgainstReference();
}

TYPED_TEST(RegionLayerTest, TestReferenceGlobalStatistics) {
  this->param_.set_phase(TEST);
  this->CheckAgainstReference();
}

TYPED_TEST(RegionLayerTest, TestGlobalStatisticsInTraining) {
  this->param_.mutable_region_param()->set_use_global_stats(true);
  this->CheckAgainstReference();
}

TYPED_TEST(RegionLayerTest, TestBatchStatisticsInTest) {
  this->param_.set_phase(TEST);
  this->param_.mutable_region_param()->set_use_global_stats(false);
  this->CheckAgainstReference();
}

TYPED_TEST(RegionLayerTest, TestReferenceWithoutBias) {
  this->param_.mutable_region_param()->set_bias_term(false);
  this->CheckAgainstReference();
}

TYPED_TEST(RegionLayerTest, TestReferenceKernel5) {
  this->param_.mutable_region_param()->set_kernel_size(5);
  this->param_.mutable_region_param()->set_pad(2);
  this->CheckAgainstReference();
}

TYPED_TEST(RegionLayerTest, TestReferenceOnePatch) {
  this->param_.mutable_region_param()->set_grid_h(1);
  this->param_.mutable_region_param()->set_grid_w(1);
  this->CheckAgainstReference();
}

TYPED_TEST(RegionLayerTest, TestReferenceOnePixelPatches) {
  this->param_.mutable_region_param()->set_grid_h(6);
  this->param_.mutable_region_param()->set_grid_w(6);
  this->param_.set_phase(TEST);  // a pixel of two images has little variance
  this->CheckAgainstReference();
}

TYPED_TEST(RegionLayerTest, TestGradient) {
  typedef typename TypeParam::Dtype Dtype;
  RegionLayer<Dtype> layer(this->param_);
  GradientChecker<Dtype> checker(1e-2, 1e-2);
  checker.CheckGradientExhaustive(&layer, this->bottoms_, this->tops_);
}

TYPED_TEST(RegionLayerTest, TestInPlace) {
  typedef typename TypeParam::Dtype Dtype;
  RegionLayer<Dtype> layer(this->param_), in_place(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  layer.Forward(this->bottoms_, this->tops_);
  this->FillTopDiff();
  layer.Backward(this->tops_, vector<bool>(1, true), this->bottoms_);

  Blob<Dtype> blob;
  vector<Blob<Dtype>*> blobs(1, &blob);
  blob.CopyFrom(this->bottom_, false, true);
  in_place.blobs() = layer.blobs();
  in_place.SetUp(blobs, blobs);
  in_place.Forward(blobs, blobs);
  for (int i = 0; i < blob.count(); ++i) {
    EXPECT_EQ(this->top_.cpu_data()[i], blob.cpu_data()[i]);
  }
  // What follows may overwrite the output in place too, as a ReLU does.
  caffe_set(blob.count(), Dtype(0), blob.mutable_cpu_data());
  blob.CopyFrom(this->top_, true);
  in_place.Backward(blobs, vector<bool>(1, true), blobs);
  for (int i = 0; i < blob.count(); ++i) {
    EXPECT_EQ(this->bottom_.cpu_diff()[i], blob.cpu_diff()[i]);
  }
}

TYPED_TEST(RegionLayerTest, TestParameterGradientsAccumulate) {
  typedef typename TypeParam::Dtype Dtype;
  RegionLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  layer.Forward(this->bottoms_, this->tops_);
  this->FillTopDiff();
  Blob<Dtype>* weight = layer.blobs()[0].get();
  Blob<Dtype>* bias = layer.blobs()[1].get();
  this->SetParameterDiffs(&layer, 0);
  layer.Backward(this->tops_, vector<bool>(1, true), this->bottoms_);
  const Dtype once[] = {weight->cpu_diff()[7], bias->cpu_diff()[5]};
  layer.Backward(this->tops_, vector<bool>(1, true), this->bottoms_);
  EXPECT_NEAR(2 * once[0], weight->cpu_diff()[7], 1e-5);
  EXPECT_NEAR(2 * once[1], bias->cpu_diff()[5], 1e-5);
}

TYPED_TEST(RegionLayerTest, TestPropagatesOnlyWhatIsAsked) {
  typedef typename TypeParam::Dtype Dtype;
  RegionLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  layer.Forward(this->bottoms_, this->tops_);
  this->FillTopDiff();
  layer.set_param_propagate_down(0, false);
  layer.set_param_propagate_down(1, false);
  caffe_set(this->bottom_.count(), Dtype(9), this->bottom_.mutable_cpu_diff());
  this->SetParameterDiffs(&layer, 9);
  layer.Backward(this->tops_, vector<bool>(1, false), this->bottoms_);
  EXPECT_EQ(9, this->bottom_.cpu_diff()[0]);
  EXPECT_EQ(9, layer.blobs()[0]->cpu_diff()[0]);
  EXPECT_EQ(9, layer.blobs()[1]->cpu_diff()[0]);
}

// After two training passes over the same batch, with fraction f and batch
// statistics s, the sums are s (1 + f) and their weight 1 + f: TEST sees s.
TYPED_TEST(RegionLayerTest, TestMovingAverages) {
  typedef typename TypeParam::Dtype Dtype;
  this->param_.mutable_region_param()->set_moving_average_fraction(0.75);
  RegionLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  layer.Forward(this->bottoms_, this->tops_);
  const Dtype mean = layer.blobs()[2]->cpu_data()[3];
  const Dtype variance = layer.blobs()[3]->cpu_data()[3];
  EXPECT_EQ(1, layer.blobs()[4]->cpu_data()[0]);
  layer.Forward(this->bottoms_, this->tops_);
  EXPECT_NEAR(1.75 * mean, layer.blobs()[2]->cpu_data()[3], 1e-6);
  EXPECT_NEAR(1.75 * variance, layer.blobs()[3]->cpu_data()[3], 1e-6);
  EXPECT_EQ(Dtype(1.75), layer.blobs()[4]->cpu_data()[0]);

  // Channel 1 of patch 1 (top right): rows 0-1, columns 3-5, unbiased.
  double sum = 0, squares = 0;
  for (int n = 0; n < 2; ++n) {
    for (int y = 0; y < 2; ++y) {
      for (int x = 3; x < 6; ++x) {
        const double value = this->bottom_.data_at(n, 1, y, x);
        sum += value;
        squares += value * value;
      }
    }
  }
  EXPECT_NEAR(sum / 12, mean, 1e-6);
  EXPECT_NEAR((squares - sum * sum / 12) / 11, variance, 1e-6);
}

// A snapshot holds weights, bias and statistics, and TEST leaves them alone.
TYPED_TEST(RegionLayerTest, TestSnapshotAndReload) {
  typedef typename TypeParam::Dtype Dtype;
  RegionLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  layer.Forward(this->bottoms_, this->tops_);
  LayerParameter saved;
  layer.ToProto(&saved);
  ASSERT_EQ(5, saved.blobs_size());
  saved.set_phase(TEST);

  RegionLayer<Dtype> first(saved), second(saved);
  Blob<Dtype> other_top;
  vector<Blob<Dtype>*> other_tops(1, &other_top);
  first.SetUp(this->bottoms_, this->tops_);
  first.Forward(this->bottoms_, this->tops_);
  second.SetUp(this->bottoms_, other_tops);
  second.Forward(this->bottoms_, other_tops);
  second.Forward(this->bottoms_, other_tops);
  for (int i = 0; i < this->top_.count(); ++i) {
    EXPECT_EQ(this->top_.cpu_data()[i], other_top.cpu_data()[i]);
  }
  for (int i = 0; i < layer.blobs().size(); ++i) {
    for (int j = 0; j < layer.blobs()[i]->count(); ++j) {
      EXPECT_EQ(layer.blobs()[i]->cpu_data()[j],
                second.blobs()[i]->cpu_data()[j]);
    }
  }
}

TYPED_TEST(RegionLayerTest, TestReshape) {
  typedef typename TypeParam::Dtype Dtype;
  this->param_.set_phase(TEST);
  RegionLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  this->FillStatistics(&layer);
  layer.Forward(this->bottoms_, this->tops_);
  Blob<Dtype> both;
  both.CopyFrom(this->top_, false, true);
  // The second image alone gives the second half of the batch's output.
  const int image = this->bottom_.count(1);
  Blob<Dtype> one(1, 2, 6, 6);
  caffe_copy(image, this->bottom_.cpu_data() + image, one.mutable_cpu_data());
  vector<Blob<Dtype>*> ones(1, &one);
  layer.Reshape(ones, this->tops_);
  layer.Forward(ones, this->tops_);
  ASSERT_EQ(1, this->top_.num());
  for (int i = 0; i < image; ++i) {
    EXPECT_EQ(both.cpu_data()[image + i], this->top_.cpu_data()[i]);
  }
}

TYPED_TEST(RegionLayerTest, TestThreadsDoNotChangeResults) {
  typedef typename TypeParam::Dtype Dtype;
  const int threads = omp_get_max_threads();
  RegionLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  vector<vector<Dtype> > results;
  for (int count = 1; count <= 4; count += 3) {
    omp_set_num_threads(count);
    Caffe::set_random_seed(3);
    layer.Forward(this->bottoms_, this->tops_);
    this->FillTopDiff();
    const Blob<Dtype>* weight = layer.blobs()[0].get();
    this->SetParameterDiffs(&layer, 0);
    layer.Backward(this->tops_, vector<bool>(1, true), this->bottoms_);
    const Dtype* ends[] = {this->top_.cpu_data(), this->bottom_.cpu_diff(),
                           weight->cpu_diff()};
    vector<Dtype> result(ends[0], ends[0] + this->top_.count());
    result.insert(result.end(), ends[1], ends[1] + this->bottom_.count());
    result.insert(result.end(), ends[2], ends[2] + weight->count());
    results.push_back(result);
  }
  omp_set_num_threads(threads);
  EXPECT_EQ(results[0], results[1]);
}

TYPED_TEST(RegionLayerTest, TestBadInputDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  RegionParameter* region = this->param_.mutable_region_param();
  region->set_grid_h(4);
  EXPECT_DEATH(this->SetUpLayer(),
               "blob 'conv1' is 6 x 6 .H x W., which a grid of 4 x 2 "
               "does not divide; change");
  region->set_grid_h(1 << 20);  // weights for so many patches cannot be
  EXPECT_DEATH(this->SetUpLayer(), "a grid of 1048576 x 2 does not divide");
  region->set_grid_h(3);
  region->set_pad(0);
  EXPECT_DEATH(this->SetUpLayer(),
               "kernel_size of 3 with pad 0 changes a patch's size");
  region->clear_pad();
  region->set_kernel_size(4294967295u);
  EXPECT_DEATH(this->SetUpLayer(), "kernel_size of -1 with pad -1 changes");
  region->clear_kernel_size();
  for (int i = 0; i < 3; ++i) this->param_.add_param();
  EXPECT_DEATH(this->SetUpLayer(),
               "param 2 is a statistic and cannot be learned");
}

}  // namespace caffe
