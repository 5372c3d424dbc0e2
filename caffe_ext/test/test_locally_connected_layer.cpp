#include <omp.h>

#include <vector>

#include "gtest/gtest.h"

#include "caffe/layers/conv_layer.hpp"

#include "caffe/test/test_gradient_check_util.hpp"
#include "locally_connected_fixture.hpp"  // NOLINT(build/include_subdir)

namespace caffe {

TYPED_TEST_CASE(LocallyConnectedLayerTest, TestDtypesAndDevices);

// (5 - 3 + 2 * 1) / 2 + 1 = 3 rows and (7 - 3 + 2 * 1) / 2 + 1 = 4 columns of
// 3 filters: 36 of 2 x 3 x 3 weights.
TYPED_TEST(LocallyConnectedLayerTest, TestSetUp) {
  typedef typename TypeParam::Dtype Dtype;
  this->lc_->set_stride(2);
  this->lc_->set_pad(1);
  LocallyConnectedLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  EXPECT_EQ("3 3 3 4 (108)", this->top_.shape_string());
  ASSERT_EQ(2, layer.blobs().size());
  EXPECT_EQ("36 2 3 3 (648)", layer.blobs()[0]->shape_string());
  EXPECT_EQ("36 (36)", layer.blobs()[1]->shape_string());
}

// Two positions of two 2 x 2 filters each, whose lower rows are 0; the upper
// row of the bottom is (1, 2, 3), so the positions see (1, 2) and (2, 3):
//   y_0 = (1*1 + 10*2 + 0, -1*1 + 1*2 + 0) = (21, 1)
//   y_1 = (3*2 + 1*3 + 100, 0*2 + 2*3 - 7) = (109, -1)
TYPED_TEST(LocallyConnectedLayerTest, TestWorkedExample) {
  typedef typename TypeParam::Dtype Dtype;
  this->bottom_.Reshape(1, 1, 2, 3);
  this->lc_->set_num_output(2);
  this->lc_->set_kernel_size(2);
  LocallyConnectedLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  const Dtype x[] = {1, 2, 3, 50, 60, 70};
  const Dtype weight[] = {1, 10, 0, 0, -1, 1, 0, 0, 3, 1, 0, 0, 0, 2, 0, 0};
  const Dtype bias[] = {0, 0, 100, -7};
  caffe_copy(6, x, this->bottom_.mutable_cpu_data());
  caffe_copy(16, weight, layer.blobs()[0]->mutable_cpu_data());
  caffe_copy(4, bias, layer.blobs()[1]->mutable_cpu_data());
  layer.Forward(this->bottoms_, this->tops_);
  ASSERT_EQ("1 2 1 2 (4)", this->top_.shape_string());
  EXPECT_EQ(21, this->top_.data_at(0, 0, 0, 0));
  EXPECT_EQ(1, this->top_.data_at(0, 1, 0, 0));
  EXPECT_EQ(109, this->top_.data_at(0, 0, 0, 1));
  EXPECT_EQ(-1, this->top_.data_at(0, 1, 0, 1));
}

TYPED_TEST(LocallyConnectedLayerTest, TestReference) {
  this->CheckAgainstReference();
}

TYPED_TEST(LocallyConnectedLayerTest, TestReferenceStrideAndPad) {
  this->lc_->set_stride(2);
  this->lc_->set_pad(1);
  this->CheckAgainstReference();
}

// The last column of the bottom is under no filter: (7 - 2) / 2 is not whole.
TYPED_TEST(LocallyConnectedLayerTest, TestReferenceEvenKernel) {
  this->lc_->set_kernel_size(2);
  this->lc_->set_stride(2);
  this->CheckAgainstReference();
}

TYPED_TEST(LocallyConnectedLayerTest, TestReferenceStrideBeyondKernel) {
  this->lc_->set_kernel_size(1);
  this->lc_->set_stride(3);
  this->CheckAgainstReference();
}

// The corners' filters see nothing but zeros.
TYPED_TEST(LocallyConnectedLayerTest, TestReferencePadBeyondKernel) {
  this->lc_->set_pad(4);
  this->CheckAgainstReference();
}

TYPED_TEST(LocallyConnectedLayerTest, TestReferenceOnePosition) {
  this->FillBottom(3, 2, 5, 5);
  this->lc_->set_kernel_size(5);
  this->CheckAgainstReference();
}

TYPED_TEST(LocallyConnectedLayerTest, TestReferenceWithoutBias) {
  typedef typename TypeParam::Dtype Dtype;
  this->lc_->set_bias_term(false);
  LocallyConnectedLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  EXPECT_EQ(1, layer.blobs().size());
  this->CheckAgainstReference(&layer);
}

// More images than a tile takes at a time, and rows of more than one tile.
TYPED_TEST(LocallyConnectedLayerTest, TestReferenceLargeBatch) {
  this->FillBottom(67, 20, 3, 40);
  this->lc_->set_pad(1);
  this->lc_->set_num_output(2);
  this->CheckAgainstReference();
}

// More images, outputs and taps than a block of the GPU's takes at a time.
TYPED_TEST(LocallyConnectedLayerTest, TestReferenceManyOfAll) {
  this->FillBottom(131, 12, 3, 4);  // 108 taps
  this->lc_->set_pad(1);
  this->lc_->set_num_output(35);
  this->lc_->mutable_weight_filler()->set_std(1. / 8);
  this->CheckAgainstReference();
}

// 67 x 64 values at each of 120 positions: in bands of rows, on a GPU that is
// emulated.
TYPED_TEST(LocallyConnectedLayerTest, TestReferenceBands) {
  this->FillBottom(67, 64, 12, 10);
  this->lc_->set_pad(1);
  this->lc_->set_num_output(2);
  this->lc_->mutable_weight_filler()->set_std(1. / 24);  // 24 x 24 taps
  this->CheckAgainstReference();
}

TYPED_TEST(LocallyConnectedLayerTest, TestReferenceOnePositionOfManyTaps) {
  this->FillBottom(35, 16, 32, 32);
  this->lc_->set_kernel_size(32);
  this->lc_->set_num_output(2);
  this->lc_->mutable_weight_filler()->set_std(1. / 128);  // 128 x 128 taps
  this->CheckAgainstReference();
}

TYPED_TEST(LocallyConnectedLayerTest, TestReferenceStrideAndPadInBands) {
  this->FillBottom(34, 5, 23, 9);
  this->lc_->set_kernel_size(5);
  this->lc_->set_stride(3);
  this->lc_->set_pad(7);
  this->lc_->mutable_weight_filler()->set_std(1. / 8);
  this->CheckAgainstReference();
}

TYPED_TEST(LocallyConnectedLayerTest, TestGradient) {
  typedef typename TypeParam::Dtype Dtype;
  this->FillBottom(3, 2, 3, 4);
  this->lc_->set_num_output(2);
  this->lc_->set_pad(1);
  this->lc_->set_stride(2);
  LocallyConnectedLayer<Dtype> layer(this->param_);
  GradientChecker<Dtype> checker(1e-2, 1e-3);  // it weighs the loss by 2
  checker.CheckGradientExhaustive(&layer, this->bottoms_, this->tops_);
}

// A convolution, where all positions have the same filters.
TYPED_TEST(LocallyConnectedLayerTest, TestSharedFiltersAreAConvolution) {
  typedef typename TypeParam::Dtype Dtype;
  this->lc_->set_pad(2);
  this->lc_->set_stride(2);
  LayerParameter param;
  ConvolutionParameter* conv_param = param.mutable_convolution_param();
  conv_param->set_num_output(3);
  conv_param->add_kernel_size(3);
  conv_param->add_pad(2);
  conv_param->add_stride(2);
  conv_param->mutable_weight_filler()->set_type("gaussian");
  conv_param->mutable_bias_filler()->set_type("gaussian");
  ConvolutionLayer<Dtype> conv(param);
  Blob<Dtype> expected;
  vector<Blob<Dtype>*> expecteds(1, &expected);
  conv.SetUp(this->bottoms_, expecteds);
  conv.Forward(this->bottoms_, expecteds);

  LocallyConnectedLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  for (int b = 0; b < 2; ++b) {
    const Blob<Dtype>& one = *conv.blobs()[b];
    for (int i = 0; i < layer.blobs()[b]->count(); i += one.count()) {
      caffe_copy(one.count(), one.cpu_data(),
                 layer.blobs()[b]->mutable_cpu_data() + i);
    }
  }
  layer.Forward(this->bottoms_, this->tops_);
  ASSERT_EQ(expected.shape(), this->top_.shape());
  for (int i = 0; i < expected.count(); ++i) {
    EXPECT_NEAR(expected.cpu_data()[i], this->top_.cpu_data()[i], 1e-5);
  }
}

TYPED_TEST(LocallyConnectedLayerTest, TestPropagatesOnlyWhatIsAsked) {
  typedef typename TypeParam::Dtype Dtype;
  LocallyConnectedLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  this->Run(&layer);
  for (int only = 0; only < 3; ++only) {  // weights, bias, bottom
    layer.set_param_propagate_down(0, only == 0);
    layer.set_param_propagate_down(1, only == 1);
    Blob<Dtype>* ends[] = {layer.blobs()[0].get(), layer.blobs()[1].get(),
                           &this->bottom_};
    for (int i = 0; i < 3; ++i) {
      caffe_set(ends[i]->count(), Dtype(99), ends[i]->mutable_cpu_diff());
    }
    layer.Backward(this->tops_, vector<bool>(1, only == 2), this->bottoms_);
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < ends[i]->count(); ++j) {
        ASSERT_EQ(i != only, ends[i]->cpu_diff()[j] == 99) << i << " " << j;
      }
    }
  }
}

