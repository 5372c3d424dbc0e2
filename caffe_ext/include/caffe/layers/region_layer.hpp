#ifndef CAFFE_LAYERS_REGION_LAYER_HPP_
#define CAFFE_LAYERS_REGION_LAYER_HPP_

#include <boost/align/aligned_allocator.hpp>

#include <string>
#include <vector>

#include "caffe/blob.hpp"
#include "caffe/layer.hpp"
#include "caffe/proto/caffe.pb.h"
#include "caffe/util/patch_convolution.hpp"
#include "caffe/util/patch_normalization.hpp"
#include "caffe/util/rectangle.hpp"

namespace caffe {

struct RegionShape;  // util/region_gpu.hpp

/**
 * @brief The region layer of DRML (paper 3.2, Fig. 3): a grid of patches, each
 *        with its own normalisation and filters, and a skip connection.
 *
 * The bottom x, (N, C, H, W), is sliced into grid_h x grid_w equal patches.
 * For patch p and channel c, with statistics over the N images and the
 * patch's pixels:
 *
 *   1. z = (x - mean_pc) / sqrt(variance_pc + eps)      no learned scale
 *   2. a = max(0, z)
 *   3. y = x + W_p * a + b_p         zero-padded at the *patch's* border
 *
 * Outputs have the bottom's shape; any value is legal at both ends.
 *
 * Gradients, with g = dL/dy and averages over the statistics' domain:
 *
 *   dL/dW_p = g correlated with a,  dL/db_p = sum g,
 *   dz = [z > 0] (W_p transposed * g),
 *   dL/dx = g + (dz - mean(dz) - z mean(dz z)) / sqrt(variance + eps)
 *
 * and without the two means where the moving averages normalise. That is the
 * TEST phase unless region_param.use_global_stats says otherwise; TRAIN and
 * TEST differ in nothing else.
 *
 * Blobs, patches in row-major order of the grid, P = grid_h grid_w:
 *   0  weights (P C, C, k, k): those of a convolution with P groups
 *   1  bias (P C), absent when bias_term is false
 *   then, as BatchNorm keeps them and never learned: sums of means (P C), of
 *   unbiased variances (P C), and of their weights (1).
 *
 * The layer may run in place; it then keeps a copy of its bottom. On the
 * processor each patch is copied out, and steps 1 to 3 are done for one image
 * of it after the other, by a PatchNormalization and a PatchConvolution: plain
 * ones here, others in OneDNNRegionLayer. Patches are shared out to OpenMP
 * threads and none is split, so results do not depend on the number of threads.
 * Of values it keeps three patches of the batch a thread, never all of them:
 * step 1 is done again in the backward pass.
 *
 * On a GPU all patches are computed together, in FP32 on the CUDA cores:
 *   forward   3 launches: statistics (2; x is read once), steps 1 to 3 in one
 *             (x is read once, y written). In global memory: 2 reads, 1 write.
 *   backward  6 launches: dL/dW and dL/db (2; reads x and g), dz (reads g and
 *             x, writes dz), its means (2; reads dz and x), dL/dx (reads g, dz
 *             and x, writes dx). In global memory: 9 reads, 2 writes.
 * The floor is the arithmetic's: 2 k k C FLOPs a value of x forward and twice
 * that backward, which for C = 32, k = 3 are 576 in 12 bytes (48 FLOPs a byte)
 * and 1152 in 44 (26). TF32 (caffe -tf32) changes nothing here.
 */
template <typename Dtype>
class RegionLayer : public Layer<Dtype> {
 public:
  explicit RegionLayer(const LayerParameter& param);
  virtual void LayerSetUp(const vector<Blob<Dtype>*>& bottom,
                          const vector<Blob<Dtype>*>& top);
  virtual void Reshape(const vector<Blob<Dtype>*>& bottom,
                       const vector<Blob<Dtype>*>& top);

  virtual string WhyOtherShape(int param_id, const vector<int>& shape) const;

  virtual inline const char* type() const { return "Region"; }
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

  /// What one thread needs for one patch of all images.
  struct Workspace {
    typedef std::vector<Dtype, boost::alignment::aligned_allocator<Dtype, 64> >
        Values;
    shared_ptr<PatchNormalization<Dtype> > normalization;
    shared_ptr<PatchConvolution<Dtype> > convolution;
    Values x;      // (N, C, h, w), normalised in place
    Values a;      // (C, h, w), of one image
    Values g, dz;  // (N, C, h, w), of the backward pass
  };

  /// How another engine computes a patch: whose channels lie in blocks of
  /// block_, and with filters that it may have prepared.
  virtual shared_ptr<Workspace> NewWorkspace() const;
  virtual void SetForward(int patch, PatchConvolution<Dtype>* convolution);
  /// All patches, of (N, C, H, W) in blocks of block_ channels. y may be x, and
  /// dx may be g or NULL: not wanted.
  void ForwardPatches(const Dtype* x, Dtype* y);
  void BackwardPatches(const Dtype* x, const Dtype* g, Dtype* dx);

  const Dtype* Weight(int patch) const;
  const Dtype* Bias(int patch) const;  // NULL: none

  int grid_h_, grid_w_, patches_;
  int kernel_, pad_;
  bool bias_term_;
  bool use_global_stats_;
  int num_, channels_, height_, width_;
  int patch_h_, patch_w_;
  Dtype eps_;
  int mean_id_;           // index of the first statistics blob
  Blob<Dtype> mean_;      // (P, C), what the last forward pass used
  Blob<Dtype> variance_;  // (P, C), biased

  int block_;  // of channels side by side: 1 unless engines say so
  Blob<Dtype> bottom_copy_;  // (N, C, H, W) in those blocks, in place only

 private:
  void CheckGrid(const Blob<Dtype>& bottom) const;
  vector<int> BlobShape(int param_id) const;
  void CreateBlobs();
  void FixStatistics();
  void LoadGlobalStatistics();
  void UpdateMovingAverages();

  void AllocateWorkspaces();
  Workspace* MyWorkspace() const;  // the calling thread's
  int PatchImage() const { return channels_ * patch_h_ * patch_w_; }  // values
  Rectangle PatchRectangle(int patch) const;
  void ForwardPatch(const Dtype* x, int patch, Workspace* work, Dtype* y);
  void BackwardPatch(const Dtype* x, const Dtype* g, int patch, Workspace* work,
                     Dtype* dx);

  Dtype moving_average_fraction_;
  vector<shared_ptr<Workspace> > workspaces_;  // one a thread

  // GPU mode
  RegionShape ShapeForGPU() const;
  Dtype* Scratch(int count);
  void BackwardParameters_gpu(const RegionShape& s, const Dtype* g,
                              const Dtype* x);

  Blob<Dtype> scratch_;
  Blob<Dtype> dz_;       // (N, C, H, W), in place only
  Blob<Dtype> mean_dz_;  // (P, C) as its data, and mean(dz z) as its diff
};

}  // namespace caffe

#endif  // CAFFE_LAYERS_REGION_LAYER_HPP_
