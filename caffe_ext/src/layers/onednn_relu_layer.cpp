#ifdef USE_ONEDNN
#include "caffe/layers/onednn_relu_layer.hpp"

#include <vector>

namespace caffe {

using dnnl::memory;
using onednn::Data;
using onednn::Diff;
using onednn::Values;

void OneDNNReLULayer::Forward_cpu(const vector<Blob<float>*>& bottom,
                                  const vector<Blob<float>*>& top) {
  if (!onednn::Fits(*bottom[0])) {
    return ReLULayer<float>::Forward_cpu(bottom, top);
  }
  const memory from = onednn::Read(Data(*bottom[0]));
  const onednn::Output to(Data(*top[0]), from.get_desc(), &top_);
  const float slope = layer_param_.relu_param().negative_slope();
  const float* x = Values(from);
  float* y = Values(to.get());
  const int count = onednn::Count(from.get_desc());
#pragma omp parallel for simd schedule(static)
  for (int i = 0; i < count; ++i) {
    // max(x, 0) + slope min(x, 0), NaN as well; the compiler does not vectorise
    // what those two return: references.
    y[i] = (x[i] < 0 ? 0 : x[i]) + slope * (x[i] > 0 ? 0 : x[i]);
  }
  to.Store();
}

void OneDNNReLULayer::Backward_cpu(const vector<Blob<float>*>& top,
                                   const vector<bool>& propagate_down,
                                   const vector<Blob<float>*>& bottom) {
  if (!propagate_down[0]) return;
  if (!onednn::Fits(*bottom[0])) {
    return ReLULayer<float>::Backward_cpu(top, propagate_down, bottom);
  }
  const memory data = onednn::Read(Data(*bottom[0]));
  const memory::desc layout = data.get_desc();
  const memory top_diff = onednn::ReadAs(Diff(*top[0]), layout, &top_diff_);
  const onednn::Output diff(Diff(*bottom[0]), layout, &bottom_diff_);
  const float slope = layer_param_.relu_param().negative_slope();
  const float *x = Values(data), *dy = Values(top_diff);
  float* dx = Values(diff.get());
  const int count = onednn::Count(layout);
#pragma omp parallel for simd schedule(static)
  for (int i = 0; i < count; ++i) {
    dx[i] = dy[i] * ((x[i] > 0) + slope * (x[i] <= 0));
  }
  diff.Store();
}

}  // namespace caffe
#endif  // USE_ONEDNN
