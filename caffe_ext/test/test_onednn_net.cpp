#ifdef USE_ONEDNN
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "caffe/filler.hpp"
#include "caffe/net.hpp"
#include "caffe/util/math_functions.hpp"

namespace caffe {

// Nets that differ only in their layers' engine must agree, in every blob and
// every gradient, while blobs pass between layers in private layouts.
class OneDNNNetTest : public ::testing::Test {
 protected:
  virtual void SetUp() {
    Caffe::set_mode(Caffe::CPU);
    Caffe::set_random_seed(1701);
  }

  // {engine} in layers stands for the engine; the input is called data.
  void Create(const vector<int>& shape, const string& layers) {
    ours_ = NewNet(shape, layers, "ONEDNN");
    caffe_ = NewNet(shape, layers, "CAFFE");
    NetParameter weights;
    ours_->ToProto(&weights);
    caffe_->CopyTrainedLayersFrom(weights);
  }

  static shared_ptr<Net<float> > NewNet(const vector<int>& shape, string layers,
                                        const string& engine) {
    const string mark = "{engine}";
    for (size_t at; (at = layers.find(mark)) != string::npos;) {
      layers.replace(at, mark.size(), "engine: " + engine);
    }
    NetParameter param;
    CHECK(google::protobuf::TextFormat::ParseFromString(
        "force_backward: true " + layers, &param));
    LayerParameter* input = param.add_layer();
    input->set_name("input");
    input->set_type("Input");
    input->add_top("data");
    for (size_t i = 0; i < shape.size(); ++i) {
      if (i == 0) input->mutable_input_param()->add_shape();
      input->mutable_input_param()->mutable_shape(0)->add_dim(shape[i]);
    }
    for (int i = param.layer_size() - 1; i > 0; --i) {
      param.mutable_layer()->SwapElements(i, i - 1);
    }
    return shared_ptr<Net<float> >(new Net<float>(param));
  }

  // One training iteration of both: the same input, and the same gradient of
  // the output.
  void Iterate() {
    FillerParameter param;
    Blob<float>* data = ours_->input_blobs()[0];
    GaussianFiller<float>(param).Fill(data);
    caffe_->input_blobs()[0]->CopyFrom(*data);
    Blob<float>* output = ours_->output_blobs()[0];
    Blob<float> gradient(output->shape());
    GaussianFiller<float>(param).Fill(&gradient);
    Net<float>* nets[] = {ours_.get(), caffe_.get()};
    for (Net<float>* net : nets) {
      net->ClearParamDiffs();
      net->Forward();
      caffe_copy(gradient.count(), gradient.cpu_data(),
                 net->output_blobs()[0]->mutable_cpu_diff());
      net->Backward();
    }
  }

  void ExpectSame() {
    for (size_t i = 0; i < ours_->blobs().size(); ++i) {
      ExpectSame(ours_->blob_names()[i], *ours_->blobs()[i],
                 *caffe_->blobs()[i]);
    }
    for (size_t i = 0; i < ours_->params().size(); ++i) {
      ExpectSame("a parameter", *ours_->params()[i], *caffe_->params()[i]);
    }
  }

  static void ExpectSame(const string& name, const Blob<float>& ours,
                         const Blob<float>& caffe) {
    ASSERT_EQ(ours.shape(), caffe.shape());
    ExpectNear(name + "'s data", ours.count(), ours.cpu_data(),
               caffe.cpu_data());
    ExpectNear(name + "'s diff", ours.count(), ours.cpu_diff(),
               caffe.cpu_diff());
  }

  // To 1e-4 of the largest value: sums of some 1,000 floats in another order.
  static void ExpectNear(const string& name, int count, const float* ours,
                         const float* caffe) {
    float largest = 0, error = 0;
    for (int i = 0; i < count; ++i) {
      largest = std::max(largest, std::abs(caffe[i]));
      error = std::max(error, std::abs(ours[i] - caffe[i]));
    }
    EXPECT_LE(error, 1e-4 * largest) << name;
  }

  bool IsPrivate(const string& blob) const {
    return ours_->blob_by_name(blob)->data()->private_data() != NULL;
  }

