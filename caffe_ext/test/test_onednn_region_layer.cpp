// The tests of RegionLayer, compiled again with oneDNN's in its place.
#ifdef USE_ONEDNN
#include "caffe/layers/onednn_region_layer.hpp"
#include "caffe/test/test_caffe_main.hpp"

namespace caffe {
template <typename Dtype>
using OneDNNRegionLayerOf = OneDNNRegionLayer;
typedef ::testing::Types<CPUDevice<float> > OneDNNDevices;
}  // namespace caffe

#define RegionLayer OneDNNRegionLayerOf
#define RegionLayerTest OneDNNRegionLayerTest
#define RegionReference OneDNNRegionReference
#define TestDtypesAndDevices OneDNNDevices
#include "test_region_layer.cpp"  // NOLINT(build/include)
#endif                            // USE_ONEDNN
