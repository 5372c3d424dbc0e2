#ifdef USE_ONEDNN
#include "caffe/util/onednn_patches.hpp"

namespace caffe {
namespace onednn {

using dnnl::memory;

Patches::Patches(const memory& blob, const memory::desc& patch)
    : blob_(blob),
      first_(blob.get_desc().submemory_desc(DimsOf(patch), {0, 0, 0, 0})) {
  const ThreadCount one(1);
  gather_ = MakeReorder(first_, patch);
  scatter_ = MakeReorder(patch, first_);
}

memory Patches::At(int y, int x) const {
  const memory::desc there =
      blob_.get_desc().submemory_desc(DimsOf(first_), {0, 0, y, x});
  float* origin = static_cast<float*>(blob_.get_data_handle());
  return memory(first_, Engine(), origin + OffsetOf(there));
}

void Patches::Gather(int y, int x, const memory& copy) const {
  gather_.Run({{DNNL_ARG_FROM, At(y, x)}, {DNNL_ARG_TO, copy}});
}

void Patches::Scatter(const memory& copy, int y, int x) const {
  scatter_.Run({{DNNL_ARG_FROM, copy}, {DNNL_ARG_TO, At(y, x)}});
}

}  // namespace onednn
}  // namespace caffe
#endif  // USE_ONEDNN
