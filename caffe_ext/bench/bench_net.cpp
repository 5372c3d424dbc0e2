// A net's iterations on random values: milliseconds, or values to compare with
// another program's. python/bench/gpu.py calls it beside PyTorch.
//
//   bench_net -model NET.prototxt -phase train|test [-gpu 0] [-tf32]
//             [-batch N] [-iterations 20] [-repetitions 7]
//   bench_net ... -record FILE [-inputs FILE] [-weights FILE]
//
// NET takes all that it needs from Input layers. An iteration of `train` is
// forward, backward and the paper's SGD update; of `test`, forward. Printed are
// the milliseconds of one, a line for each repetition, after one that does not
// count. A last layer that is no loss gets a random gradient, so that a net of
// a single layer (with force_backward) can be timed.
//
// -record instead writes values (float32) to FILE, and prints for each blob a
// line with what it is, whose, and its shape. For train: the weights (before),
// a pass's last output and the weights' gradients, the weights after two
// further updates (after); for test: the last output. -inputs and -weights give
// values in the net's order instead of random ones.
//
//   bench_net -about [-gpu 0]
//
// says what it was built with.
#include <gflags/gflags.h>
#include <stdio.h>

#include <chrono>  // NOLINT(build/c++11)
#include <functional>
#include <memory>
#include <string>

#include "caffe/caffe.hpp"
#include "caffe/util/cudnn.hpp"
#include "caffe/util/tf32.hpp"
#include "caffe/util/usable_gpu.hpp"

#include "values_file.hpp"  // NOLINT(build/include_subdir)

DEFINE_bool(about, false, "say what this was built with");
DEFINE_string(model, "", "net prototxt");
DEFINE_string(phase, "train", "train or test");
DEFINE_int32(gpu, -1, "number of the GPU to run on; by default the CPU");
DEFINE_bool(tf32, false, "on the GPU: TF32 instead of FP32");
DEFINE_int32(batch, 0, "first dimension of each Input; by default the model's");
DEFINE_int32(iterations, 20, "iterations of a repetition");
DEFINE_int32(repetitions, 7, "repetitions");
DEFINE_string(record, "", "file to write values to, instead of timing");
DEFINE_string(inputs, "", "float32 values of the Input layers' blobs");
DEFINE_string(weights, "", "float32 values of the layers' blobs");

using caffe::Blob;
using caffe::Caffe;
using caffe::Net;
using caffe::ValuesFile;
using std::string;
typedef std::function<void(int)> Iterate;

static void PrintAbout() {
#ifdef CPU_ONLY
  printf("no CUDA\n");
#else
  int cuda = 0;
  CUDA_CHECK(cudaRuntimeGetVersion(&cuda));
  printf("CUDA %d.%d", cuda / 1000, cuda % 1000 / 10);
#ifdef USE_CUDNN
  printf(", cuDNN %d", static_cast<int>(cudnnGetVersion()));
#endif
  printf("\n");
#endif
}

static void CheckOptions() {
  LOG_IF(FATAL, FLAGS_model.empty()) << "Name the net: -model NET.prototxt.";
  LOG_IF(FATAL, FLAGS_phase != "train" && FLAGS_phase != "test")
      << "-phase " << FLAGS_phase << " is neither train nor test.";
  LOG_IF(FATAL, FLAGS_iterations < 1 || FLAGS_repetitions < 1)
      << "-iterations and -repetitions are at least 1.";
}

static void UseGPU() {
  const string problem = caffe::GPUProblem(FLAGS_gpu);
  LOG_IF(FATAL, !problem.empty()) << problem;
  caffe::AllowTF32(FLAGS_tf32);
  Caffe::SetDevice(FLAGS_gpu);
  Caffe::set_mode(Caffe::GPU);
}

static caffe::NetParameter Model() {
  caffe::NetParameter model;
  caffe::ReadNetParamsFromTextFileOrDie(FLAGS_model, &model);
  int inputs = 0;
  for (caffe::LayerParameter& layer : *model.mutable_layer()) {
    if (layer.type() != "Input") continue;
    ++inputs;
    if (FLAGS_batch < 1) continue;
    for (auto& shape : *layer.mutable_input_param()->mutable_shape()) {
      shape.set_dim(0, FLAGS_batch);
    }
  }
  LOG_IF(FATAL, !inputs)
      << FLAGS_model
      << " has no Input layer; take a net whose faces and labels "
      << "come from Input layers, as python/bench/make_nets.py writes it.";
  return model;
}

