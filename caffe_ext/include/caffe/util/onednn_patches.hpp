#ifndef CAFFE_UTIL_ONEDNN_PATCHES_HPP_
#define CAFFE_UTIL_ONEDNN_PATCHES_HPP_
#ifdef USE_ONEDNN

#include <dnnl.hpp>

#include "caffe/util/onednn_primitive.hpp"

namespace caffe {
namespace onednn {

/**
 * @brief Patches of a blob (N, C, H, W) in any layout, copied out and in by the
 *        calling thread.
 */
class Patches {
 public:
  /// patch: (N, C, h, w), the layout of the copies.
  Patches(const dnnl::memory& blob, const dnnl::memory::desc& patch);

  /// Blob to copy, and back: the patch whose upper left pixel is (y, x).
  void Gather(int y, int x, const dnnl::memory& copy) const;
  void Scatter(const dnnl::memory& copy, int y, int x) const;

 private:
  dnnl::memory At(int y, int x) const;

  dnnl::memory blob_;
  dnnl::memory::desc first_;  // the blob's patch at (0, 0)
  Primitive<dnnl::reorder> gather_, scatter_;
};

}  // namespace onednn
}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_UTIL_ONEDNN_PATCHES_HPP_
