#ifndef CAFFE_EXT_TEST_LOCALLY_CONNECTED_FIXTURE_HPP_
#define CAFFE_EXT_TEST_LOCALLY_CONNECTED_FIXTURE_HPP_

#include <vector>

#include "caffe/blob.hpp"
#include "caffe/common.hpp"
#include "caffe/layers/locally_connected_layer.hpp"
#include "caffe/util/math_functions.hpp"

#include "caffe/test/test_caffe_main.hpp"
#include "locally_connected_reference.hpp"  // NOLINT(build/include_subdir)

namespace caffe {

/// A layer of 3 filters a position, 3 x 3, over 3 images of 2 x 5 x 7.
template <typename TypeParam>
class LocallyConnectedLayerTest : public MultiDeviceTest<TypeParam> {
  typedef typename TypeParam::Dtype Dtype;

 protected:
  LocallyConnectedLayerTest() {
    Caffe::set_random_seed(1701);
    FillBottom(3, 2, 5, 7);
    bottoms_.push_back(&bottom_);
    tops_.push_back(&top_);
    param_.set_name("local2");
    param_.add_bottom("conv1");
    lc_ = param_.mutable_locally_connected_param();
    lc_->set_num_output(3);
    lc_->set_kernel_size(3);
    lc_->mutable_weight_filler()->set_type("gaussian");
    lc_->mutable_bias_filler()->set_type("gaussian");
  }

  void FillBottom(int num, int channels, int height, int width) {
    bottom_.Reshape(num, channels, height, width);
    caffe_rng_gaussian<Dtype>(bottom_.count(), 0, 1,
                              bottom_.mutable_cpu_data());
  }

  // Forward and backward; the bottom's diff held something else before, and
  // the parameters' diffs held 0.5, to which theirs is added.
  void Run(LocallyConnectedLayer<Dtype>* layer) {
    layer->Reshape(bottoms_, tops_);
    layer->Forward(bottoms_, tops_);
    caffe_rng_gaussian<Dtype>(top_.count(), 0, 1, top_.mutable_cpu_diff());
    caffe_set(bottom_.count(), Dtype(99), bottom_.mutable_cpu_diff());
    for (int i = 0; i < layer->blobs().size(); ++i) {
      Blob<Dtype>* blob = layer->blobs()[i].get();
      caffe_set(blob->count(), Dtype(0.5), blob->mutable_cpu_diff());
    }
    layer->Backward(tops_, vector<bool>(1, true), bottoms_);
  }

  void CheckAgainstReference() {
    LocallyConnectedLayer<Dtype> layer(param_);
    layer.SetUp(bottoms_, tops_);
    CheckAgainstReference(&layer);
  }

  void CheckAgainstReference(LocallyConnectedLayer<Dtype>* layer) {
    Run(layer);
    const LocallyConnectedReference<Dtype> reference(bottom_, top_,
                                                     layer->blobs(), *lc_);
    // Sums of up to 180 products reach 50, where a float's step is 4e-6 (a
    // double's 7e-15): ten steps. Tests with more taps have smaller weights.
    const double tolerance = sizeof(Dtype) == 4 ? 4e-5 : 7e-14;
    for (int i = 0; i < top_.count(); ++i) {
      ASSERT_NEAR(reference.y[i], top_.cpu_data()[i], tolerance);
    }
    for (int i = 0; i < bottom_.count(); ++i) {
      ASSERT_NEAR(reference.dx[i], bottom_.cpu_diff()[i], tolerance);
    }
    const vector<double>* gradients[] = {&reference.dw, &reference.db};
    for (int b = 0; b < layer->blobs().size(); ++b) {
      for (int i = 0; i < layer->blobs()[b]->count(); ++i) {
        ASSERT_NEAR(0.5 + (*gradients[b])[i], layer->blobs()[b]->cpu_diff()[i],
                    tolerance);
      }
    }
  }

  Blob<Dtype> bottom_, top_;
  vector<Blob<Dtype>*> bottoms_, tops_;
  LayerParameter param_;
  LocallyConnectedParameter* lc_;
};

}  // namespace caffe

#endif  // CAFFE_EXT_TEST_LOCALLY_CONNECTED_FIXTURE_HPP_
