#ifndef CAFFE_UTIL_NEIGHBOURS_CUH_
#define CAFFE_UTIL_NEIGHBOURS_CUH_

namespace caffe {

// Neighbours in memory, which a thread loads at once.
template <typename Dtype, int kCount>
struct alignas(kCount * sizeof(Dtype)) Neighbours {
  Dtype v[kCount];
};

template <typename Dtype>
using Four = Neighbours<Dtype, 4>;

}  // namespace caffe

#endif  // CAFFE_UTIL_NEIGHBOURS_CUH_
