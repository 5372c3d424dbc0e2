#ifndef CAFFE_UTIL_ONEDNN_PATCH_CONVOLUTION_HPP_
#define CAFFE_UTIL_ONEDNN_PATCH_CONVOLUTION_HPP_
#ifdef USE_ONEDNN

#include <dnnl.hpp>

#include "caffe/util/onednn.hpp"

namespace caffe {
namespace onednn {

/**
 * @brief oneDNN's convolution of one (C, h, w) image after the other with C
 *        filters (C, C, k, k), k odd, zero-padded to the image's own size,
 *        on the calling thread.
 *
 * Images are in the layout that oneDNN has fast code for, filters in Caffe's.
 * An object has buffers of its own: one a thread.
 */
class PatchConvolution {
 public:
  PatchConvolution(int channels, int height, int width, int kernel);

  /// False where oneDNN has only its slow reference code for this shape on this
  /// processor; nothing else may be called then.
  bool IsFast() const { return block_ > 0; }

  /// The images' layout, and how many channels lie side by side in it.
  dnnl::memory::format_tag layout() const { return layout_; }
  int block() const { return block_; }
  /// Of one image, (1, C, h, w).
  const dnnl::memory::desc& image() const { return image_; }

  /// The filters of what follows; bias NULL: 0.
  void SetForward(const float* weight, const float* bias);
  /// Likewise. Also forgets what BackwardWeight gathered.
  void SetBackward(const float* weight);
  /// y += W * x + b.
  void AddForward(float* x, float* y) const;
  /// Gathers the gradients of weights and bias; g is the output's.
  void BackwardWeight(float* g, float* x);
  /// Adds what was gathered, each unless NULL.
  void AddWeightDiff(float* weight_diff, float* bias_diff) const;
  void BackwardData(float* g, float* dx) const;

 private:
  typedef dnnl::memory::desc Desc;

  /// False if they are not all fast.
  bool MakeConvolutions(const dnnl::memory::dims& pad);
  void MakeReorders();

  dnnl::memory::format_tag layout_;
  int block_;
  Desc image_, plain_filters_, plain_bias_;
  Primitive<dnnl::convolution_forward> forward_;
  Primitive<dnnl::convolution_backward_data> backward_data_;
  Primitive<dnnl::convolution_backward_weights> backward_weight_;
  Primitive<dnnl::reorder> to_forward_, to_backward_, add_to_plain_;  // filters
  // In the layouts of the primitives.
  dnnl::memory forward_filters_, backward_filters_, bias_;
  dnnl::memory filters_diff_, bias_diff_;          // of one image
  dnnl::memory filters_diff_sum_, bias_diff_sum_;  // of all
};

}  // namespace onednn
}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_UTIL_ONEDNN_PATCH_CONVOLUTION_HPP_
