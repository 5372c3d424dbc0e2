// Caffe's own tests of the layer, compiled again with oneDNN's in its place.
#ifdef USE_ONEDNN
#include "caffe/layers/onednn_inner_product_layer.hpp"
#include "caffe/test/test_caffe_main.hpp"

namespace caffe {
template <typename Dtype>
using OneDNNInnerProductLayerOf = OneDNNInnerProductLayer;
typedef ::testing::Types<CPUDevice<float> > OneDNNDevices;
}  // namespace caffe

#define InnerProductLayer OneDNNInnerProductLayerOf
#define InnerProductLayerTest OneDNNInnerProductLayerTest
#define TestDtypesAndDevices OneDNNDevices
#include "caffe/test/test_inner_product_layer.cpp"  // NOLINT(build/include)

#endif  // USE_ONEDNN
