#ifdef USE_ONEDNN
#include "caffe/util/channel_blocks.hpp"

#include "caffe/util/onednn.hpp"

namespace caffe {
namespace onednn {

using dnnl::memory;

memory::desc ChannelLayout(const memory::dims& dims) {
  for (const ImageLayout& kind : kImageLayouts) {
    if (dims.size() == 4 && dims[1] % kind.block == 0) {
      return Layout(dims, kind.layout);
    }
  }
  return Plain(dims);
}

ChannelBlocks::ChannelBlocks(const memory::desc& layout)
    : num(0), blocks(0), places(0), block(1) {
  const memory::dims dims = DimsOf(layout);
  if (dims.size() < 2) return;
  int inner = 1;
  for (size_t i = 2; i < dims.size(); ++i) inner *= dims[i];
  if (layout == Plain(dims)) {
    // Channels of (N, C) lie side by side.
    block = dims.size() == 2 ? dims[1] : 1;
    places = inner;
  }
  for (const ImageLayout& kind : kImageLayouts) {
    if (places || dims.size() != 4 || dims[1] % kind.block) continue;
    if (layout != Layout(dims, kind.layout)) continue;
    block = kind.block;
    places = inner;
  }
  num = dims[0];
  blocks = dims[1] / block;
}

}  // namespace onednn
}  // namespace caffe
#endif  // USE_ONEDNN
