#ifndef CAFFE_UTIL_CHANNEL_BLOCKS_HPP_
#define CAFFE_UTIL_CHANNEL_BLOCKS_HPP_
#ifdef USE_ONEDNN

#include <dnnl.hpp>

#include <algorithm>
#include <type_traits>
#include <vector>

#include "caffe/util/parallel_for.hpp"

namespace caffe {
namespace onednn {

/// The layout of blobs (N, C, ...) that a layer computes sums over channels in,
/// by their shape alone: so no bit hangs on who looked at a blob.
dnnl::memory::desc ChannelLayout(const dnnl::memory::dims& dims);

/**
 * @brief How the values of a blob (N, C, ...) lie in memory: images, in each
 *        blocks of channels, in each places, and there a block's channels side
 *        by side.
 */
struct ChannelBlocks {
  int num, blocks, places, block;

  /// Of a plain layout or one of kImageLayouts; `places` is 0 for another.
  explicit ChannelBlocks(const dnnl::memory::desc& layout);
  bool known() const { return places > 0; }
  int channels() const { return blocks * block; }
  size_t size() const { return static_cast<size_t>(places) * block; }
};

/// work(std::integral_constant<int, block>()), or of 0 for an unusual block.
template <class Work>
void WithBlock(int block, const Work& work) {
  switch (block) {
    case 16:
      return work(std::integral_constant<int, 16>());
    case 8:
      return work(std::integral_constant<int, 8>());
    case 1:
      return work(std::integral_constant<int, 1>());
    default:
      return work(std::integral_constant<int, 0>());
  }
}

/// value(i, c) stored at y[i] for each value i, of channel c.
template <class Value>
void ForEachValue(const ChannelBlocks& s, float* y, const Value& value) {
  WithBlock(s.block, [&](auto known) {
    ParallelFor(s.num * s.blocks, [&](int part) {
      const int block = known ? static_cast<int>(known) : s.block;
      const int channel = part % s.blocks * block;
      const size_t first = part * s.size();
      for (int place = 0; place < s.places; ++place) {
#pragma omp simd
        for (int lane = 0; lane < block; ++lane) {
          const size_t i = first + static_cast<size_t>(place) * block + lane;
          y[i] = value(i, channel + lane);
        }
      }
    });
  });
}

/// Sums of value(i, c) over each channel's values, in one order whatever the
/// threads.
template <class Value>
std::vector<double> SumsOfChannels(const ChannelBlocks& s, const Value& value) {
  std::vector<double> sums(s.channels());
  WithBlock(s.block, [&](auto known) {
    const int kLanes = 16;  // of a channel's values that lie side by side
    ParallelFor(s.blocks, [&](int part) {
      const int block = known ? static_cast<int>(known) : s.block;
      const int lanes = block == 1 ? kLanes : block;
      std::vector<float> of_image(lanes);
      for (int n = 0; n < s.num; ++n) {
        std::fill(of_image.begin(), of_image.end(), 0.f);
        const size_t first =
            (static_cast<size_t>(n) * s.blocks + part) * s.size();
        float* sum = of_image.data();
        size_t i = 0;
        for (; i + lanes <= s.size(); i += lanes) {
#pragma omp simd
          for (int lane = 0; lane < lanes; ++lane) {
            const int channel = part * block + (block == 1 ? 0 : lane);
            sum[lane] += value(first + i + lane, channel);
          }
        }
        for (int lane = 0; i < s.size(); ++i, ++lane) {
          sum[lane] += value(first + i, part * block);  // block is 1 here
        }
        for (int lane = 0; lane < lanes; ++lane) {
          sums[part * block + (block == 1 ? 0 : lane)] += sum[lane];
        }
      }
    });
  });
  return sums;
}

}  // namespace onednn
}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_UTIL_CHANNEL_BLOCKS_HPP_
