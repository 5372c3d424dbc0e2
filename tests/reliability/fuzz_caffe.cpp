// Fuzzers of what users bring to Caffe: libFuzzer's program (`make fuzz`),
// whose target is FUZZ_TARGET's, and, in the test runner, a test that each kept
// input passes.
//
// A mistake that is thrown as a caffe::Error, and memory that is out, is as it
// should be. A crash, a hang or any other exception is a find.
#include "reliability/fuzz_caffe.hpp"

#include <google/protobuf/text_format.h>
#include <hdf5.h>
#include <lmdb.h>
#include <opencv2/imgcodecs.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "caffe/caffe.hpp"
#include "caffe/sgd_solvers.hpp"
#include "caffe/util/hdf5.hpp"
#include "caffe/util/io.hpp"
#include "caffe/util/upgrade_proto.hpp"

namespace caffe {

typedef const std::string& Bytes;

static void Write(const std::string& file, Bytes bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

// ---- What the inputs are read beside: files of the current folder

static std::string Face() {
  std::string face(3 * 6 * 5, '\0');
  for (size_t i = 0; i < face.size(); ++i) face[i] = 7 * i;
  return face;
}

static Datum FaceDatum() {
  Datum datum;
  datum.set_channels(3);
  datum.set_height(6);
  datum.set_width(5);
  datum.set_data(Face());
  datum.set_label(1);
  for (int label : {1, -1, 0}) datum.add_float_data(label);
  return datum;
}

static void WriteLmdb(const std::string& folder,
                      const std::vector<std::string>& records) {
  mkdir(folder.c_str(), 0777);
  unlink((folder + "/data.mdb").c_str());
  MDB_env* env;
  MDB_txn* txn;
  MDB_dbi dbi;
  mdb_env_create(&env);
  mdb_env_set_mapsize(env, 1 << 24);
  mdb_env_open(env, folder.c_str(), MDB_NOSYNC | MDB_NOLOCK, 0644);
  mdb_txn_begin(env, NULL, 0, &txn);
  mdb_dbi_open(txn, NULL, 0, &dbi);
  for (size_t i = 0; i < records.size(); ++i) {
    std::string key = "face_" + std::to_string(i);
    MDB_val name = {key.size(), &key[0]};
    MDB_val value = {records[i].size(), const_cast<char*>(records[i].data())};
    mdb_put(txn, dbi, &name, &value, 0);
  }
  mdb_txn_commit(txn);
  mdb_env_close(env);
}

static void WriteMean() {
  Blob<float> mean(1, 3, 6, 5);
  caffe_set(mean.count(), 100.f, mean.mutable_cpu_data());
  BlobProto proto;
  mean.ToProto(&proto);
  WriteProtoToBinaryFile(proto, "mean.binaryproto");
}

static void WriteHDF5() {
  const hid_t file =
      H5Fcreate("data.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  Blob<float> data(3, 3, 6, 5), label(3, 2, 1, 1);
  hdf5_save_nd_dataset(file, "data", data);
  hdf5_save_nd_dataset(file, "label", label);
  H5Fclose(file);
  Write("h5.txt", "data.h5\n");
}

static void WriteFiles() {
  std::string record;
  FaceDatum().SerializeToString(&record);
  WriteLmdb("lmdb", {record, record});
  const std::string face = Face();
  const cv::Mat image(6, 5, CV_8UC3, const_cast<char*>(face.data()));
  cv::imwrite("a.jpg", image);
  cv::imwrite("b.png", image);
  Write("list.txt", "a.jpg 1\nb.png 0\n");
  Write("labels.txt", "a.jpg 1 -1 0\nb.png 0 0 1\n");
  Write("windows.txt",
        "# 0\na.jpg\n3\n6\n5\n2\n1 0.9 0 0 3 3\n0 0.1 1 1 4 4\n");
  WriteMean();
  WriteHDF5();
}

// ---- Nets

// What would write elsewhere, read what ends never, or run a program.
static bool IsTame(const NetParameter& param) {
  for (const LayerParameter& layer : param.layer()) {
    for (const std::string& file :
         {layer.data_param().source(), layer.image_data_param().source(),
          layer.window_data_param().source(), layer.hdf5_data_param().source(),
          layer.infogain_loss_param().source(),
          layer.transform_param().mean_file()}) {
      if (file.find('/') != std::string::npos) return false;
    }
    if (layer.type() == "Python" || layer.type() == "HDF5Output") return false;
  }
  return true;
}

// Its passes take a moment only.
static bool IsSmall(const Net<float>& net) {
  int64_t values = 0, weights = 0;
  for (const auto& blob : net.blobs()) values += blob->count();
  for (const auto& blob : net.params()) weights += blob->count();
  return values < 50000 && weights < 200000;
}

static void Pass(Net<float>* net) {
  if (!IsSmall(*net)) return;
  net->Forward();
  net->Backward();
}

static NetParameter Parse(Bytes text) {
  NetParameter param;
  Write("net.prototxt", text);
  ReadNetParamsFromTextFileOrDie("net.prototxt", &param);
  return param;
}

static void FuzzNet(Bytes text) {
  const NetParameter param = Parse(text);
  if (!IsTame(param)) return;
  Net<float> net(param);
  Pass(&net);
  NetParameter again;
  net.ToProto(&again);
}

static std::string NetOf(const std::string& layer) {
  return "force_backward: true state { phase: TRAIN } " + layer;
}

// One of each layer that has weights of its own.
static const char kWeighty[] = R"(
  name: "weighty" force_backward: true
  layer { name: "data" type: "Input" top: "data"
    input_param { shape { dim: 2 dim: 2 dim: 6 dim: 6 } } }
  layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
    convolution_param { num_output: 2 kernel_size: 3 pad: 1 } }
  layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "bn" }
  layer { name: "scale" type: "Scale" bottom: "bn" top: "scale"
    scale_param { bias_term: true } }
  layer { name: "prelu" type: "PReLU" bottom: "scale" top: "prelu" }
  layer { name: "region" type: "Region" bottom: "prelu" top: "region"
    region_param { grid: 2 kernel_size: 3 } }
  layer { name: "local" type: "LocallyConnected" bottom: "region" top: "local"
    locally_connected_param { num_output: 2 kernel_size: 3 } }
  layer { name: "fc" type: "InnerProduct" bottom: "local" top: "fc"
    inner_product_param { num_output: 3 } }
  layer { name: "sum" type: "Reduction" bottom: "fc" top: "sum"
    loss_weight: 1 })";

