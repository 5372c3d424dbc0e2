#ifndef CAFFE_LAYERS_ONEDNN_RELU_LAYER_HPP_
#define CAFFE_LAYERS_ONEDNN_RELU_LAYER_HPP_
#ifdef USE_ONEDNN

#include <vector>

#include "caffe/layers/relu_layer.hpp"
#include "caffe/util/onednn.hpp"

namespace caffe {

/**
 * @brief Caffe's ReLU, computed by oneDNN on the processor.
 *
 * Options and results are ReLULayer's. The top gets the bottom's layout,
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
  dnnl::eltwise_forward::primitive_desc ForwardFor(
      const dnnl::memory::desc& layout) const;

  // Used where a blob is plain but its neighbour is not.
  dnnl::memory top_, bottom_diff_, top_diff_;
};

}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_LAYERS_ONEDNN_RELU_LAYER_HPP_
