// The region layer on oneDNN, its convolutions alone, and oneDNN's own
// convolution of 64 groups over a patch-major copy: DRML's region2, 16 faces.
//
//   ninja -C build bench_region
//   build/bench/bench_region [repetitions, default 7]
//
// Medians, in milliseconds of processor time a thread: on an idle machine the
// time that passed, on a busy one not lengthened by others (with
// OMP_WAIT_POLICY=passive, or waiting counts). The layer's blobs are in
// oneDNN's layout, as between DRML's own layers. That it is right
// test_region_layer.cpp says; here are only times.
#ifndef USE_ONEDNN
#error "bench_region needs oneDNN (USE_ONEDNN)"
#endif
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "caffe/layers/onednn_region_layer.hpp"
#include "caffe/util/math_functions.hpp"
#include "caffe/util/patch_convolution.hpp"

using caffe::Blob;
using caffe::PlainPatchConvolution;
using caffe::WinogradConvolution;
using caffe::WinogradPatchConvolution;
using caffe::onednn::Engine;
using dnnl::memory;
using std::string;
using std::vector;

static const int kNum = 16, kChannels = 32, kSide = 20, kPatches = 64;

static double Median(const std::function<void()>& work, int repetitions) {
  vector<double> ms;
  for (int i = 0; i <= repetitions; ++i) {
    const clock_t start = clock();
    work();
    const double ticks = clock() - start;
    ms.push_back(ticks * 1e3 / CLOCKS_PER_SEC / omp_get_max_threads());
  }
  ms.erase(ms.begin());  // the first one allocates
  std::sort(ms.begin(), ms.end());
  return ms[ms.size() / 2];
}

// gflop: of the convolutions as plain sums. (Winograd's are fewer.)
static void Report(const char* what, double gflop, int repetitions,
                   const std::function<void()>& work) {
  const double ms = Median(work, repetitions);
  printf("| %s | %.1f | %.0f |\n", what, ms, gflop / ms * 1e3);
  fflush(stdout);
}

static memory Random(const memory::desc& desc) {
  const memory values(desc, Engine());
  caffe::caffe_rng_gaussian(caffe::onednn::Count(desc), 0.f, 1.f,
                            caffe::onednn::Values(values));
  return values;
}

// As in the layer: each thread goes through the images of a patch, which lie
// side by side, with that patch's filters.
template <class Convolution>
struct Thread {
  Thread()
      : convolution(kChannels, kSide, kSide, 3), x(Images()), y(Images()) {}
  static memory Images() {
    return Random(caffe::onednn::Plain({kNum, kChannels, kSide, kSide}));
  }
  Convolution convolution;
  memory x, y;
};

template <class Convolution>
static void BenchPatches(const char* name, int block, double gflop,
                         int repetitions) {
  vector<Thread<Convolution> > threads(omp_get_max_threads());
  const vector<float> weight(kChannels * kChannels * 9, 0.01f);
  const WinogradConvolution::Layout layout =
      WinogradConvolution::Dense(kChannels, kSide, kSide, block);
  const auto run = [&](const string& pass, const auto& set, const auto& work) {
    Report((name + pass).c_str(), gflop, repetitions, [&] {
#pragma omp parallel for schedule(static)
      for (int patch = 0; patch < kPatches; ++patch) {
        Thread<Convolution>* thread = &threads[omp_get_thread_num()];
        set(&thread->convolution);
        const int image = kChannels * kSide * kSide;
        for (int i = 0; i < kNum * image; i += image) {
          work(&thread->convolution, caffe::onednn::Values(thread->x) + i,
               caffe::onednn::Values(thread->y) + i);
        }
      }
    });
  };
  const auto forward = [&](Convolution* c) {
    c->SetForward(weight.data(), NULL);
  };
  const auto backward = [&](Convolution* c) { c->SetBackward(weight.data()); };
  run(", forward", forward, [&](Convolution* c, float* x, float* y) {
    c->Forward(x, y, y, layout, false);
  });
  run(", gradient of the weights", backward,
      [](Convolution* c, float* x, float* y) { c->BackwardWeight(y, x); });
  run(", gradient of the data", backward,
      [](Convolution* c, float* x, float* y) { c->BackwardData(y, x); });
}

