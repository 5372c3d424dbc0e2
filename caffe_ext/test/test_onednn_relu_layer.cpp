// Caffe's own tests of the layer, compiled again with oneDNN's in its place.
#ifdef USE_ONEDNN
#include "caffe/layers/onednn_relu_layer.hpp"
#include "caffe/test/test_caffe_main.hpp"

namespace caffe {
template <typename Dtype>
using OneDNNReLULayerOf = OneDNNReLULayer;
typedef ::testing::Types<CPUDevice<float> > OneDNNDevices;
}  // namespace caffe

#define ReLULayer OneDNNReLULayerOf
#define NeuronLayerTest OneDNNNeuronLayerTest
#define TestDtypesAndDevices OneDNNDevices
#include "caffe/test/test_neuron_layer.cpp"  // NOLINT(build/include)

#endif  // USE_ONEDNN
