#ifndef CAFFE_LAYERS_ONEDNN_INNER_PRODUCT_LAYER_HPP_
#define CAFFE_LAYERS_ONEDNN_INNER_PRODUCT_LAYER_HPP_
#ifdef USE_ONEDNN

#include <vector>

#include "caffe/layers/inner_product_layer.hpp"

namespace caffe {

/**
 * @brief Caffe's InnerProduct by oneDNN's matrix product.
 *
 * Options, blobs and results are InnerProductLayer's; all blobs are plain.
 * Large weights are the cost, and each is read once a pass. Forward, the
 * product is taken the other way round, weights x bottom', since oneDNN divides
 * it among threads by its rows, and there are fewer images than weights. An
 * empty batch is left to InnerProductLayer.
 */
class OneDNNInnerProductLayer : public InnerProductLayer<float> {
 public:
  explicit OneDNNInnerProductLayer(const LayerParameter& param)
      : InnerProductLayer<float>(param) {}

 protected:
  virtual void Forward_cpu(const vector<Blob<float>*>& bottom,
                           const vector<Blob<float>*>& top);
  virtual void Backward_cpu(const vector<Blob<float>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<float>*>& bottom);

 private:
  vector<float> product_;  // (N_, M_), the transposed top
};

}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_LAYERS_ONEDNN_INNER_PRODUCT_LAYER_HPP_