  shared_ptr<Net<float> > ours_, caffe_;
};

const char kNetwork[] =
    "layer { name: 'conv1' type: 'Convolution' bottom: 'data' top: 'conv1' "
    "  convolution_param { num_output: 32 kernel_size: 5 {engine} "
    "    weight_filler { type: 'xavier' } "
    "    bias_filler { type: 'gaussian' } } } "
    "layer { name: 'relu1' type: 'ReLU' bottom: 'conv1' top: 'conv1' "
    "  relu_param { {engine} } } "
    "layer { name: 'pool1' type: 'Pooling' bottom: 'conv1' top: 'pool1' "
    "  pooling_param { kernel_size: 3 stride: 2 {engine} } } "
    "layer { name: 'norm1' type: 'LRN' bottom: 'pool1' top: 'norm1' "
    "  lrn_param { local_size: 5 alpha: 0.5 beta: 0.75 {engine} } } "
    "layer { name: 'conv2' type: 'Convolution' bottom: 'norm1' top: 'conv2' "
    "  convolution_param { num_output: 16 kernel_size: 3 pad: 1 {engine} "
    "    weight_filler { type: 'xavier' } } } "
    "layer { name: 'relu2' type: 'ReLU' bottom: 'conv2' top: 'conv2' "
    "  relu_param { negative_slope: 0.1 {engine} } } "
    "layer { name: 'fc' type: 'InnerProduct' bottom: 'conv2' top: 'fc' "
    "  inner_product_param { num_output: 10 {engine} "
    "    weight_filler { type: 'xavier' } "
    "    bias_filler { type: 'gaussian' } } } ";

TEST_F(OneDNNNetTest, Chain) {
  Create({3, 3, 23, 19}, kNetwork);
  Iterate();
  EXPECT_TRUE(IsPrivate("conv1"));
  ExpectSame();
  Iterate();  // now that all blobs have been read, they are plain
  EXPECT_FALSE(IsPrivate("conv1"));
  ExpectSame();
}

TEST_F(OneDNNNetTest, SecondIterationWithoutAReader) {
  Create({3, 3, 23, 19}, kNetwork);
  Iterate();
  Iterate();
  EXPECT_TRUE(IsPrivate("conv1"));
  ExpectSame();
}

TEST_F(OneDNNNetTest, OneBlobPlainAmongPrivateOnes) {
  Create({3, 3, 23, 19}, kNetwork);
  ours_->blob_by_name("pool1")->mutable_cpu_data();
  ours_->blob_by_name("norm1")->mutable_cpu_diff();
  Iterate();
  EXPECT_FALSE(IsPrivate("pool1"));
  EXPECT_TRUE(IsPrivate("conv1"));
  ExpectSame();
}

TEST_F(OneDNNNetTest, PlainPointerStaysTrue) {
  Create({3, 3, 23, 19}, kNetwork);
  const float* values = ours_->blob_by_name("norm1")->cpu_data();
  Iterate();
  const Blob<float>& expected = *caffe_->blob_by_name("norm1");
  ExpectNear("norm1", expected.count(), values, expected.cpu_data());
}

TEST_F(OneDNNNetTest, SmallerThenLargerBatch) {
  Create({4, 3, 23, 19}, kNetwork);
  for (int batch : {4, 2, 5}) {
    ours_->input_blobs()[0]->Reshape(batch, 3, 23, 19);
    caffe_->input_blobs()[0]->Reshape(batch, 3, 23, 19);
    ours_->Reshape();
    caffe_->Reshape();
    Iterate();
    EXPECT_TRUE(IsPrivate("conv1"));
  }
  ExpectSame();
}

TEST_F(OneDNNNetTest, TheSameTwice) {
  Create({3, 3, 23, 19}, kNetwork);
  vector<vector<float> > results;
  for (int run = 0; run < 2; ++run) {
    Caffe::set_random_seed(5);
    Iterate();
    const Blob<float>& weights = *ours_->params()[0];
    results.push_back(vector<float>(weights.cpu_diff(),
                                    weights.cpu_diff() + weights.count()));
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST_F(OneDNNNetTest, BranchesConcatenatedAndFlattened) {
  Create({2, 3, 12, 9},
         "layer { name: 'a' type: 'Convolution' bottom: 'data' top: 'a' "
         "  convolution_param { num_output: 16 kernel_size: 3 {engine} "
         "    weight_filler { type: 'xavier' } } } "
         "layer { name: 'b' type: 'Pooling' bottom: 'a' top: 'b' "
         "  pooling_param { kernel_size: 3 stride: 1 pad: 1 {engine} } } "
         "layer { name: 'c' type: 'Convolution' bottom: 'a' top: 'c' "
         "  convolution_param { num_output: 8 kernel_size: 1 {engine} "
         "    weight_filler { type: 'xavier' } } } "
         "layer { name: 'd' type: 'Concat' bottom: 'b' bottom: 'c' top: 'd' } "
         "layer { name: 'e' type: 'ReLU' bottom: 'd' top: 'e' "
         "  relu_param { {engine} } } "
         "layer { name: 'f' type: 'Flatten' bottom: 'e' top: 'f' } "
         "layer { name: 'g' type: 'InnerProduct' bottom: 'f' top: 'g' "
         "  inner_product_param { num_output: 5 transpose: true {engine} "
         "    weight_filler { type: 'xavier' } } } ");
  Iterate();
  Iterate();
  ExpectSame();
}

TEST_F(OneDNNNetTest, SharedWeightsAddTheirGradients) {
  const string convolution =
      "type: 'Convolution' param { name: 'w' } param { name: 'b' } "
      "convolution_param { num_output: 16 kernel_size: 3 pad: 1 {engine} "
      "  weight_filler { type: 'xavier' } } } ";
  Create({2, 16, 7, 8},
         "layer { name: 'a' bottom: 'data' top: 'a' " + convolution +
             "layer { name: 'b' bottom: 'a' top: 'b' " + convolution);
  Iterate();
  ExpectSame();
}

// A shape of bottom and what goes into convolution_param.
struct Convolution {
  vector<int> shape;
  const char* param;
};

TEST_F(OneDNNNetTest, Convolutions) {
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

TEST_F(OneDNNNetTest, Poolings) {
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

TEST_F(OneDNNNetTest, Normalizations) {
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

// top: of the region layer.
static string RegionNetwork(const string& top = "'region2'") {
  return "layer { name: 'conv1' type: 'Convolution' bottom: 'data' "
         "  top: 'conv1' convolution_param { num_output: 32 kernel_size: 3 "
         "    {engine} weight_filler { type: 'xavier' } } } "
         "layer { name: 'region2' type: 'Region' bottom: 'conv1' top: " +
         top +
         "  region_param { grid_h: 3 grid_w: 2 {engine} "
         "    weight_filler { type: 'msra' } "
         "    bias_filler { type: 'gaussian' } } } "
         "layer { name: 'relu2' type: 'ReLU' bottom: " +
         top + " top: " + top +
         "  relu_param { {engine} } } "
         "layer { name: 'pool3' type: 'Pooling' bottom: " +
         top +
         "  top: 'pool3' pooling_param { kernel_size: 2 stride: 2 {engine} } }";
}

TEST_F(OneDNNNetTest, RegionBetweenItsNeighbours) {
  Create({3, 3, 17, 16}, RegionNetwork());
  Iterate();
  EXPECT_TRUE(IsPrivate("conv1"));
  ExpectSame();
  Iterate();  // now that all blobs have been read, they are plain
  EXPECT_FALSE(IsPrivate("conv1"));
  ExpectSame();
}

TEST_F(OneDNNNetTest, RegionInPlace) {
  Create({3, 3, 17, 16}, RegionNetwork("'conv1'"));
  Iterate();
  ExpectSame();
}

TEST_F(OneDNNNetTest, RegionSmallerThenLargerBatch) {
  Create({4, 3, 17, 16}, RegionNetwork());
  for (int batch : {4, 2, 5}) {
    ours_->input_blobs()[0]->Reshape(batch, 3, 17, 16);
    caffe_->input_blobs()[0]->Reshape(batch, 3, 17, 16);
    ours_->Reshape();
    caffe_->Reshape();
    Iterate();
    EXPECT_TRUE(IsPrivate("conv1"));
  }
  ExpectSame();
}

TEST_F(OneDNNNetTest, RegionsOfTwoNetsShareWeights) {
  Create({3, 3, 17, 16}, RegionNetwork());
  shared_ptr<Net<float> > other =
      NewNet({3, 3, 17, 16}, RegionNetwork(), "ONEDNN");
  other->ShareTrainedLayersWith(ours_.get());
  Iterate();
  ours_->Update();  // what this net has learned the other one knows
  other->input_blobs()[0]->CopyFrom(*ours_->input_blobs()[0]);
  const Blob<float>* results[] = {ours_->Forward()[0], other->Forward()[0]};
  for (int i = 0; i < results[0]->count(); ++i) {
    EXPECT_EQ(results[0]->cpu_data()[i], results[1]->cpu_data()[i]);
  }
}

// A shape of bottom and what goes into region_param.
struct Region {
  vector<int> shape;
  const char* param;
};

TEST_F(OneDNNNetTest, Regions) {
  const Region regions[] = {
      {{2, 16, 20, 30}, "grid_h: 2 grid_w: 3"},
      {{3, 20, 7, 18}, "grid_h: 1 grid_w: 2"},  // 20 is no multiple of a block
      {{2, 5, 21, 9}, "grid: 3"},
      {{2, 32, 40, 40}, "grid: 2 use_global_stats: true"},
      {{1, 32, 22, 11}, "grid: 1 bias_term: false"},
      {{2, 16, 18, 18}, "grid: 2 kernel_size: 5"},
      {{2, 16, 18, 18}, "grid: 2 kernel_size: 1"},
      {{4, 16, 6, 8}, "grid_h: 6 grid_w: 4"},  // a kernel wider than a patch
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
    EXPECT_TRUE(IsPrivate("region"));
    ExpectSame();
  }
}

}  // namespace caffe
#endif  // USE_ONEDNN
