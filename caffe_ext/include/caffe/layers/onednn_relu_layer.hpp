#ifndef CAFFE_LAYERS_ONEDNN_RELU_LAYER_HPP_
#define CAFFE_LAYERS_ONEDNN_RELU_LAYER_HPP_
#ifdef USE_ONEDNN

#include <vector>

#include "caffe/layers/relu_layer.hpp"
#include "caffe/util/onednn.hpp"

namespace caffe {

/**
 * @brief Caffe's ReLU of blobs in oneDNN's layouts, on all threads.
 *
 * Options and results are ReLULayer's, NaN and infinity included (oneDNN's own
 * turns NaN to 0 where the slope is 0). The top gets the bottom's layout,
 * whatever that is; in place, too.
 */
class OneDNNReLULayer : public ReLULayer<float> {
 public:
  explicit OneDNNReLULayer(const LayerParameter& param)
      : ReLULayer<float>(param) {}

 protected:
  virtual void Forward_cpu(const vector<Blob<float>*>& bottom,
                           const vector<Blob<float>*>& top);
  virtual void Backward_cpu(const vector<Blob<float>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<float>*>& bottom);

 private:
  // Used where a blob is plain but its neighbour is not.
  dnnl::memory top_, bottom_diff_, top_diff_;
};

}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_LAYERS_ONEDNN_RELU_LAYER_HPP_
