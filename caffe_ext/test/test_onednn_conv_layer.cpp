// Caffe's own tests of the layer, compiled again with oneDNN's in its place.
#ifdef USE_ONEDNN
#include "caffe/layers/onednn_conv_layer.hpp"
#include "caffe/test/test_caffe_main.hpp"

namespace caffe {
template <typename Dtype>
using OneDNNConvolutionLayerOf = OneDNNConvolutionLayer;
typedef ::testing::Types<CPUDevice<float> > OneDNNDevices;
}  // namespace caffe

#define ConvolutionLayer OneDNNConvolutionLayerOf
#define ConvolutionLayerTest OneDNNConvolutionLayerTest
#define TestDtypesAndDevices OneDNNDevices
#include "caffe/test/test_convolution_layer.cpp"  // NOLINT(build/include)

#endif  // USE_ONEDNN