static NetParameter Weighty() {
  NetParameter param;
  CHECK(google::protobuf::TextFormat::ParseFromString(kWeighty, &param));
  return param;
}

static void FuzzWeights(const std::string& file, Bytes bytes) {
  static Net<float>* const net = new Net<float>(Weighty());
  Write(file, bytes);
  net->CopyTrainedLayersFrom(file);
  Pass(net);
}

static void FuzzCaffemodel(Bytes bytes) {
  FuzzWeights("fuzzed.caffemodel", bytes);
}

static void FuzzHDF5Weights(Bytes bytes) {
  FuzzWeights("fuzzed.caffemodel.h5", bytes);
}

// ---- Solvers

static void FuzzSolver(Bytes text) {
  SolverParameter param;
  Write("solver.prototxt", text);
  ReadSolverParamsFromTextFileOrDie("solver.prototxt", &param);
  param.set_max_iter(std::min(param.max_iter(), 3));
  param.set_iter_size(std::min(param.iter_size(), 3));
  param.set_snapshot_prefix("fuzzed");
  for (int& tests : *param.mutable_test_iter()) tests = std::min(tests, 2);
  if (param.has_train_net() || param.has_net() || param.test_net_size()) return;
  std::vector<const NetParameter*> nets = {&param.net_param(),
                                           &param.train_net_param()};
  for (const NetParameter& net : param.test_net_param()) nets.push_back(&net);
  for (const NetParameter* net : nets) {
    if (!IsTame(*net)) return;
  }
  std::unique_ptr<Solver<float>> solver(
      SolverRegistry<float>::CreateSolver(param));
  if (!IsSmall(*solver->net())) return;
  for (const auto& net : solver->test_nets()) {
    if (!IsSmall(*net)) return;
  }
  solver->Solve();
}

