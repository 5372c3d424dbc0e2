#include "caffe/util/onednn_layers.hpp"

#include <cstdlib>
#include <string>

#include "caffe/layers/batch_norm_layer.hpp"
#include "caffe/layers/concat_layer.hpp"
#include "caffe/layers/conv_layer.hpp"
#include "caffe/layers/eltwise_layer.hpp"
#include "caffe/layers/inner_product_layer.hpp"
#include "caffe/layers/lrn_layer.hpp"
#include "caffe/layers/onednn_batch_norm_layer.hpp"
#include "caffe/layers/onednn_conv_layer.hpp"
#include "caffe/layers/onednn_inner_product_layer.hpp"
#include "caffe/layers/onednn_joining_layers.hpp"
#include "caffe/layers/onednn_lrn_layer.hpp"
#include "caffe/layers/onednn_pooling_layer.hpp"
#include "caffe/layers/onednn_region_layer.hpp"
#include "caffe/layers/onednn_relu_layer.hpp"
#include "caffe/layers/onednn_scale_layer.hpp"
#include "caffe/layers/pooling_layer.hpp"
#include "caffe/layers/region_layer.hpp"
#include "caffe/layers/relu_layer.hpp"
#include "caffe/layers/scale_layer.hpp"
#include "caffe/layers/split_layer.hpp"
#include "caffe/util/onednn_errors.hpp"

namespace caffe {

namespace {

enum Engine { DEFAULT = 0, CAFFE = 1, ONEDNN = 3 };  // as in caffe.proto

// A type of layer that oneDNN computes.
struct Kind {
  int (*engine)(const LayerParameter& param);
  const char* type;
  Layer<float>* (*layer)(const LayerParameter& param);
  Layer<double>* (*double_layer)(const LayerParameter& param);  // Caffe's own
};

#ifdef USE_ONEDNN
template <typename Dtype, class NewLayer>
Layer<Dtype>* New(const LayerParameter& param) {
  return new NewLayer(param);
}
#define CREATORS(Type)                             \
  New<float, NamedInErrors<OneDNN##Type##Layer> >, \
      New<double, Type##Layer<double> >
#else
#define CREATORS(Type) NULL, NULL
#endif

template <class Param, const Param& (LayerParameter::*param)() const>
int EngineOf(const LayerParameter& layer) {
  return (layer.*param)().engine();
}

// Split has no options: Caffe itself puts it into nets.
int DefaultEngine(const LayerParameter&) {
  return DEFAULT;
}

#define KIND(Type, field) \
  { EngineOf<Type##Parameter, &LayerParameter::field>, #Type, CREATORS(Type) }

const Kind kKinds[] = {KIND(BatchNorm, batch_norm_param),
                       KIND(Concat, concat_param),
                       KIND(Convolution, convolution_param),
                       KIND(Eltwise, eltwise_param),
                       KIND(InnerProduct, inner_product_param),
                       KIND(LRN, lrn_param),
                       KIND(Pooling, pooling_param),
                       KIND(Region, region_param),
                       KIND(ReLU, relu_param),
                       KIND(Scale, scale_param),
                       {DefaultEngine, "Split", CREATORS(Split)}};

const Kind* Find(const string& type) {
  for (const Kind& kind : kKinds) {
    if (type == kind.type) return &kind;
  }
  return NULL;
}

Layer<float>* Create(const Kind& kind, const LayerParameter& param, float) {
  return kind.layer(param);
}

Layer<double>* Create(const Kind& kind, const LayerParameter& param, double) {
  return kind.double_layer(param);
}

}  // namespace

bool OneDNNIsDefault() {
#if defined(USE_ONEDNN) && defined(CPU_ONLY)
  const char* variable = getenv("CAFFE_ENGINE");
  const string engine = variable ? variable : "";
  LOG_IF(FATAL, !engine.empty() && engine != "ONEDNN" && engine != "CAFFE")
      << "CAFFE_ENGINE is '" << engine << "' in the environment; give it CAFFE "
      << "or ONEDNN, or unset it (ONEDNN).";
  return engine != "CAFFE";
#else
  return false;
#endif
}

bool UsesOneDNN(const LayerParameter& param) {
  const Kind* kind = Find(param.type());
  const int engine = kind ? kind->engine(param) : CAFFE;
#ifndef USE_ONEDNN
  LOG_IF(FATAL, engine == ONEDNN)
      << param.type() << " layer '" << param.name() << "' asks for engine: "
      << "ONEDNN, which this Caffe was built without; build it with oneDNN "
      << "(Debian: libdnnl-dev), or leave the engine out.";
#endif
  return engine == ONEDNN || (engine == DEFAULT && OneDNNIsDefault());
}

template <typename Dtype>
shared_ptr<Layer<Dtype> > CreateOneDNNLayer(const LayerParameter& param) {
  return shared_ptr<Layer<Dtype> >(
      Create(*CHECK_NOTNULL(Find(param.type())), param, Dtype(0)));
}

template shared_ptr<Layer<float> > CreateOneDNNLayer(const LayerParameter&);
template shared_ptr<Layer<double> > CreateOneDNNLayer(const LayerParameter&);

}  // namespace caffe
