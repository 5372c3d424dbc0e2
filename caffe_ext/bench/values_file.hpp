#ifndef CAFFE_EXT_BENCH_VALUES_FILE_HPP_
#define CAFFE_EXT_BENCH_VALUES_FILE_HPP_

#include <stdio.h>

#include <string>

#include "caffe/blob.hpp"
#include "caffe/net.hpp"

namespace caffe {

/// A file of float32 values, one blob after the other.
class ValuesFile {
 public:
  /// mode: as fopen's.
  ValuesFile(const string& path, const char* mode)
      : path_(path), file_(fopen(path.c_str(), mode)) {
    LOG_IF(FATAL, !file_) << "Cannot open " << path << ".";
  }
  ~ValuesFile() { fclose(file_); }

  void Read(Blob<float>* blob) {
    const size_t count = blob->count();
    LOG_IF(FATAL, fread(blob->mutable_cpu_data(), 4, count, file_) != count)
        << path_ << " has fewer values than the net takes.";
  }

  enum Part { DATA, DIFF };
  /// Prints what is written: "what name 32 3 11 11".
  void Write(const string& what, const string& name, const Blob<float>& blob,
             Part part) {
    printf("%s %s", what.c_str(), name.c_str());
    for (int dim : blob.shape()) printf(" %d", dim);
    printf("\n");
    const float* values = part == DATA ? blob.cpu_data() : blob.cpu_diff();
    const size_t count = blob.count();
    LOG_IF(FATAL, fwrite(values, 4, count, file_) != count)
        << "Cannot write to " << path_ << "; make room for it.";
  }

  /// All layers' blobs, under the layers' names.
  void WriteWeights(const string& what, const Net<float>& net, Part part) {
    for (const auto& layer : net.layers()) {
      for (const auto& blob : layer->blobs()) {
        Write(what, layer->layer_param().name(), *blob, part);
      }
    }
  }

 private:
  const string path_;
  FILE* const file_;
};

}  // namespace caffe

#endif  // CAFFE_EXT_BENCH_VALUES_FILE_HPP_
