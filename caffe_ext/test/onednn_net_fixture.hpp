#ifndef CAFFE_EXT_TEST_ONEDNN_NET_FIXTURE_HPP_
#define CAFFE_EXT_TEST_ONEDNN_NET_FIXTURE_HPP_

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "caffe/filler.hpp"
#include "caffe/net.hpp"
#include "caffe/util/math_functions.hpp"

namespace caffe {

// Nets that differ only in their layers' engine must agree, in every blob and
// every gradient, while blobs pass between layers in private layouts.
class OneDNNNetTest : public ::testing::Test {
 protected:
  OneDNNNetTest() : phase_(TRAIN) {}

  virtual void SetUp() {
    Caffe::set_mode(Caffe::CPU);
    Caffe::set_random_seed(1701);
  }

  // {engine} in layers stands for the engine; the input is called data.
  void Create(const vector<int>& shape, const string& layers,
              bool force_backward = true) {
    ours_ = NewNet(shape, layers, "ONEDNN", force_backward);
    caffe_ = NewNet(shape, layers, "CAFFE", force_backward);
    CopyWeights(*ours_, caffe_.get());
  }

  static void CopyWeights(const Net<float>& from, Net<float>* to) {
    NetParameter weights;
    from.ToProto(&weights);
    to->CopyTrainedLayersFrom(weights);
  }

  shared_ptr<Net<float> > NewNet(const vector<int>& shape, string layers,
                                 const string& engine,
                                 bool force_backward = true) const {
    const string mark = "{engine}";
    for (size_t at; (at = layers.find(mark)) != string::npos;) {
      layers.replace(at, mark.size(), "engine: " + engine);
    }
    NetParameter param;
    CHECK(google::protobuf::TextFormat::ParseFromString(layers, &param));
    param.mutable_state()->set_phase(phase_);
    param.set_force_backward(force_backward);
    if (!force_backward) {  // nothing has a gradient then but what leads to
                            // loss
      param.mutable_layer(param.layer_size() - 1)->add_loss_weight(1);
    }
    LayerParameter* input = param.add_layer();
    input->set_name("input");
    input->set_type("Input");
    input->add_top("data");
    for (size_t i = 0; i < shape.size(); ++i) {
      if (i == 0) input->mutable_input_param()->add_shape();
      input->mutable_input_param()->mutable_shape(0)->add_dim(shape[i]);
    }
    for (int i = param.layer_size() - 1; i > 0; --i) {
      param.mutable_layer()->SwapElements(i, i - 1);
    }
    return shared_ptr<Net<float> >(new Net<float>(param));
  }

  // One training iteration of both: the same input, and the same gradient of
  // the output.
  void Iterate() {
    NewValues();
    for (Net<float>* net : {ours_.get(), caffe_.get()}) {
      net->ClearParamDiffs();
      Forward(net);
      Backward(net);
    }
  }

  // Of the input, and of the output's gradient.
  void NewValues() {
    data_.ReshapeLike(*ours_->input_blobs()[0]);
    gradient_.ReshapeLike(*ours_->output_blobs()[0]);
    GaussianFiller<float> filler((FillerParameter()));
    filler.Fill(&data_);
    filler.Fill(&gradient_);
  }

  void Forward(Net<float>* net) const {
    net->input_blobs()[0]->CopyFrom(data_);
    net->Forward();
  }

  void Backward(Net<float>* net) const {
    caffe_copy(gradient_.count(), gradient_.cpu_data(),
               net->output_blobs()[0]->mutable_cpu_diff());
    net->Backward();
  }

  void ExpectSame() const { ExpectSame(*ours_, *caffe_); }

  static void ExpectSame(const Net<float>& ours, const Net<float>& caffe) {
    for (size_t i = 0; i < ours.blobs().size(); ++i) {
      ExpectSame(ours.blob_names()[i], *ours.blobs()[i], *caffe.blobs()[i]);
    }
    for (size_t i = 0; i < ours.params().size(); ++i) {
      ExpectSame("a parameter", *ours.params()[i], *caffe.params()[i]);
    }
  }

  static void ExpectSame(const string& name, const Blob<float>& ours,
                         const Blob<float>& caffe) {
    ASSERT_EQ(ours.shape(), caffe.shape());
    ExpectNear(name + "'s data", ours.count(), ours.cpu_data(),
               caffe.cpu_data());
    ExpectNear(name + "'s diff", ours.count(), ours.cpu_diff(),
               caffe.cpu_diff());
  }

  // To 1e-4 of the largest value: sums of some 1,000 floats in another order.
  static void ExpectNear(const string& name, int count, const float* ours,
                         const float* caffe) {
    float largest = 0;
    for (int i = 0; i < count; ++i) {
      largest = std::max(largest, std::abs(caffe[i]));
    }
    for (int i = 0; i < count; ++i) {
      ASSERT_NEAR(caffe[i], ours[i], 1e-4 * largest) << name << " at " << i;
    }
  }

  bool IsPrivate(const string& blob) const {
    return ours_->blob_by_name(blob)->data()->private_data().get() != NULL;
  }

  Phase phase_;  // of the nets
  Blob<float> data_, gradient_;

  shared_ptr<Net<float> > ours_, caffe_;
};

const char kNetwork[] =
    "layer { name: 'conv1' type: 'Convolution' bottom: 'data' top: 'conv1' "
    "  convolution_param { num_output: 32 kernel_size: 5 {engine} "
    "    weight_filler { type: 'xavier' } "
    "    bias_filler { type: 'gaussian' } } } "
    "layer { name: 'relu1' type: 'ReLU' bottom: 'conv1' top: 'conv1' "
    "  relu_param { {engine} } } "
    "layer { name: 'pool1' type: 'Pooling' bottom: 'conv1' top: 'pool1' "
    "  pooling_param { kernel_size: 3 stride: 2 {engine} } } "
    "layer { name: 'norm1' type: 'LRN' bottom: 'pool1' top: 'norm1' "
    "  lrn_param { local_size: 5 alpha: 0.5 beta: 0.75 {engine} } } "
    "layer { name: 'conv2' type: 'Convolution' bottom: 'norm1' top: 'conv2' "
    "  convolution_param { num_output: 16 kernel_size: 3 pad: 1 {engine} "
    "    weight_filler { type: 'xavier' } } } "
    "layer { name: 'relu2' type: 'ReLU' bottom: 'conv2' top: 'conv2' "
    "  relu_param { negative_slope: 0.1 {engine} } } "
    "layer { name: 'fc' type: 'InnerProduct' bottom: 'conv2' top: 'fc' "
    "  inner_product_param { num_output: 10 {engine} "
    "    weight_filler { type: 'xavier' } "
    "    bias_filler { type: 'gaussian' } } } ";

}  // namespace caffe

#endif  // CAFFE_EXT_TEST_ONEDNN_NET_FIXTURE_HPP_
