#ifdef USE_ONEDNN
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "caffe/layer_factory.hpp"
#include "caffe/util/onednn_primitive.hpp"

namespace caffe {

typedef onednn::Primitive<dnnl::lrn_forward> LRN;

static LRN Refused(dnnl_status_t status) {
  return LRN::MakeIfFast([=]() -> LRN::Description {
    throw dnnl::error(status, "could not describe it");
  });
}

TEST(OneDNNErrorsTest, WhatOneDNNCannotDescribeIsLeftToCaffe) {
  EXPECT_FALSE(Refused(dnnl_invalid_arguments));
  EXPECT_THROW(Refused(dnnl_out_of_memory), dnnl::error);
}

// From now on the process gets no more than 16 MiB.
static void LimitMemory() {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit limit;
  limit.rlim_cur = limit.rlim_max = pages * getpagesize() + (16 << 20);
  CHECK_EQ(0, setrlimit(RLIMIT_AS, &limit));
}

TEST(OneDNNErrorsTest, OutOfMemoryNamesTheLayer) {
  LayerParameter param;
  param.set_type("Pooling");
  param.set_name("pool3");
  param.mutable_pooling_param()->set_kernel_size(2);
  param.mutable_pooling_param()->set_engine(PoolingParameter_Engine_ONEDNN);
  const shared_ptr<Layer<float> > layer =
      LayerRegistry<float>::CreateLayer(param);
  Blob<float> x(1, 16, 2048, 1024), y;  // 128 MiB each
  layer->SetUp({&x}, {&y});
  x.mutable_cpu_data();
  EXPECT_EXIT(
      {
        LimitMemory();
        layer->Forward({&x}, {&y});
      },
      ::testing::ExitedWithCode(1),
      "Pooling layer 'pool3': oneDNN: could not .*; a smaller batch");
}

}  // namespace caffe
#endif  // USE_ONEDNN
