#include "caffe/util/onednn_layers.hpp"

#include <cstdlib>
#include <string>

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

namespace {

enum Engine { DEFAULT = 0, CAFFE = 1, ONEDNN = 3 };  // as in caffe.proto

int EngineOf(const LayerParameter& param) {
  if (param.type() == "Convolution") return param.convolution_param().engine();
  if (param.type() == "InnerProduct")
    return param.inner_product_param().engine();
  if (param.type() == "LRN") return param.lrn_param().engine();
  if (param.type() == "Pooling") return param.pooling_param().engine();
  if (param.type() == "Region") return param.region_param().engine();
  if (param.type() == "ReLU") return param.relu_param().engine();
  return CAFFE;
}

}  // namespace

bool OneDNNIsDefault() {
#if defined(USE_ONEDNN) && defined(CPU_ONLY)
  const char* engine = getenv("CAFFE_ENGINE");
  return engine && engine == std::string("ONEDNN");
#else
  return false;
#endif
}

bool UsesOneDNN(const LayerParameter& param) {
  const int engine = EngineOf(param);
#ifndef USE_ONEDNN
  LOG_IF(FATAL, engine == ONEDNN)
      << param.type() << " layer '" << param.name() << "' asks for engine: "
      << "ONEDNN, which this Caffe was built without; build it with oneDNN "
      << "(Debian: libdnnl-dev), or leave the engine out.";
#endif
  return engine == ONEDNN || (engine == DEFAULT && OneDNNIsDefault());
}

#ifdef USE_ONEDNN
namespace {

template <template <typename> class CaffeLayer, class OneDNNLayer>
Layer<float>* New(const LayerParameter& param, float) {
  return new OneDNNLayer(param);
}

template <template <typename> class CaffeLayer, class OneDNNLayer>
Layer<double>* New(const LayerParameter& param, double) {
  return new CaffeLayer<double>(param);
}

template <typename Dtype>
Layer<Dtype>* New(const LayerParameter& param) {
  const Dtype type = 0;
  if (param.type() == "Convolution")
    return New<ConvolutionLayer, OneDNNConvolutionLayer>(param, type);
  if (param.type() == "InnerProduct")
    return New<InnerProductLayer, OneDNNInnerProductLayer>(param, type);
  if (param.type() == "LRN") return New<LRNLayer, OneDNNLRNLayer>(param, type);
  if (param.type() == "Pooling")
    return New<PoolingLayer, OneDNNPoolingLayer>(param, type);
  if (param.type() == "Region")
    return New<RegionLayer, OneDNNRegionLayer>(param, type);
  CHECK_EQ(param.type(), "ReLU");
  return New<ReLULayer, OneDNNReLULayer>(param, type);
}

}  // namespace

template <typename Dtype>
shared_ptr<Layer<Dtype> > CreateOneDNNLayer(const LayerParameter& param) {
  return shared_ptr<Layer<Dtype> >(New<Dtype>(param));
}
#else
template <typename Dtype>
shared_ptr<Layer<Dtype> > CreateOneDNNLayer(const LayerParameter& param) {
  return shared_ptr<Layer<Dtype> >();  // UsesOneDNN never says yes
}
#endif

template shared_ptr<Layer<float> > CreateOneDNNLayer(const LayerParameter&);
template shared_ptr<Layer<double> > CreateOneDNNLayer(const LayerParameter&);

}  // namespace caffe
