#ifndef CAFFE_UTIL_LAYER_AT_WORK_HPP_
#define CAFFE_UTIL_LAYER_AT_WORK_HPP_

#include <string>
#include <vector>

#include "caffe/blob.hpp"

namespace caffe {

/// While it lives, messages of this thread can say which layer is at work: what
/// fails deep below (an allocation, say) knows neither the layer nor the batch.
class LayerAtWork {
 public:
  /// `input`: the tops of the net's first layer, whose first axis is the batch.
  template <typename Dtype>
  LayerAtWork(const string& name, const vector<Blob<Dtype>*>& input)
      : LayerAtWork(name, input.empty() || input[0]->num_axes() == 0
                              ? 0
                              : input[0]->shape(0)) {}
  ~LayerAtWork();

  /// "in layer 'NAME'", or "outside the layers".
  static string Where();
  /// Batch size of the layer at work or, outside, of the last one; 0: unknown.
  static int batch();

 private:
  LayerAtWork(const string& name, int batch);

  const string name_;
  const string* outer_;  // a layer may run a net of its own
  int outer_batch_;

  DISABLE_COPY_AND_ASSIGN(LayerAtWork);
};

}  // namespace caffe

#endif  // CAFFE_UTIL_LAYER_AT_WORK_HPP_