TYPED_TEST(LocallyConnectedLayerTest, TestBatchSizeChanges) {
  typedef typename TypeParam::Dtype Dtype;
  LocallyConnectedLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  for (int num : {3, 1, 5}) {
    this->FillBottom(num, 2, 5, 7);
    this->CheckAgainstReference(&layer);
    EXPECT_EQ(num, this->top_.num());
  }
}

TYPED_TEST(LocallyConnectedLayerTest, TestThreadsDoNotChangeResults) {
  typedef typename TypeParam::Dtype Dtype;
  const int threads = omp_get_max_threads();
  this->FillBottom(3, 2, 16, 7);  // rows enough to meet in the bottom
  LocallyConnectedLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  vector<vector<Dtype> > results;
  for (int count : {1, 2, 5}) {
    omp_set_num_threads(count);
    Caffe::set_random_seed(3);
    this->Run(&layer);
    vector<Dtype> result(this->top_.cpu_data(),
                         this->top_.cpu_data() + this->top_.count());
    const Blob<Dtype>* ends[] = {&this->bottom_, layer.blobs()[0].get(),
                                 layer.blobs()[1].get()};
    for (const Blob<Dtype>* end : ends) {
      result.insert(result.end(), end->cpu_diff(),
                    end->cpu_diff() + end->count());
    }
    results.push_back(result);
  }
  omp_set_num_threads(threads);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TYPED_TEST(LocallyConnectedLayerTest, TestSnapshotAndReload) {
  typedef typename TypeParam::Dtype Dtype;
  LocallyConnectedLayer<Dtype> layer(this->param_);
  layer.SetUp(this->bottoms_, this->tops_);
  layer.Forward(this->bottoms_, this->tops_);
  LayerParameter saved;
  layer.ToProto(&saved);
  ASSERT_EQ(2, saved.blobs_size());
  LocallyConnectedLayer<Dtype> loaded(saved);
  Blob<Dtype> other_top;
  vector<Blob<Dtype>*> other_tops(1, &other_top);
  loaded.SetUp(this->bottoms_, other_tops);
  loaded.Forward(this->bottoms_, other_tops);
  for (int i = 0; i < this->top_.count(); ++i) {
    EXPECT_EQ(this->top_.cpu_data()[i], other_top.cpu_data()[i]);
  }
}

}  // namespace caffe
