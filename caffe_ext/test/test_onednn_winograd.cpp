#ifdef USE_ONEDNN
#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "caffe/util/winograd_convolution.hpp"
#include "onednn_net_fixture.hpp"  // NOLINT(build/include_subdir)

namespace caffe {

// Layers whose convolutions are WinogradConvolution's where that pays.
class OneDNNWinogradTest : public OneDNNNetTest {
 protected:
  // Sums of small integers are exact, but for Winograd's, which have sixths:
  // the output's values, and the input's gradient.
  struct Exact {
    bool forward, backward;
  };
  Exact Iterated() {
    const auto fill = [](int count, float* values) {
      for (int i = 0; i < count; ++i) values[i] = i * 7 % 11 % 5 - 2;
    };
    for (const shared_ptr<Blob<float> >& blob : ours_->params()) {
      fill(blob->count(), blob->mutable_cpu_data());
    }
    Blob<float>* input = ours_->input_blobs()[0];
    Blob<float>* output = ours_->output_blobs()[0];
    fill(input->count(), input->mutable_cpu_data());
    ours_->Forward();
    fill(output->count(), output->mutable_cpu_diff());
    ours_->Backward();
    return {AreWhole(output->count(), output->cpu_data()),
            AreWhole(input->count(), input->cpu_diff())};
  }

  // Whether this processor has kernels that pay.
  static bool IsWinogradFast() {
    return WinogradConvolution::Pays({32, 20, 20, 32, 3, 3, 1, 1}, 16);
  }

  static bool AreWhole(int count, const float* values) {
    return std::all_of(values, values + count,
                       [](float value) { return value == std::round(value); });
  }

  // What they hold is to be computed anew.
  void SpoilBlobs() {
    for (const shared_ptr<Blob<float> >& blob : ours_->blobs()) {
      caffe_set<float>(blob->count(), NAN, blob->mutable_cpu_data());
    }
  }

  void Score() {
    NewValues();
    Forward(ours_.get());
    Forward(caffe_.get());
  }

  // Not their gradients, which jump where a ReLU's input or two of a maximum's
  // differ by less than the two nets' rounding.
  void ExpectSameScores() const {
    for (size_t i = 0; i < ours_->blobs().size(); ++i) {
      const Blob<float>&ours = *ours_->blobs()[i], &caffe = *caffe_->blobs()[i];
      ASSERT_EQ(ours.shape(), caffe.shape());
      ExpectNear(ours_->blob_names()[i], ours.count(), ours.cpu_data(),
                 caffe.cpu_data());
    }
  }

