// Caffe's own tests of the layer, compiled again with oneDNN's in its place.
#ifdef USE_ONEDNN
#include "caffe/layers/onednn_pooling_layer.hpp"
#include "caffe/test/test_caffe_main.hpp"

namespace caffe {
template <typename Dtype>
using OneDNNPoolingLayerOf = OneDNNPoolingLayer;
typedef ::testing::Types<CPUDevice<float> > OneDNNDevices;
}  // namespace caffe

#define PoolingLayer OneDNNPoolingLayerOf
#define PoolingLayerTest OneDNNPoolingLayerTest
#define TestDtypesAndDevices OneDNNDevices
#include "caffe/test/test_pooling_layer.cpp"  // NOLINT(build/include)

#endif  // USE_ONEDNN
