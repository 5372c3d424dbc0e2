// LocallyConnected against a batched GEMM: the same products, a BLAS call a
// position, on columns that are already unrolled. It does not count what the
// layer does besides: unrolling, and adding up where taps meet.
//
//   ninja -C build bench_locally_connected
//   build/bench/bench_locally_connected [repetitions, default 7]
//
// Both compute the same from the same seeded values, which is checked first.
// Then the two take turns; medians, in milliseconds of processor time a thread:
// on an idle machine the time that passed, on a busy one not lengthened by
// others. GB/s counts the weights alone, once forward and three times backward
// (read; gradient read and written).
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "caffe/layers/locally_connected_layer.hpp"
#include "caffe/util/im2col.hpp"
#include "caffe/util/math_functions.hpp"

using caffe::Blob;
using caffe::caffe_cpu_gemm;
using std::vector;

struct Shape {
  const char* name;
  int num, channels, side, outputs;  // 3 x 3 filters, pad 1
};

static const Shape kShapes[] = {
    {"LCN's layer, 1 face", 1, 32, 160, 32},
    {"LCN's layer, 16 faces", 16, 32, 160, 32},
    {"256 -> 256, 6 x 6, 128 images", 128, 256, 6, 256},
};

static caffe::LayerParameter LayerOf(const Shape& shape) {
  caffe::LayerParameter param;
  caffe::LocallyConnectedParameter* options =
      param.mutable_locally_connected_param();
  options->set_num_output(shape.outputs);
  options->set_kernel_size(3);
  options->set_pad(1);
  options->mutable_weight_filler()->set_type("gaussian");
  return param;
}

// The products alone; columns and outputs as a batched GEMM would have them.
class BatchedGemm {
 public:
  BatchedGemm(const Shape& shape, Blob<float>* weights)
      : N(shape.num),
        O(shape.outputs),
        K(shape.channels * 9),
        P(shape.side * shape.side),
        weights_(weights),
        columns_(static_cast<size_t>(P) * N * K),
        outputs_(static_cast<size_t>(P) * N * O),
        side_(shape.side) {}

  void SetBottom(const Blob<float>& bottom) {
    vector<float> unrolled(K * P);
    for (int n = 0; n < N; ++n) {
      caffe::im2col_cpu(bottom.cpu_data() + bottom.offset(n), K / 9, side_,
                        side_, 3, 3, 1, 1, 1, 1, 1, 1, unrolled.data());
      for (int i = 0; i < K * P; ++i)
        Columns(i % P)[n * K + i / P] = unrolled[i];
    }
  }

  void SetTopDiff(const Blob<float>& top) {
    for (int i = 0; i < top.count(); ++i) {
      Outputs(i % P)[i / P] = top.cpu_diff()[i];
    }
  }

  vector<float> Top() {  // (N, O, P)
    vector<float> top(outputs_.size());
    for (size_t i = 0; i < top.size(); ++i) top[i] = Outputs(i % P)[i / P];
    return top;
  }

  vector<float> BottomDiff() {  // (N, C, H, W)
    vector<float> diff(static_cast<size_t>(N) * K / 9 * P), unrolled(K * P);
    for (int n = 0; n < N; ++n) {
      for (int i = 0; i < K * P; ++i)
        unrolled[i] = Columns(i % P)[n * K + i / P];
      caffe::col2im_cpu(unrolled.data(), K / 9, side_, side_, 3, 3, 1, 1, 1, 1,
                        1, 1, &diff[static_cast<size_t>(n) * K / 9 * P]);
    }
    return diff;
  }

  void Forward() {
    const float* weights = weights_->cpu_data();
#pragma omp parallel for schedule(static)
    for (int p = 0; p < P; ++p) {
      caffe_cpu_gemm(CblasNoTrans, CblasTrans, N, O, K, 1.f, Columns(p),
                     weights + p * O * K, 0.f, Outputs(p));
    }
  }

  void Backward() {
    const float* weights = weights_->cpu_data();
    float* weights_diff = weights_->mutable_cpu_diff();
#pragma omp parallel for schedule(static)
    for (int p = 0; p < P; ++p) {
      caffe_cpu_gemm(CblasTrans, CblasNoTrans, O, K, N, 1.f, Outputs(p),
                     Columns(p), 1.f, weights_diff + p * O * K);
      caffe_cpu_gemm(CblasNoTrans, CblasNoTrans, N, K, O, 1.f, Outputs(p),
                     weights + p * O * K, 0.f, Columns(p));
    }
  }

 private:
  float* Columns(int p) {
    return &columns_[static_cast<size_t>(p) * N * K];
  }
  float* Outputs(int p) {
    return &outputs_[static_cast<size_t>(p) * N * O];
  }

  const int N, O, K, P;
  Blob<float>* weights_;
  vector<float> columns_, outputs_;  // (P, N, K), (P, N, O)
  const int side_;
};

