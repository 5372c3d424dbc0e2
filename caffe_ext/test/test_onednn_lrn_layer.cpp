// Caffe's own tests of the layer, compiled again with oneDNN's in its place.
#ifdef USE_ONEDNN
#include "caffe/layers/onednn_lrn_layer.hpp"
#include "caffe/test/test_caffe_main.hpp"

namespace caffe {
template <typename Dtype>
using OneDNNLRNLayerOf = OneDNNLRNLayer;
typedef ::testing::Types<CPUDevice<float> > OneDNNDevices;
}  // namespace caffe

#define LRNLayer OneDNNLRNLayerOf
#define LRNLayerTest OneDNNLRNLayerTest
#define TestDtypesAndDevices OneDNNDevices
#include "caffe/test/test_lrn_layer.cpp"  // NOLINT(build/include)

#endif  // USE_ONEDNN