static std::unique_ptr<caffe::Solver<float> > PapersSolver() {
  caffe::SolverParameter param;
  *param.mutable_net_param() = Model();
  param.set_type("SGD");
  param.set_base_lr(0.001);
  param.set_lr_policy("fixed");
  param.set_momentum(0.9);
  param.set_weight_decay(0.0005);
  return std::unique_ptr<caffe::Solver<float> >(
      caffe::SolverRegistry<float>::CreateSolver(param));
}

static void FillRandom(Net<float>* net) {
  for (int index : net->input_blob_indices()) {
    Blob<float>* blob = net->blobs()[index].get();
    float* values = blob->mutable_cpu_data();
    caffe::caffe_rng_gaussian(blob->count(), 0.f, 1.f, values);
    if (net->blob_names()[index] != "label") continue;
    caffe::caffe_cpu_sign(blob->count(), values, values);
  }
  if (FLAGS_phase == "test" || net->layers().back()->loss(0) != 0) return;
  Blob<float>* top = net->top_vecs().back()[0];
  caffe::caffe_rng_gaussian(top->count(), 0.f, 1.f, top->mutable_cpu_diff());
}

static void ReadValues(Net<float>* net) {
  if (!FLAGS_inputs.empty()) {
    ValuesFile file(FLAGS_inputs, "rb");
    for (Blob<float>* blob : net->input_blobs()) file.Read(blob);
  }
  if (!FLAGS_weights.empty()) {
    ValuesFile file(FLAGS_weights, "rb");
    for (const auto& blob : net->params()) file.Read(blob.get());
  }
}

static void RecordValues(Net<float>* net, const Iterate& iterate) {
  ValuesFile file(FLAGS_record, "wb");
  const bool train = FLAGS_phase == "train";
  if (train) file.WriteWeights("before", *net, ValuesFile::DATA);
  net->ClearParamDiffs();
  net->Forward();
  if (train) net->Backward();
  file.Write("output", net->layer_names().back(), *net->top_vecs().back()[0],
             ValuesFile::DATA);
  if (!train) return;
  file.WriteWeights("gradient", *net, ValuesFile::DIFF);
  iterate(2);
  file.WriteWeights("after", *net, ValuesFile::DATA);
}

static void Synchronize() {
#ifndef CPU_ONLY
  if (Caffe::mode() == Caffe::GPU) CUDA_CHECK(cudaDeviceSynchronize());
#endif
}

static void PrintTimes(const Iterate& iterate) {
  typedef std::chrono::steady_clock Clock;
  typedef std::chrono::duration<double, std::milli> Milliseconds;
  for (int repetition = 0; repetition <= FLAGS_repetitions; ++repetition) {
    const Clock::time_point start = Clock::now();
    iterate(FLAGS_iterations);
    Synchronize();
    const Milliseconds taken = Clock::now() - start;
    if (repetition > 0) printf("%.6g\n", taken.count() / FLAGS_iterations);
  }
}

static void Run(Net<float>* net, const Iterate& iterate) {
  FillRandom(net);
  ReadValues(net);
  FLAGS_record.empty() ? PrintTimes(iterate) : RecordValues(net, iterate);
}

int main(int argc, char** argv) {
  FLAGS_logtostderr = true;
  FLAGS_minloglevel = google::WARNING;
  caffe::GlobalInit(&argc, &argv);
  if (FLAGS_gpu >= 0) UseGPU();
  if (FLAGS_about) {
    PrintAbout();
    return 0;
  }
  CheckOptions();
  Caffe::set_random_seed(1);
  if (FLAGS_phase == "train") {
    const auto solver = PapersSolver();
    Run(solver->net().get(), [&](int count) { solver->Step(count); });
  } else {
    caffe::NetParameter model = Model();
    model.mutable_state()->set_phase(caffe::TEST);
    Net<float> net(model);
    Run(&net, [&](int count) {
      for (int i = 0; i < count; ++i) net.Forward();
    });
  }
}
