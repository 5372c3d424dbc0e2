#ifndef CAFFE_LAYERS_LOCALLY_CONNECTED_LAYER_HPP_
#define CAFFE_LAYERS_LOCALLY_CONNECTED_LAYER_HPP_

#include <vector>

#include "caffe/blob.hpp"
#include "caffe/layer.hpp"
#include "caffe/proto/caffe.pb.h"
#include "caffe/util/local_tile.hpp"

namespace caffe {

/**
 * @brief A convolution that shares no weights: each output position has its
 *        own filters (paper 2 and 4, LCN; DeepFace).
 *
 * For position p = (i, j) of the top, filter o, and the bottom x, which is 0
 * outside itself:
 *
 *   y[n, o, i, j] = b[p, o] + sum over c, u, v of
 *                   W[p, o, c, u, v] x[n, c, i stride - pad + u,
 *                                            j stride - pad + v]
 *
 * Bottom (N, C, H, W); top (N, O, H', W') with H' = (H + 2 pad - k) / stride
 * + 1 rounded down, W' likewise; any value is legal at both ends. N may change
 * between passes; C, H and W may not, since the weights belong to positions.
 *
 * Blobs, positions in row-major order, P = H' W', K = C k k:
 *   0  weights (P O, C, k, k): those of a convolution with P groups, so that
 *      Caffe's fillers see each filter's own fan-in
 *   1  bias (P O), absent when bias_term is false
 *
 * With X_p (N, K) the taps of position p, its unrolled bottom, and G_p (N, O)
 * its top gradients, every pass is a small matrix product a position:
 *
 *   Y_p = X_p W_p^T + b_p,   dW_p += G_p^T X_p,   dX_p = G_p W_p
 *
 * and the bottom's gradient is the sum of the dX_p where taps meet.
 *
 * What bounds it: each pass takes 2 N O K P operations and reads the P O K
 * weights once per 64 images on the CPU, of a batch on the GPU (dW reads and
 * writes as many), so there are min(N, 64) / 2 operations to a byte of float
 * weights. LCN's layer has 236 million (944 MB): memory bounds it at small
 * batches, arithmetic at large ones.
 *
 * On the CPU, threads share out the top's rows. Scratch of each, whatever N:
 * what a tile of a row sees, 2^17 values or 8 positions of at most 64 images,
 * the taps of one position, and the tile's outputs. On the GPU nothing is
 * unrolled (local_gpu.hpp); scratch is 256 MiB of floats or a row's. No sum is
 * split among threads or atomic: results do not depend on their number.
 */
template <typename Dtype>
class LocallyConnectedLayer : public Layer<Dtype> {
 public:
  explicit LocallyConnectedLayer(const LayerParameter& param)
      : Layer<Dtype>(param) {}
  virtual void LayerSetUp(const vector<Blob<Dtype>*>& bottom,
                          const vector<Blob<Dtype>*>& top);
  virtual void Reshape(const vector<Blob<Dtype>*>& bottom,
                       const vector<Blob<Dtype>*>& top);

  virtual string WhyOtherShape(int param_id, const vector<int>& shape) const;

  virtual inline const char* type() const { return "LocallyConnected"; }
  virtual inline int ExactNumBottomBlobs() const { return 1; }
  virtual inline int ExactNumTopBlobs() const { return 1; }

 protected:
  virtual void Forward_cpu(const vector<Blob<Dtype>*>& bottom,
                           const vector<Blob<Dtype>*>& top);
  virtual void Backward_cpu(const vector<Blob<Dtype>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<Dtype>*>& bottom);
  virtual void Forward_gpu(const vector<Blob<Dtype>*>& bottom,
                           const vector<Blob<Dtype>*>& top);
  virtual void Backward_gpu(const vector<Blob<Dtype>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<Dtype>*>& bottom);

 private:
  void ReadParameters();
  void ReadBottomShape(const Blob<Dtype>& bottom);
  void SetTopShape();
  void CheckWeightCount() const;
  vector<int> WeightShape() const;  // (P O, C, k, k)
  void CreateBlobs();
  void CheckBottom(const Blob<Dtype>& bottom) const;

  // Shares out all tiles to threads; f(LocalTile*).
  template <typename Function>
  void ForEachTile(Function f) const;
  // Position t of a tile.
  void ForwardPosition(int t, LocalTile<Dtype>* tile);
  void BackwardBias(int t, LocalTile<Dtype>* tile);
  void BackwardWeight(int t, LocalTile<Dtype>* tile);

  void BackwardTile(const Dtype* top_diff, LocalTile<Dtype>* tile,
                    Dtype* bottom_diff);
  void BackwardParameters(const Dtype* bottom, const Dtype* top_diff);
  void BackwardBottom(const Dtype* top_diff, Dtype* bottom_diff);

  LocalShape shape_;
  bool bias_term_;
  int num_;
  Blob<Dtype> scratch_;  // of the GPU
};

}  // namespace caffe

#endif  // CAFFE_LAYERS_LOCALLY_CONNECTED_LAYER_HPP_
