#ifndef CAFFE_LAYERS_LOCALLY_CONNECTED_LAYER_HPP_
#define CAFFE_LAYERS_LOCALLY_CONNECTED_LAYER_HPP_

#include <vector>

#include "caffe/blob.hpp"
#include "caffe/layer.hpp"
#include "caffe/proto/caffe.pb.h"

namespace caffe {

/**
 * @brief A convolution that shares no weights: each output position has its
 *        own filters (LCN of paper 4.1; DeepFace).
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
 * What bounds it: each product takes 2 N O K P operations, and reads P O K
 * weights (the weight gradient reads and writes as many) once for the whole
 * batch, so N / 2 operations a byte in float. LCN's layer has 236 million
 * weights (944 MB): memory bounds it at small batches, arithmetic at large
 * ones.
 *
 * On the CPU, threads share out tiles: neighbouring positions of one row. A
 * thread's scratch is the taps of a tile for at most 64 images, whatever N:
 * 2^16 values, or 64 K where that is more. No sum is split among threads, so
 * results do not depend on their number.
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

  virtual inline const char* type() const { return "LocallyConnected"; }
  virtual inline int ExactNumBottomBlobs() const { return 1; }
  virtual inline int ExactNumTopBlobs() const { return 1; }

 protected:
  virtual void Forward_cpu(const vector<Blob<Dtype>*>& bottom,
                           const vector<Blob<Dtype>*>& top);
  virtual void Backward_cpu(const vector<Blob<Dtype>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<Dtype>*>& bottom);

 private:
  struct Tile;
  struct Span;
  class Workspace;

  void ReadParameters();
  void CreateBlobs();
  void CheckBottom(const Blob<Dtype>& bottom) const;
  int RowTiles() const;

  // Calls f(tile) for all images of that tile, a block of them at a time.
  template <typename Function>
  void ForEachBlock(int id, Function f) const;

  // A tile's part of the bottom or top <-> what the matrix products take.
  Span RowSpan(const Tile& tile, int c, int u) const;
  void Unroll(const Dtype* bottom, const Tile& tile, Workspace* work) const;
  void AddTaps(const Tile& tile, Workspace* work, Dtype* bottom_diff) const;
  void GatherTop(const Dtype* top, const Tile& tile, Workspace* work) const;
  void ScatterTop(const Tile& tile, const Workspace& work, Dtype* top) const;

  void ForwardTile(const Tile& tile, Workspace* work) const;
  void BackwardTileWeight(const Tile& tile, const Workspace& work);
  void BackwardTileBias(const Tile& tile, const Workspace& work);
  void BackwardTileBottom(const Tile& tile, Workspace* work) const;
  void BackwardParameters(const Dtype* bottom, const Dtype* top_diff);
  void BackwardBottom(const Dtype* top_diff, Dtype* bottom_diff) const;

  int num_output_, kernel_, stride_, pad_;
  bool bias_term_;
  int num_, channels_, height_, width_;
  int top_h_, top_w_;
  int taps_;    // K = C k k
  int tile_w_;  // positions in a tile, or fewer at the end of a row
};

}  // namespace caffe

#endif  // CAFFE_LAYERS_LOCALLY_CONNECTED_LAYER_HPP_
