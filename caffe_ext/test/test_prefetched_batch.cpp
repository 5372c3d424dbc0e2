// The prefetch thread fills no batch that the GPU may still have to read, and
// copies none back. Only an emulated GPU can be told to take its time, and
// counts copies.
#ifdef EMULATED_GPU
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <vector>

#include "caffe/layers/base_data_layer.hpp"
#include "caffe/util/math_functions.hpp"

namespace caffe {

// Batches of its own number.
class CountingLayer : public BasePrefetchingDataLayer<float> {
 public:
  explicit CountingLayer(const LayerParameter& param)
      : BasePrefetchingDataLayer<float>(param) {}
  virtual ~CountingLayer() { StopInternalThread(); }
  virtual void DataLayerSetUp(const vector<Blob<float>*>&,
                              const vector<Blob<float>*>& top) {
    top[0]->Reshape({1});
    prefetch_[0]->data_.Reshape({1});
  }

 protected:
  virtual void load_batch(Batch<float>* batch) {
    batch->data_.mutable_cpu_data()[0] = ++batches_;
  }

 private:
  int batches_ = 0;
};

TEST(PrefetchedBatchTest, TestIsNotOverwrittenBeforeItIsRead) {
  Caffe::set_mode(Caffe::GPU);
  LayerParameter param;
  param.mutable_data_param()->set_prefetch(1);  // the next is written over it
  CountingLayer layer(param);
  Blob<float> top, seen({3});
  float* copies = seen.mutable_gpu_data();
  layer.SetUp({}, {&top});
  emulated_gpu::QueueKernels(true);
  size_t copied;  // once each batch had its place on the GPU
  for (int i = 0; i < seen.count(); ++i) {
    layer.Forward({}, {&top});
    if (i == 0) copied = emulated_gpu::BytesCopiedToHost();
    caffe_gpu_abs(1, top.gpu_data(), copies + i);  // a kernel
  }
  EXPECT_EQ(copied, emulated_gpu::BytesCopiedToHost());
  emulated_gpu::QueueKernels(false);
  for (int i = 0; i < seen.count(); ++i) EXPECT_EQ(i + 1, seen.cpu_data()[i]);
}

}  // namespace caffe
#endif  // EMULATED_GPU