  static vector<float> Output(const Net<float>& net) {
    const Blob<float>& blob = *net.output_blobs()[0];
    return vector<float>(blob.cpu_data(), blob.cpu_data() + blob.count());
  }
};

static string Convolution(const string& param) {
  return "layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'conv' "
         "  convolution_param { {engine} weight_filler { type: 'xavier' } "
         "    bias_filler { type: 'gaussian' } " +
         param + " } }";
}

static string Region(const string& top, const string& param) {
  return "layer { name: 'region' type: 'Region' bottom: 'data' top: '" + top +
         "' region_param { {engine} weight_filler { type: 'msra' } "
         "  bias_filler { type: 'gaussian' } " +
         param + " } }";
}

// Where it does not pay, or cannot be, oneDNN and Caffe do it.
TEST_F(OneDNNWinogradTest, Convolutions) {
  const struct {
    vector<int> shape;
    const char* param;
    bool forward, backward;  // whether it is to be Winograd's
  } convolutions[] = {
      {{2, 3, 40, 35}, "num_output: 32 kernel_size: 11", true, false},
      {{2, 3, 40, 35},
       "num_output: 32 kernel_size: 11 bias_term: false",
       true,
       false},
      {{3, 32, 30, 20}, "num_output: 16 kernel_size: 8", true, true},
      {{16, 32, 27, 13},
       "num_output: 64 kernel_size: 5 pad: 2 group: 2",
       true,
       true},
      {{8, 6, 30, 31},
       "num_output: 32 kernel_h: 7 kernel_w: 5 group: 2",
       true,
       false},
      // More groups than an int has room for, times an image.
      {{1, 256, 56, 56},
       "num_output: 4096 kernel_size: 11 group: 256",
       true,
       false},
      {{4, 32, 30, 30}, "num_output: 4 kernel_size: 7", false, true},
      {{16, 16, 30, 30}, "num_output: 16 kernel_size: 3 pad: 3", true, false},
      {{2, 3, 40, 35},
       "num_output: 32 kernel_size: 11 stride: 2",
       false,
       false},
      {{2, 16, 30, 30},
       "num_output: 16 kernel_size: 3 dilation: 2",
       false,
       false},
      {{2, 16, 30, 30},
       "num_output: 16 kernel_size: 3 stride_h: 1 stride_w: 2",
       false,
       false},
      {{2, 3, 40, 35}, "num_output: 20 kernel_size: 11", false, false},
      {{2, 4, 15}, "num_output: 16 kernel_size: 3", false, false},
      {{2, 16, 15, 16, 14}, "num_output: 16 kernel_size: 3", false, false},
      {{2, 2, 4, 40, 40},
       "num_output: 16 kernel_size: 5 axis: 2",
       false,
       false},
  };
  for (const auto& convolution : convolutions) {
    SCOPED_TRACE(convolution.param);
    Create(convolution.shape, Convolution(convolution.param));
    Iterate();
    ExpectSame();
    const Exact exact = Iterated();
    EXPECT_EQ(convolution.forward && IsWinogradFast(), !exact.forward);
    EXPECT_EQ(convolution.backward && IsWinogradFast(), !exact.backward);
  }
}

// Images are gathered in parts, which do not depend on the threads.
TEST_F(OneDNNWinogradTest, SameWeightDiffsForAnyThreads) {
  const int threads = omp_get_max_threads();
  const vector<pair<vector<int>, string> > convolutions = {
      {{5, 3, 40, 35}, "num_output: 32 kernel_size: 11"},
      {{19, 32, 27, 23}, "num_output: 32 kernel_size: 8 group: 2"}};
  for (const auto& convolution : convolutions) {
    SCOPED_TRACE(convolution.second);
    Create(convolution.first, Convolution(convolution.second));
    Iterate();
    ExpectSame();
    const Blob<float>& weights = *ours_->params()[0];
    vector<float> expected;
    for (int n : {1, 2, 5}) {
      omp_set_num_threads(n);
      ours_->ClearParamDiffs();
      Iterated();
      const float* diff = weights.cpu_diff();
      EXPECT_EQ(!IsWinogradFast(), AreWhole(weights.count(), diff));
      const vector<float> found(diff, diff + weights.count());
      if (expected.empty()) expected = found;
      EXPECT_TRUE(expected == found) << n << " threads";
    }
    omp_set_num_threads(threads);
  }
}

TEST_F(OneDNNWinogradTest, ConvolutionOfSeveralBottoms) {
  Create({2, 3, 40, 35},
         "layer { name: 'conv' type: 'Convolution' bottom: 'data' "
         "  bottom: 'data' top: 'a' top: 'b' convolution_param { {engine} "
         "    num_output: 32 kernel_size: 11 "
         "    weight_filler { type: 'xavier' } } }");
  Iterate();
  ExpectSame();
}

// In place, too.
TEST_F(OneDNNWinogradTest, Regions) {
  const struct {
    vector<int> shape;
    const char* param;
  } regions[] = {
      {{16, 32, 40, 60}, "grid_h: 2 grid_w: 3"},
      {{16, 32, 40, 60}, "grid_h: 2 grid_w: 3 use_global_stats: true"},
      {{8, 16, 50, 22}, "grid_h: 2 grid_w: 1 bias_term: false"},
      {{16, 64, 14, 42}, "grid_h: 1 grid_w: 3"},
      {{16, 48, 19, 20}, "grid: 1"},
      {{16, 16, 42, 42}, "grid: 2 kernel_size: 5"},
  };
  for (const auto& region : regions) {
    for (const char* top : {"region", "data"}) {
      SCOPED_TRACE(string(region.param) + " to " + top);
      Create(region.shape, Region(top, region.param));
      Iterate();
      ExpectSame();
    }
  }
}

// An image's results do not hang on how many there are: here the first one's,
// to which the others add nothing.
TEST_F(OneDNNWinogradTest, RegionOfOneImageAndOfSeveral) {
  const int image = 32 * 20 * 20;
  Create({16, 32, 20, 20}, Region("region", "grid: 1 use_global_stats: true"));
  NewValues();
  caffe_set<float>(15 * image, 0, gradient_.mutable_cpu_data() + image);
  const auto results = [&] {  // output, gradients of the weights and the input
    ours_->ClearParamDiffs();
    Forward(ours_.get());
    Backward(ours_.get());
    const float *y = ours_->output_blobs()[0]->cpu_data(),
                *dw = ours_->params()[0]->cpu_diff(),
                *dx = ours_->input_blobs()[0]->cpu_diff();
    return vector<vector<float> >{
        vector<float>(y, y + image),
        vector<float>(dw, dw + ours_->params()[0]->count()),
        vector<float>(dx, dx + image)};
  };
  const vector<vector<float> > several = results();
  for (Blob<float>* blob : {&data_, &gradient_}) blob->Reshape({1, 32, 20, 20});
  ours_->input_blobs()[0]->Reshape({1, 32, 20, 20});
  ours_->Reshape();
  const vector<vector<float> > one = results();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(one[i] == several[i]) << i;
}

// Private blobs between layers, large enough to be written past the cache.
static const char kScoredNetwork[] =
    "layer { name: 'conv1' type: 'Convolution' bottom: 'data' top: 'conv1' "
    "  convolution_param { num_output: 32 kernel_size: 5 {engine} "
    "    weight_filler { type: 'xavier' } } } "
    "layer { name: 'region2' type: 'Region' bottom: 'conv1' top: 'region2' "
    "  region_param { grid: 8 {engine} weight_filler { type: 'msra' } } } "
    "layer { name: 'relu2' type: 'ReLU' bottom: 'region2' top: 'region2' "
    "  relu_param { {engine} } } "
    "layer { name: 'pool3' type: 'Pooling' bottom: 'region2' top: 'pool3' "
    "  pooling_param { kernel_size: 2 stride: 2 {engine} } } "
    "layer { name: 'conv4' type: 'Convolution' bottom: 'pool3' top: 'conv4' "
    "  convolution_param { num_output: 16 kernel_size: 8 {engine} "
    "    weight_filler { type: 'xavier' } } } ";

TEST_F(OneDNNWinogradTest, NetOfPrivateBlobs) {
  phase_ = TEST;
  Create({6, 3, 164, 164}, kScoredNetwork);
  Score();
  EXPECT_TRUE(IsPrivate("conv1"));
  EXPECT_TRUE(IsPrivate("conv4"));
  ExpectSameScores();  // all blobs are plain from here on
  const vector<float> before = Output(*ours_);
  SpoilBlobs();
  Forward(ours_.get());
  EXPECT_TRUE(before == Output(*ours_));
  ExpectSameScores();
}

TEST_F(OneDNNWinogradTest, AnotherShapeAndOtherWeights) {
  phase_ = TEST;
  Create({2, 3, 164, 164}, kScoredNetwork);
  Score();
  for (const vector<int>& shape :
       {vector<int>{1, 3, 164, 164}, {3, 3, 84, 116}, {2, 3, 164, 164}}) {
    for (Net<float>* net : {ours_.get(), caffe_.get()}) {
      net->input_blobs()[0]->Reshape(shape);
      net->Reshape();
    }
    ours_->params()[0]->scale_data(2);
    ours_->params()[1]->scale_data(2);
    CopyWeights(*ours_, caffe_.get());
    Score();
    ExpectSameScores();
  }
}

// The last one is oneDNN's.
static const char kKeepingNetwork[] =
    "layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'conv' "
    "  convolution_param { num_output: 64 kernel_size: 3 group: 2 {engine} "
    "    weight_filler { type: 'xavier' } bias_filler { type: 'gaussian' } } } "
    "layer { name: 'region' type: 'Region' bottom: 'conv' top: 'region' "
    "  region_param { grid: 2 {engine} weight_filler { type: 'msra' } } } "
    "layer { name: 'last' type: 'Convolution' bottom: 'region' top: 'last' "
    "  convolution_param { num_output: 16 kernel_size: 3 stride: 2 {engine} "
    "    weight_filler { type: 'xavier' } bias_filler { type: 'gaussian' } } "
    "} ";

TEST_F(OneDNNWinogradTest, KeptFiltersAreThoseOfTheWeights) {
  phase_ = TEST;
  Create({2, 64, 42, 42}, kKeepingNetwork);
  const auto learned = [](const Net<float>& net) {  // no statistics
    return vector<Blob<float>*>(net.learnable_params().begin(),
                                net.learnable_params().end());
  };
  const auto score = [&] {
    CopyWeights(*ours_, caffe_.get());
    Score();
    ExpectSameScores();
  };
  score();
  for (Blob<float>* blob : learned(*ours_)) {
    blob->mutable_cpu_data()[0] += 1;  // weights or bias
    score();
  }
  const shared_ptr<Net<float> > other =
      NewNet({2, 64, 42, 42}, kKeepingNetwork, "ONEDNN");
  ours_->ShareTrainedLayersWith(other.get());
  score();
  for (Blob<float>* blob : learned(*other)) {
    blob->mutable_cpu_data()[0] += 1;
    score();
  }
  for (Blob<float>* blob : learned(*ours_)) {
    vector<float> elsewhere(blob->count(), 0.01f);
    blob->set_cpu_data(elsewhere.data());
    score();
    elsewhere[0] = 1;  // nobody is told
    score();
    blob->data()->set_cpu_data(const_cast<float*>(blob->cpu_diff()));
  }
}

TEST_F(OneDNNWinogradTest, FiltersAreKeptUntilSomebodyAsksToWrite) {
  phase_ = TEST;
  Create({2, 64, 42, 42}, kKeepingNetwork);
  for (Blob<float>* blob : ours_->learnable_params()) {
    if (blob->num_axes() < 4) continue;
    float* const weights = blob->mutable_cpu_data();
    Score();
    const vector<float> before = Output(*ours_);
    weights[0] += 1;
    Forward(ours_.get());
    EXPECT_TRUE(before == Output(*ours_)) << blob->shape_string();
    blob->data()->begin_view();
    Forward(ours_.get());
    const vector<float> seen = Output(*ours_);
    EXPECT_FALSE(before == seen) << blob->shape_string();
    weights[1] += 1;
    blob->data()->end_view();
    Forward(ours_.get());
    EXPECT_FALSE(seen == Output(*ours_)) << blob->shape_string();
  }
}

TEST_F(OneDNNWinogradTest, SameBitsForAnyThreads) {
  phase_ = TEST;
  Create({3, 3, 84, 84}, kScoredNetwork);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  Score();
  const vector<float> expected = Output(*ours_);
  for (int n : {2, 5}) {
    omp_set_num_threads(n);
    SpoilBlobs();
    Forward(ours_.get());
    EXPECT_TRUE(expected == Output(*ours_)) << n << " threads";
  }
  omp_set_num_threads(threads);
  SpoilBlobs();
#pragma omp parallel num_threads(2)
#pragma omp single
  Forward(ours_.get());
  EXPECT_TRUE(expected == Output(*ours_)) << "in a parallel region";
}

}  // namespace caffe
#endif  // USE_ONEDNN