static void FuzzState(const std::string& file, Bytes bytes) {
  SolverParameter param;
  *param.mutable_net_param() = Weighty();
  param.set_base_lr(0.01);
  param.set_momentum(0.9);
  param.set_lr_policy("multistep");
  param.add_stepvalue(2);
  param.set_snapshot_prefix("state");
  Write(file, bytes);
  SGDSolver<float> solver(param);
  solver.Restore(file.c_str());
  solver.Step(1);
}

static void FuzzSolverstate(Bytes bytes) {
  FuzzState("fuzzed.solverstate", bytes);
}

static void FuzzHDF5State(Bytes bytes) {
  FuzzState("fuzzed.solverstate.h5", bytes);
}

// ---- Data: the first byte chooses among the layers and options

static void FuzzLayer(const std::string& layer) {
  Net<float> net(Parse(NetOf(layer)));
  for (int i = 0; i < 2 && IsSmall(net); ++i) net.Forward();
}

static std::string Transform(unsigned char choice, bool is_colour_ours) {
  std::string options = choice & 1 ? "mirror: true " : "";
  if (choice & 2) options += "crop_size: 4 ";
  if (choice & 4) options += "mean_value: 9 ";
  if (choice & 8) options += "mean_file: \"mean.binaryproto\" ";
  if (is_colour_ours) options += "force_color: true ";
  return " transform_param { " + options + "} ";
}

static void FuzzRecord(Bytes bytes) {
  if (bytes.empty()) return;
  const unsigned char choice = bytes[0];
  std::vector<std::string> records = {bytes.substr(1)};
  if (choice & 16) {  // the second, behind one that sets the shapes
    std::string first;
    FaceDatum().SerializeToString(&first);
    records.insert(records.begin(), first);
  }
  WriteLmdb("fuzzed", records);
  const std::string type = choice & 32 ? "Data" : "MultilabelData";
  FuzzLayer("layer { name: \"data\" type: \"" + type +
            "\" top: \"data\" top: \"label\"" + Transform(choice, choice & 64) +
            "data_param { source: \"fuzzed\" batch_size: 2 prefetch: 1 "
            "backend: LMDB } }");
}

static void FuzzMean(Bytes bytes) {
  if (bytes.empty()) return;
  const unsigned char choice = bytes[0];
  const int kind = (choice >> 1) % 4;
  Write("fuzzed.binaryproto", bytes.substr(1));
  const std::string transform =
      std::string(" transform_param { ") +
      ((choice & 1) || kind == 3 ? "crop_size: 4 " : "") +
      "mean_file: \"fuzzed.binaryproto\" } ";
  static const char* const kLayers[] = {
      R"(type: "MultilabelData" data_param { source: "lmdb" batch_size: 2
         prefetch: 1 backend: LMDB })",
      R"(type: "Data" data_param { source: "lmdb" batch_size: 2 prefetch: 1
         backend: LMDB })",
      R"(type: "ImageData" image_data_param { source: "list.txt"
         batch_size: 2 })",
      R"(type: "WindowData" window_data_param { source: "windows.txt"
         batch_size: 2 crop_size: 4 })"};
  FuzzLayer("layer { name: \"data\" top: \"data\" top: \"label\" " + transform +
            kLayers[kind] + " }");
}

