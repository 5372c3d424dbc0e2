#ifdef __AVX512F__  // CMakeLists.txt
namespace caffe {
namespace winograd {
namespace {

// 28 of 32 registers for sums, 2 for filters.
const int kLanes = 16, kVectorLanes = 16, kRegisters = 2, kTiles = 14;

}  // namespace
}  // namespace winograd
}  // namespace caffe

#include "winograd_kernels_impl.hpp"  // NOLINT(build/include_subdir)

namespace caffe {
namespace winograd {

extern const Kernels kAvx512 = {"AVX-512", kLanes,        kRegisters,
                                kTiles,    TransformTaps, TransformTiles,
                                Multiply,  TransformBack};

}  // namespace winograd
}  // namespace caffe
#endif  // __AVX512F__
