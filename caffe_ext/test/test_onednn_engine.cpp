#ifdef USE_ONEDNN
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <typeinfo>
#include <vector>

#include "caffe/layer_factory.hpp"
#include "caffe/layers/conv_layer.hpp"
#include "caffe/layers/inner_product_layer.hpp"
#include "caffe/layers/lrn_layer.hpp"
#include "caffe/layers/onednn_conv_layer.hpp"
#include "caffe/layers/onednn_inner_product_layer.hpp"
#include "caffe/layers/onednn_lrn_layer.hpp"
#include "caffe/layers/onednn_pooling_layer.hpp"
#include "caffe/layers/onednn_region_layer.hpp"
#include "caffe/layers/onednn_relu_layer.hpp"
#include "caffe/layers/pooling_layer.hpp"
#include "caffe/layers/region_layer.hpp"
#include "caffe/layers/relu_layer.hpp"

namespace caffe {

// Which class a layer's engine field and the environment lead to.
class OneDNNEngineTest : public ::testing::Test {
 protected:
  virtual void SetUp() {
    Caffe::set_mode(Caffe::CPU);
    const char* engine = getenv("CAFFE_ENGINE");
    given_ = engine ? engine : "";
    unsetenv("CAFFE_ENGINE");
  }
  virtual void TearDown() {
    if (given_.empty()) {
      unsetenv("CAFFE_ENGINE");
    } else {
      setenv("CAFFE_ENGINE", given_.c_str(), 1);
    }
  }

  template <typename Dtype>
  static const std::type_info& Created(const LayerParameter& param) {
    const shared_ptr<Layer<Dtype> > layer =
        LayerRegistry<Dtype>::CreateLayer(param);
    return typeid(*layer);
  }

  template <class OneDNN>
  void ExpectOneDNN(const LayerParameter& param) {
    EXPECT_TRUE(
        dynamic_cast<OneDNN*>(LayerRegistry<float>::CreateLayer(param).get()))
        << param.type();
  }

  template <template <typename> class CaffeLayer>
  void ExpectCaffe(const LayerParameter& param) {
    EXPECT_TRUE(typeid(CaffeLayer<float>) == Created<float>(param))
        << param.type();
    ExpectCaffeForDouble<CaffeLayer>(param);
  }

  template <template <typename> class CaffeLayer>
  void ExpectCaffeForDouble(const LayerParameter& param) {
    EXPECT_TRUE(typeid(CaffeLayer<double>) == Created<double>(param))
        << param.type();
  }

  static LayerParameter Param(const string& type) {
    LayerParameter param;
    param.set_type(type);
    return param;
  }

  string given_;
};

#ifdef CPU_ONLY
TEST_F(OneDNNEngineTest, OneDNNIsTheDefault) {
  for (const char* engine : {"", "ONEDNN"}) {
    setenv("CAFFE_ENGINE", engine, 1);
    ExpectOneDNN<OneDNNConvolutionLayer>(Param("Convolution"));
    ExpectOneDNN<OneDNNInnerProductLayer>(Param("InnerProduct"));
    ExpectOneDNN<OneDNNLRNLayer>(Param("LRN"));
    ExpectOneDNN<OneDNNPoolingLayer>(Param("Pooling"));
    ExpectOneDNN<OneDNNRegionLayer>(Param("Region"));
    ExpectOneDNN<OneDNNReLULayer>(Param("ReLU"));
    ExpectCaffeForDouble<ConvolutionLayer>(Param("Convolution"));
  }
  unsetenv("CAFFE_ENGINE");
  ExpectOneDNN<OneDNNConvolutionLayer>(Param("Convolution"));
}

TEST_F(OneDNNEngineTest, EnvironmentChoosesCaffe) {
  setenv("CAFFE_ENGINE", "CAFFE", 1);
  ExpectCaffe<ConvolutionLayer>(Param("Convolution"));
  ExpectCaffe<InnerProductLayer>(Param("InnerProduct"));
  ExpectCaffe<LRNLayer>(Param("LRN"));
  ExpectCaffe<PoolingLayer>(Param("Pooling"));
  ExpectCaffe<RegionLayer>(Param("Region"));
  ExpectCaffe<ReLULayer>(Param("ReLU"));
}

TEST_F(OneDNNEngineTest, NoEngineOfThatName) {
  setenv("CAFFE_ENGINE", "MKLDNN", 1);
  EXPECT_EXIT(Created<float>(Param("ReLU")), ::testing::ExitedWithCode(1),
              "CAFFE_ENGINE is 'MKLDNN' .* give it CAFFE or ONEDNN");
}
#endif

TEST_F(OneDNNEngineTest, FieldChoosesCaffe) {
  setenv("CAFFE_ENGINE", "ONEDNN", 1);
  LayerParameter convolution = Param("Convolution");
  convolution.mutable_convolution_param()->set_engine(
      ConvolutionParameter_Engine_CAFFE);
  ExpectCaffe<ConvolutionLayer>(convolution);
  LayerParameter product = Param("InnerProduct");
  product.mutable_inner_product_param()->set_engine(
      InnerProductParameter_Engine_CAFFE);
  ExpectCaffe<InnerProductLayer>(product);
  LayerParameter lrn = Param("LRN");
  lrn.mutable_lrn_param()->set_engine(LRNParameter_Engine_CAFFE);
  ExpectCaffe<LRNLayer>(lrn);
  LayerParameter pooling = Param("Pooling");
  pooling.mutable_pooling_param()->set_engine(PoolingParameter_Engine_CAFFE);
  ExpectCaffe<PoolingLayer>(pooling);
  LayerParameter relu = Param("ReLU");
  relu.mutable_relu_param()->set_engine(ReLUParameter_Engine_CAFFE);
  ExpectCaffe<ReLULayer>(relu);
  LayerParameter region = Param("Region");
  region.mutable_region_param()->set_engine(RegionParameter_Engine_CAFFE);
  ExpectCaffe<RegionLayer>(region);
}

TEST_F(OneDNNEngineTest, FieldGoesBeforeTheEnvironment) {
  setenv("CAFFE_ENGINE", "CAFFE", 1);
  LayerParameter convolution = Param("Convolution");
  convolution.mutable_convolution_param()->set_engine(
      ConvolutionParameter_Engine_ONEDNN);
  ExpectOneDNN<OneDNNConvolutionLayer>(convolution);
  ExpectCaffeForDouble<ConvolutionLayer>(convolution);
}

// With the channels that tests of oneDNN's layers have (OneDNNTests.cmake).
TEST(LRNAndPoolingTest, TestRunOneDNN) {
  Caffe::set_mode(Caffe::CPU);
  for (const char* type : {"LRN", "Pooling"}) {
    LayerParameter param;
    param.set_type(type);
    param.mutable_lrn_param()->set_engine(LRNParameter_Engine_ONEDNN);
    param.mutable_pooling_param()->set_engine(PoolingParameter_Engine_ONEDNN);
    param.mutable_pooling_param()->set_kernel_size(3);
    const shared_ptr<Layer<float> > layer =
        LayerRegistry<float>::CreateLayer(param);
    Blob<float> bottom(2, 16, 3, 3), top;
    const vector<Blob<float>*> bottoms(1, &bottom), tops(1, &top);
    layer->SetUp(bottoms, tops);
    const uint64_t before = onednn::PrimitivesRun();
    layer->Forward(bottoms, tops);
    EXPECT_LT(before, onednn::PrimitivesRun()) << type;
  }
}

}  // namespace caffe
#endif  // USE_ONEDNN