// The rate to compare with.
static void BenchGroups(double gflop, int repetitions) {
  const memory::desc x =
      caffe::onednn::Any({kNum, kPatches * kChannels, kSide, kSide});
  const memory::desc w =
      caffe::onednn::Any({kPatches, kChannels, kChannels, 3, 3});
  const memory::dims one = {1, 1};
  const dnnl::algorithm direct = dnnl::algorithm::convolution_direct;
  const auto forward = caffe::onednn::ForwardIfFast<dnnl::convolution_forward>(
      dnnl::prop_kind::forward_training, direct, x, w, x, one, one, one);
  const auto data =
      caffe::onednn::BackwardIfFast<dnnl::convolution_backward_data>(
          forward, direct, x, w, x, one, one, one);
  const auto weight =
      caffe::onednn::BackwardIfFast<dnnl::convolution_backward_weights>(
          forward, direct, x, w, x, one, one, one);
  const memory bottom = Random(forward.description().src_desc());
  const memory top = Random(forward.description().dst_desc());
  const memory filters = Random(forward.description().weights_desc());
  const memory data_filters = Random(data.description().weights_desc());
  const memory filters_diff = Random(weight.description().diff_weights_desc());
  Report("64 groups, forward", gflop, repetitions, [&] {
    forward.Run({{DNNL_ARG_SRC, bottom},
                 {DNNL_ARG_WEIGHTS, filters},
                 {DNNL_ARG_DST, top}});
  });
  Report("likewise, gradient of the weights", gflop, repetitions, [&] {
    weight.Run({{DNNL_ARG_SRC, bottom},
                {DNNL_ARG_DIFF_DST, top},
                {DNNL_ARG_DIFF_WEIGHTS, filters_diff}});
  });
  Report("likewise, gradient of the data", gflop, repetitions, [&] {
    data.Run({{DNNL_ARG_DIFF_DST, top},
              {DNNL_ARG_WEIGHTS, data_filters},
              {DNNL_ARG_DIFF_SRC, bottom}});
  });
}

// Random values in the layout of the neighbours.
static void FillPrivate(const caffe::onednn::Tensor& tensor) {
  const caffe::onednn::Output values(
      tensor,
      caffe::onednn::Blocked(tensor.dims, caffe::winograd::Best().lanes), NULL);
  const int count = caffe::onednn::Count(values.get().get_desc());
  caffe::caffe_rng_gaussian(count, 0.f, 1.f,
                            caffe::onednn::Values(values.get()));
}

static void BenchLayer(caffe::Phase phase, double gflop, int repetitions) {
  caffe::LayerParameter param;
  param.set_phase(phase);
  param.mutable_region_param()->mutable_weight_filler()->set_type("msra");
  caffe::OneDNNRegionLayer layer(param);
  Blob<float> bottom(kNum, kChannels, 8 * kSide, 8 * kSide), top;
  const vector<Blob<float>*> bottoms(1, &bottom), tops(1, &top);
  layer.SetUp(bottoms, tops);
  FillPrivate(caffe::onednn::Data(bottom));
  FillPrivate(caffe::onednn::Diff(top));
  const auto forward = [&] { layer.Forward(bottoms, tops); };
  if (phase == caffe::TEST) {
    return Report("the layer, scoring", gflop, repetitions, forward);
  }
  Report("the layer, forward", gflop, repetitions, forward);
  Report("the layer, backward", 2 * gflop, repetitions,
         [&] { layer.Backward(tops, {true}, bottoms); });
}

int main(int argc, char** argv) {
  const int repetitions = argc > 1 ? atoi(argv[1]) : 7;
  if (argc > 2 || repetitions < 1) {
    fprintf(stderr, "usage: bench_region [REPETITIONS, at least 1]\n");
    return 2;
  }
  FLAGS_minloglevel = google::WARNING;
  const double gflop =
      2e-9 * kNum * kPatches * kChannels * kChannels * 9 * kSide * kSide;
  printf("Threads: %d\n\n", omp_get_max_threads());
  printf("| what | ms | GFLOP/s |\n|---|---:|---:|\n");
  BenchGroups(gflop, repetitions);
  BenchPatches<PlainPatchConvolution<float> >(
      "an image of a patch a call, plain sums", 1, gflop, repetitions);
  BenchPatches<WinogradPatchConvolution>(
      "likewise, Winograd", caffe::winograd::Best().lanes, gflop, repetitions);
  BenchLayer(caffe::TRAIN, gflop, repetitions);
  BenchLayer(caffe::TEST, gflop, repetitions);
}