static void FuzzList(Bytes bytes) {
  if (bytes.empty()) return;
  const unsigned char choice = bytes[0];
  const std::string text = bytes.substr(1);
  if (text.find('/') != std::string::npos) return;
  Write("fuzzed.txt", text);
  static const char* const kLayers[] = {
      R"(type: "MultilabelImageData" image_data_param { multilabel_num: 3
         source: "fuzzed.txt" batch_size: 2)",
      R"(type: "ImageData" image_data_param { source: "fuzzed.txt"
         batch_size: 2)",
      R"(type: "WindowData" transform_param { crop_size: 4 }
         window_data_param { source: "fuzzed.txt" batch_size: 2)",
      R"(type: "HDF5Data" hdf5_data_param { source: "fuzzed.txt"
         batch_size: 2)"};
  const int kind = choice % 4;
  std::string options;
  if (kind < 2) {
    if (choice & 4) options += " new_height: 4 new_width: 5";
    if (choice & 8) options += " shuffle: true";
    if (choice & 16) options += " is_color: false";
  }
  FuzzLayer("layer { name: \"data\" top: \"data\" top: \"label\" " +
            std::string(kLayers[kind]) + options + " } }");
}

static void FuzzHDF5Data(Bytes bytes) {
  if (bytes.empty()) return;
  Write("fuzzed.h5", bytes.substr(1));
  Write("fuzzed.h5.txt", "fuzzed.h5\n");
  FuzzLayer(
      R"(layer { name: "data" type: "HDF5Data" top: "data" top: "label"
         hdf5_data_param { source: "fuzzed.h5.txt" batch_size: 2 )" +
      std::string(bytes[0] & 1 ? "shuffle: true" : "") + " } }");
}

static const std::map<std::string, void (*)(Bytes)> kTargets = {
    {"net", FuzzNet},
    {"solver", FuzzSolver},
    {"caffemodel", FuzzCaffemodel},
    {"solverstate", FuzzSolverstate},
    {"record", FuzzRecord},
    {"mean", FuzzMean},
    {"list", FuzzList},
    {"hdf5_weights", FuzzHDF5Weights},
    {"hdf5_state", FuzzHDF5State},
    {"hdf5_data", FuzzHDF5Data}};

std::vector<std::string> FuzzTargets() {
  std::vector<std::string> names;
  for (const auto& target : kTargets) names.push_back(target.first);
  return names;
}

std::string Fuzz(const std::string& target, Bytes bytes) {
  static const bool is_set_up = (WriteFiles(), true);
  (void)is_set_up;
  Caffe::set_random_seed(1);
  try {
    kTargets.at(target)(bytes);
  } catch (const Error& error) {
    return error.what();
  } catch (const std::bad_alloc&) {
    return "out of memory";
  }
  return "";
}

}  // namespace caffe

#ifdef LIBFUZZER
// A net that asks for more memory than this gets none, as on a small machine.
static const size_t kMostBytes = 32 << 20;

void* operator new(size_t size) {
  void* const memory = size > kMostBytes ? NULL : malloc(size);
  if (!memory) throw std::bad_alloc();
  return memory;
}
void* operator new[](size_t size) {
  return operator new(size);
}
void operator delete(void* memory) noexcept {
  free(memory);
}
void operator delete[](void* memory) noexcept {
  free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  free(memory);
}
void operator delete[](void* memory, size_t) noexcept {
  free(memory);
}

extern "C" const char* __asan_default_options() {
  return "max_allocation_size_mb=32:allocator_may_return_null=1:"
         "alloc_dealloc_mismatch=0";  // of new without a throw, which is ASan's
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  FLAGS_minloglevel = google::GLOG_FATAL;
  FLAGS_logtostderr = true;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  caffe::ThrowFatalMessages(true);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const std::string target = getenv("FUZZ_TARGET");
  caffe::Fuzz(target, std::string(reinterpret_cast<const char*>(bytes), size));
  return 0;
}
#endif