// The sums differ in nothing but their order: 1e-5 of the largest value.
static void CheckEqual(const Shape& shape, const char* what,
                       const vector<float>& gemm, const float* layer) {
  float largest = 0, difference = 0;
  for (size_t i = 0; i < gemm.size(); ++i) {
    largest = std::max(largest, std::fabs(gemm[i]));
    difference = std::max(difference, std::fabs(gemm[i] - layer[i]));
  }
  if (difference <= 1e-5f * largest) return;
  fprintf(stderr, "%s: the layer's %s differ from the GEMM's by %g (of %g).\n",
          shape.name, what, difference, largest);
  exit(1);
}

static double Milliseconds(const std::function<void()>& work) {
  const clock_t start = clock();
  work();
  return (clock() - start) * 1e3 / CLOCKS_PER_SEC / omp_get_max_threads();
}

static double Median(vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Both in turn, after one run of each that is not counted.
static void Compare(const char* name, const char* pass, int repetitions,
                    double gflop, double gigabytes,
                    const std::function<void()>& layer,
                    const std::function<void()>& gemm) {
  vector<double> layer_ms, gemm_ms;
  for (int i = 0; i <= repetitions; ++i) {
    layer_ms.push_back(Milliseconds(layer));
    gemm_ms.push_back(Milliseconds(gemm));
  }
  layer_ms.erase(layer_ms.begin());
  gemm_ms.erase(gemm_ms.begin());
  const double ms = Median(layer_ms), reference = Median(gemm_ms);
  printf("| %s | %s | %.1f | %.1f | %.2f | %.0f | %.1f |\n", name, pass, ms,
         reference, ms / reference, gflop / ms * 1e3, gigabytes / ms * 1e3);
  fflush(stdout);
}

// A layer and a GEMM with the same values at both ends.
struct Pair {
  explicit Pair(const Shape& shape)
      : layer(LayerOf(shape)),
        bottom(shape.num, shape.channels, shape.side, shape.side),
        bottoms(1, &bottom),
        tops(1, &top) {
    caffe::Caffe::set_random_seed(1);
    layer.SetUp(bottoms, tops);
    weights = layer.blobs()[0].get();
    gemm.reset(new BatchedGemm(shape, weights));
    caffe::caffe_rng_gaussian(bottom.count(), 0.f, 1.f,
                              bottom.mutable_cpu_data());
    caffe::caffe_rng_gaussian(top.count(), 0.f, 1.f, top.mutable_cpu_diff());
    gemm->SetBottom(bottom);
  }
  void LayerForward() { layer.Forward(bottoms, tops); }
  void LayerBackward() { layer.Backward(tops, {true}, bottoms); }
  void ClearWeightDiff() {
    caffe::caffe_set(weights->count(), 0.f, weights->mutable_cpu_diff());
  }

  caffe::LocallyConnectedLayer<float> layer;
  Blob<float> bottom, top;
  const vector<Blob<float>*> bottoms, tops;
  Blob<float>* weights;
  caffe::shared_ptr<BatchedGemm> gemm;
};

static void Check(const Shape& shape, Pair* pair) {
  pair->LayerForward();
  pair->gemm->Forward();
  CheckEqual(shape, "outputs", pair->gemm->Top(), pair->top.cpu_data());
  pair->gemm->SetTopDiff(pair->top);
  pair->ClearWeightDiff();
  pair->gemm->Backward();
  const float* diff = pair->weights->cpu_diff();
  const vector<float> weight_diff(diff, diff + pair->weights->count());
  pair->ClearWeightDiff();
  pair->LayerBackward();
  CheckEqual(shape, "weights' gradients", weight_diff, diff);
  CheckEqual(shape, "bottom's gradients", pair->gemm->BottomDiff(),
             pair->bottom.cpu_diff());
}

static void Run(const Shape& shape, int repetitions) {
  Pair pair(shape);
  Check(shape, &pair);
  const double gflop = 2e-9 * shape.num * pair.weights->count();
  const double gigabytes = 4e-9 * pair.weights->count();
  Compare(
      shape.name, "forward", repetitions, gflop, gigabytes,
      [&]() { pair.LayerForward(); }, [&]() { pair.gemm->Forward(); });
  Compare(
      shape.name, "backward", repetitions, 2 * gflop, 3 * gigabytes,
      [&]() { pair.LayerBackward(); }, [&]() { pair.gemm->Backward(); });
}

int main(int argc, char** argv) {
  const int repetitions = argc > 1 ? atoi(argv[1]) : 7;
  if (argc > 2 || repetitions < 1) {
    fprintf(stderr, "usage: %s [repetitions, at least 1]\n", argv[0]);
    return 2;
  }
  printf("| shape | pass | layer | GEMM | ratio | GFLOP/s | GB/s |\n");
  printf("|---|---|---:|---:|---:|---:|---:|\n");
  for (const Shape& shape : kShapes) Run(shape, repetitions);
  return 0;
}
