#ifndef CAFFE_LAYERS_ONEDNN_JOINING_LAYERS_HPP_
#define CAFFE_LAYERS_ONEDNN_JOINING_LAYERS_HPP_
#ifdef USE_ONEDNN

#include <vector>

#include "caffe/layers/concat_layer.hpp"
#include "caffe/layers/eltwise_layer.hpp"
#include "caffe/layers/split_layer.hpp"
#include "caffe/util/onednn.hpp"

namespace caffe {

/**
 * @file Layers where blobs join or part, of blobs in oneDNN's layouts, on all
 * threads. Options and results are those of Caffe's layers, but for rounding.
 */

/// A sum takes the first bottom's layout; products and maxima are Caffe's.
class OneDNNEltwiseLayer : public EltwiseLayer<float> {
 public:
  explicit OneDNNEltwiseLayer(const LayerParameter& param)
      : EltwiseLayer<float>(param) {}

 protected:
  virtual void Forward_cpu(const vector<Blob<float>*>& bottom,
                           const vector<Blob<float>*>& top);
  virtual void Backward_cpu(const vector<Blob<float>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<float>*>& bottom);

 private:
  bool IsOurs(const Blob<float>& top) const;

  vector<dnnl::memory> bottoms_, bottom_diffs_;
  dnnl::memory top_;
};

/// Of channels: a layout in blocks that divide all bottoms' channels is kept.
class OneDNNConcatLayer : public ConcatLayer<float> {
 public:
  explicit OneDNNConcatLayer(const LayerParameter& param)
      : ConcatLayer<float>(param) {}

 protected:
  virtual void Forward_cpu(const vector<Blob<float>*>& bottom,
                           const vector<Blob<float>*>& top);
  virtual void Backward_cpu(const vector<Blob<float>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<float>*>& bottom);

 private:
  bool IsOurs(const vector<Blob<float>*>& bottom) const;

  vector<dnnl::memory> bottoms_, bottom_diffs_;
  dnnl::memory top_, top_diff_;
};

/// The tops' gradients are added in the first one's layout.
class OneDNNSplitLayer : public SplitLayer<float> {
 public:
  explicit OneDNNSplitLayer(const LayerParameter& param)
      : SplitLayer<float>(param) {}

 protected:
  virtual void Backward_cpu(const vector<Blob<float>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<float>*>& bottom);

 private:
  vector<dnnl::memory> top_diffs_;
  dnnl::memory bottom_diff_;
};

}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_LAYERS_ONEDNN_JOINING_LAYERS_HPP_
