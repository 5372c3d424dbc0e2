#ifdef USE_ONEDNN
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "onednn_net_fixture.hpp"  // NOLINT(build/include_subdir)

namespace caffe {

// Whether somebody has looked at blobs, so that they are plain, must not change
// a bit of any result.
class OneDNNLayoutsTest : public OneDNNNetTest {
 protected:
  // blocked: oneDNN has fast code for all layers on any processor.
  void ExpectLooksChangeNothing(const vector<int>& shape, const string& layers,
                                bool blocked) {
    ours_ = NewNet(shape, layers, "ONEDNN");
    caffe_.reset();
    shared_ptr<Net<float> > watched = NewNet(shape, layers, "ONEDNN");
    CopyWeights(*ours_, watched.get());
    for (int iteration = 0; iteration < 2; ++iteration) {
      NewValues();
      for (Net<float>* net : {ours_.get(), watched.get()}) {
        net->ClearParamDiffs();
        Forward(net);
        Backward(net);
      }
      Look(*watched);  // the second iteration then finds it plain
    }
    if (blocked) {
      EXPECT_TRUE(IsPrivate("conv"));
    }
    ExpectIdentical(*ours_, *watched);
  }

  static void Look(const Net<float>& net) {
    for (const shared_ptr<Blob<float> >& blob : net.blobs()) {
      blob->cpu_data();
      blob->cpu_diff();
    }
  }

  static void ExpectIdentical(const Net<float>& net, const Net<float>& other) {
    for (size_t i = 0; i < net.blobs().size(); ++i) {
      SCOPED_TRACE(net.blob_names()[i]);
      ExpectIdentical(*net.blobs()[i], *other.blobs()[i]);
    }
    for (size_t i = 0; i < net.params().size(); ++i) {
      SCOPED_TRACE("a parameter");
      ExpectIdentical(*net.params()[i], *other.params()[i]);
    }
  }

  static void ExpectIdentical(const Blob<float>& blob,
                              const Blob<float>& other) {
    for (int i = 0; i < blob.count(); ++i) {
      ASSERT_EQ(blob.cpu_data()[i], other.cpu_data()[i]) << "data at " << i;
      ASSERT_EQ(blob.cpu_diff()[i], other.cpu_diff()[i]) << "diff at " << i;
    }
  }
};

// Channels of which oneDNN makes blocks of 16 (AlexNet's 96), of 8, and none.
TEST_F(OneDNNLayoutsTest, PooledAndNormalized) {
  for (int channels : {96, 24, 20, 3}) {
    SCOPED_TRACE(channels);
    ExpectLooksChangeNothing(
        {2, 3, 31, 27},
        "layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'conv' "
        "  convolution_param { kernel_size: 5 stride: 2 {engine} "
        "    weight_filler { type: 'xavier' } num_output: " +
            std::to_string(channels) +
            "} } "
            "layer { name: 'relu' type: 'ReLU' bottom: 'conv' top: 'conv' "
            "  relu_param { {engine} } } "
            "layer { name: 'max' type: 'Pooling' bottom: 'conv' top: 'max' "
            "  pooling_param { kernel_size: 3 stride: 2 {engine} } } "
            "layer { name: 'norm' type: 'LRN' bottom: 'max' top: 'norm' "
            "  lrn_param { local_size: 5 alpha: 0.5 {engine} } } "
            "layer { name: 'mean' type: 'Pooling' bottom: 'norm' top: 'mean' "
            "  pooling_param { pool: AVE kernel_size: 2 {engine} } } "
            "layer { name: 'fc' type: 'InnerProduct' bottom: 'mean' top: 'fc' "
            "  inner_product_param { num_output: 10 {engine} "
            "    weight_filler { type: 'xavier' } } } ",
        channels % 8 == 0);
  }
}

TEST_F(OneDNNLayoutsTest, Region) {
  ExpectLooksChangeNothing(
      {2, 3, 18, 18},
      "layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'conv' "
      "  convolution_param { kernel_size: 3 num_output: 32 {engine} "
      "    weight_filler { type: 'xavier' } } } "
      "layer { name: 'region' type: 'Region' bottom: 'conv' top: 'region' "
      "  region_param { grid: 2 {engine} weight_filler { type: 'msra' } } } "
      "layer { name: 'pool' type: 'Pooling' bottom: 'region' top: 'pool' "
      "  pooling_param { kernel_size: 2 stride: 2 {engine} } } ",
      true);
}

}  // namespace caffe
#endif  // USE_ONEDNN
