#ifdef USE_ONEDNN
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "onednn_net_fixture.hpp"  // NOLINT(build/include_subdir)

namespace caffe {

class OneDNNSingleLayerTest : public OneDNNNetTest {
 protected:
  static void ExpectEqual(float expected, float value) {
    EXPECT_TRUE(expected == value ||
                (std::isnan(expected) && std::isnan(value)))
        << expected << ", " << value;
  }
};

// As stock Caffe: where no forward pass has chosen since the blobs were
// reshaped, each window's gradient goes to one of its values.
TEST_F(OneDNNSingleLayerTest, MaxPoolingBackwardAfterReshape) {
  Create({2, 16, 8, 8},
         "layer { name: 'p' type: 'Pooling' bottom: 'data' top: 'p' "
         "pooling_param { kernel_size: 2 stride: 2 {engine} } }");
  Iterate();
  ours_->input_blobs()[0]->Reshape({40, 16, 8, 8});
  ours_->Reshape();
  Blob<float>* top = ours_->output_blobs()[0];
  caffe_set<float>(top->count(), 1, top->mutable_cpu_diff());
  ours_->Backward();
  EXPECT_EQ(top->count(), ours_->input_blobs()[0]->asum_diff());
}

// A shape of bottom and what goes into convolution_param.
struct Convolution {
  vector<int> shape;
  const char* param;
};

TEST_F(OneDNNSingleLayerTest, Convolutions) {
  const Convolution convolutions[] = {
      {{2, 3, 17, 13}, "num_output: 7 kernel_size: 4"},
      {{2, 3, 17, 13}, "num_output: 32 kernel_h: 11 kernel_w: 5 stride: 4"},
      {{1, 5, 9, 8}, "num_output: 6 kernel_size: 3 pad_h: 2 pad_w: 1"},
      {{2, 16, 11, 11}, "num_output: 16 kernel_size: 3 dilation: 2 pad: 2"},
      {{2, 32, 9, 9}, "num_output: 64 kernel_size: 3 group: 2"},
      {{3, 6, 9, 9}, "num_output: 9 kernel_size: 3 group: 3 bias_term: false"},
      {{2, 8, 9, 9}, "num_output: 8 kernel_size: 3 group: 8"},
      {{2, 16, 5, 5}, "num_output: 16 kernel_size: 1 stride: 2"},
      {{2, 4, 15}, "num_output: 8 kernel_size: 3"},
      {{2, 4, 5, 6, 7}, "num_output: 8 kernel_size: 3"},
      {{2, 4, 3, 4, 3, 4}, "num_output: 2 kernel_size: 2"},
      {{2, 2, 4, 9, 9}, "num_output: 3 kernel_size: 3 axis: 2"},
  };
  for (const Convolution& convolution : convolutions) {
    SCOPED_TRACE(convolution.param);
    Create(convolution.shape,
           string("layer { name: 'conv' type: 'Convolution' bottom: 'data' "
                  "  top: 'conv' convolution_param { {engine} "
                  "    weight_filler { type: 'xavier' } ") +
               convolution.param + " } }");
    Iterate();
    ExpectSame();
  }
}

// The first one reads a plain blob, the second one a private one.
TEST_F(OneDNNSingleLayerTest, ReLUOfWhatIsNoNumber) {
  const float inf = INFINITY;
  const float values[] = {NAN, inf, -inf, 0, -0.f, 1, -1, 1e-40f};
  for (const char* slope : {"0", "0.5"}) {
    SCOPED_TRACE(slope);
    const string param =
        string("relu_param { {engine} negative_slope: ") + slope + " } } ";
    Create({1, 8},
           "layer { name: 'a' type: 'ReLU' bottom: 'data' top: 'a' " + param +
               "layer { name: 'b' type: 'ReLU' bottom: 'a' top: 'b' " + param);
    NewValues();
    std::copy_n(values, 8, data_.mutable_cpu_data());
    for (Net<float>* net : {ours_.get(), caffe_.get()}) {
      Forward(net);
      Backward(net);
    }
    for (const char* name : {"a", "b"}) {
      const Blob<float>& ours = *ours_->blob_by_name(name);
      const Blob<float>& caffe = *caffe_->blob_by_name(name);
      for (int i = 0; i < 8; ++i) {
        ExpectEqual(caffe.cpu_data()[i], ours.cpu_data()[i]);
        ExpectEqual(caffe.cpu_diff()[i], ours.cpu_diff()[i]);
      }
    }
  }
}

TEST_F(OneDNNSingleLayerTest, Poolings) {
  const char* poolings[] = {
      "kernel_size: 2 stride: 2",
      "kernel_size: 3 stride: 2",
      "kernel_size: 3 stride: 2 pad: 1",
      "kernel_size: 4 stride: 3 pad: 2",
      "kernel_h: 2 kernel_w: 3 stride: 2 round_mode: FLOOR",
      "kernel_size: 2 stride: 4 round_mode: FLOOR",
      "global_pooling: true",
  };
  for (const char* method : {"MAX", "AVE"}) {
    for (const char* pooling : poolings) {
      for (int channels : {5, 16}) {
        SCOPED_TRACE(string(method) + " " + pooling);
        Create({2, channels, 11, 14},
               string("layer { name: 'relu' type: 'ReLU' bottom: 'data' "
                      "  top: 'relu' relu_param { {engine} } } "
                      "layer { name: 'pool' type: 'Pooling' bottom: 'relu' "
                      "  top: 'pool' pooling_param { {engine} pool: ") +
                   method + " " + pooling + " } }");
        Iterate();
        ExpectSame();
      }
    }
  }
}

TEST_F(OneDNNSingleLayerTest, Normalizations) {
  const char* normalizations[] = {
      "local_size: 5 alpha: 1 beta: 0.75", "local_size: 3 alpha: 2 beta: 0.5",
      "local_size: 5 alpha: 1 beta: 0.75 k: 2",
      "local_size: 3 alpha: 1 norm_region: WITHIN_CHANNEL"};
  for (const char* normalization : normalizations) {
    for (int channels : {3, 16, 48}) {
      SCOPED_TRACE(normalization);
      Create({2, channels, 7, 6},
             string("layer { name: 'conv' type: 'Convolution' bottom: 'data' "
                    "  top: 'conv' convolution_param { kernel_size: 1 "
                    "    weight_filler { type: 'xavier' } num_output: ") +
                 std::to_string(channels) +
                 " {engine} } } "
                 "layer { name: 'norm' type: 'LRN' bottom: 'conv' top: 'norm' "
                 "  lrn_param { {engine} " +
                 normalization + " } }");
      Iterate();
      ExpectSame();
    }
  }
}

// A shape of bottom and what goes into region_param.
struct Region {
  vector<int> shape;
  const char* param;
  bool in_blocks;
};

TEST_F(OneDNNSingleLayerTest, Regions) {
  const Region regions[] = {
      {{2, 16, 20, 30}, "grid_h: 2 grid_w: 3", true},
      {{3, 20, 7, 18}, "grid_h: 1 grid_w: 2", false},
      {{2, 5, 21, 9}, "grid: 3", false},
      {{2, 32, 40, 40}, "grid: 2 use_global_stats: true", true},
      {{1, 32, 22, 11}, "grid: 1 bias_term: false", true},
      {{2, 16, 18, 18}, "grid: 2 kernel_size: 5", true},
      {{2, 16, 18, 18}, "grid: 2 kernel_size: 1", false},
      // a kernel wider than a patch
      {{4, 16, 6, 8}, "grid_h: 6 grid_w: 4", true},
  };
  for (const Region& region : regions) {
    SCOPED_TRACE(region.param);
    Create(region.shape,
           string("layer { name: 'region' type: 'Region' bottom: 'data' "
                  "  top: 'region' region_param { {engine} "
                  "    weight_filler { type: 'msra' } "
                  "    bias_filler { type: 'gaussian' } ") +
               region.param + " } }");
    Iterate();
    EXPECT_EQ(region.in_blocks, IsPrivate("region"));
    ExpectSame();
  }
}

}  // namespace caffe
#endif  // USE_ONEDNN
