// A training iteration of our layers on a GPU copies nothing to the CPU. Only
// an emulated GPU counts copies; on a card a profile shows them.
#ifdef EMULATED_GPU
#include <cuda_runtime.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "caffe/sgd_solvers.hpp"

namespace caffe {

static SolverParameter SolverFor(const std::string& layers) {
  const std::string text =
      "base_lr: 0.01 lr_policy: 'fixed' momentum: 0.9 weight_decay: 0.0005 "
      "solver_mode: GPU net_param { "
      "layer { name: 'faces' type: 'Input' top: 'faces' top: 'labels' "
      "  input_param { shape { dim: 4 dim: 3 dim: 8 dim: 8 } "
      "                shape { dim: 4 dim: 5 } } } " +
      layers +
      "layer { name: 'fc' type: 'InnerProduct' bottom: 'features' top: 'fc' "
      "  inner_product_param { num_output: 5 "
      "    weight_filler { type: 'xavier' } } } "
      "layer { name: 'loss' type: 'MultilabelSigmoidCrossEntropyLoss' "
      "  bottom: 'fc' bottom: 'labels' } }";
  SolverParameter param;
  CHECK(google::protobuf::TextFormat::ParseFromString(text, &param));
  return param;
}

// Bytes that the third iteration copies to the CPU: in the first ones blobs
// that the CPU has filled go to the GPU.
static size_t BytesCopied(const std::string& layers) {
  Caffe::set_mode(Caffe::GPU);
  SGDSolver<float> solver(SolverFor(layers));
  for (const char* input : {"faces", "labels"}) {
    Blob<float>* blob = solver.net()->blob_by_name(input).get();
    caffe_gpu_set(blob->count(), 1.f, blob->mutable_gpu_data());
  }
  solver.Step(2);
  const size_t before = emulated_gpu::BytesCopiedToHost();
  solver.Step(1);
  return emulated_gpu::BytesCopiedToHost() - before;
}

TEST(GPUCopiesTest, TestRegion) {
  EXPECT_EQ(0, BytesCopied("layer { name: 'region' type: 'Region' "
                           "  bottom: 'faces' top: 'features' "
                           "  region_param { grid: 2 } } "));
}

TEST(GPUCopiesTest, TestLocallyConnected) {
  EXPECT_EQ(0, BytesCopied("layer { name: 'local' type: 'LocallyConnected' "
                           "  bottom: 'faces' top: 'features' "
                           "  locally_connected_param { "
                           "    num_output: 4 kernel_size: 3 pad: 1 } } "));
}

TEST(GPUCopiesTest, TestBoxAndSplice) {
  EXPECT_EQ(0, BytesCopied("layer { name: 'box' type: 'Box' bottom: 'faces' "
                           "  top: 'left' top: 'right' "
                           "  box_param { width: 4 height: 8 "
                           "    xcoord: 0 xcoord: 4 ycoord: 0 ycoord: 0 } } "
                           "layer { name: 'splice' type: 'Splice' "
                           "  bottom: 'left' bottom: 'right' top: 'features' "
                           "  splice_param { "
                           "    xcoord: 0 xcoord: 4 ycoord: 0 ycoord: 0 } } "));
}

// ArgMax has no GPU code.
TEST(GPUCopiesTest, TestCopiesAreCounted) {
  EXPECT_LT(0, BytesCopied("layer { name: 'features' type: 'Power' "
                           "  bottom: 'faces' top: 'features' } "
                           "layer { name: 'best' type: 'ArgMax' "
                           "  bottom: 'features' top: 'best' } "
                           "layer { name: 'unused' type: 'Silence' "
                           "  bottom: 'best' } "));
}

}  // namespace caffe
#endif  // EMULATED_GPU
