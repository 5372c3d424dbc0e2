#ifndef CAFFE_LAYERS_SPLICE_LAYER_HPP_
#define CAFFE_LAYERS_SPLICE_LAYER_HPP_

#include <vector>

#include "caffe/blob.hpp"
#include "caffe/layer.hpp"
#include "caffe/proto/caffe.pb.h"
#include "caffe/util/rectangle.hpp"

namespace caffe {

/**
 * @brief Puts patches of one shape side by side in one image (the authors'
 *        release; Box cuts such patches out).
 *
 * @param bottom
 *   -# t: (N, C, h, w), any value
 * @param top
 *   -# (N, C, H, W), with bottom t at rows from ycoord[t] and columns from
 *      xcoord[t] on (splice_param) and 0 where none lies;
 *      H = max(ycoord) + h, W = max(xcoord) + w
 *
 * A bottom's gradient is its part of the top's. Patches that overlap end the
 * program: neither their sum nor the last of them is what they say.
 */
template <typename Dtype>
class SpliceLayer : public Layer<Dtype> {
 public:
  explicit SpliceLayer(const LayerParameter& param) : Layer<Dtype>(param) {}
  virtual void LayerSetUp(const vector<Blob<Dtype>*>& bottom,
                          const vector<Blob<Dtype>*>& top);
  virtual void Reshape(const vector<Blob<Dtype>*>& bottom,
                       const vector<Blob<Dtype>*>& top);

  virtual inline const char* type() const { return "Splice"; }
  virtual inline int MinBottomBlobs() const { return 1; }
  virtual inline int ExactNumTopBlobs() const { return 1; }

 protected:
  virtual void Forward_cpu(const vector<Blob<Dtype>*>& bottom,
                           const vector<Blob<Dtype>*>& top);
  virtual void Forward_gpu(const vector<Blob<Dtype>*>& bottom,
                           const vector<Blob<Dtype>*>& top);
  virtual void Backward_cpu(const vector<Blob<Dtype>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<Dtype>*>& bottom);
  virtual void Backward_gpu(const vector<Blob<Dtype>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<Dtype>*>& bottom);

 private:
  void CheckShapes(const vector<Blob<Dtype>*>& bottom) const;
  void CheckPatches() const;

  vector<Rectangle> patches_;  // of each bottom, in the top
};

}  // namespace caffe

#endif  // CAFFE_LAYERS_SPLICE_LAYER_HPP_
