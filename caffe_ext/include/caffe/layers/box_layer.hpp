#ifndef CAFFE_LAYERS_BOX_LAYER_HPP_
#define CAFFE_LAYERS_BOX_LAYER_HPP_

#include <vector>

#include "caffe/blob.hpp"
#include "caffe/layer.hpp"
#include "caffe/proto/caffe.pb.h"
#include "caffe/util/rectangle.hpp"

namespace caffe {

/**
 * @brief Cuts boxes of one size out of its bottom, one top a box (the authors'
 *        release; Splice puts such patches together again).
 *
 * @param bottom
 *   -# (N, C, H, W), any value
 * @param top
 *   -# t: (N, C, height, width), the bottom's rows from ycoord[t] and columns
 *      from xcoord[t] on (box_param)
 *
 * The bottom's gradient is the sum of the boxes' where they overlap, and 0
 * where no box lies. A box that leaves the bottom ends the program.
 */
template <typename Dtype>
class BoxLayer : public Layer<Dtype> {
 public:
  explicit BoxLayer(const LayerParameter& param) : Layer<Dtype>(param) {}
  virtual void LayerSetUp(const vector<Blob<Dtype>*>& bottom,
                          const vector<Blob<Dtype>*>& top);
  virtual void Reshape(const vector<Blob<Dtype>*>& bottom,
                       const vector<Blob<Dtype>*>& top);

  virtual inline const char* type() const { return "Box"; }
  virtual inline int ExactNumBottomBlobs() const { return 1; }
  virtual inline int MinTopBlobs() const { return 1; }

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
  vector<Rectangle> boxes_;  // of each top, in the bottom
};

}  // namespace caffe

#endif  // CAFFE_LAYERS_BOX_LAYER_HPP_
