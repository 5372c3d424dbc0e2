#ifdef __AVX2__  // CMakeLists.txt
namespace caffe {
namespace winograd {
namespace {

// 12 of 16 registers for sums, 2 for filters, 1 for a value.
const int kLanes = 8, kVectorLanes = 8, kRegisters = 2, kTiles = 6;

}  // namespace
}  // namespace winograd
}  // namespace caffe

#include "winograd_kernels_impl.hpp"  // NOLINT(build/include_subdir)

namespace caffe {
namespace winograd {

extern const Kernels kAvx2 = {"AVX2",   kLanes,        kRegisters,
                              kTiles,   TransformTaps, TransformTiles,
                              Multiply, TransformBack};

}  // namespace winograd
}  // namespace caffe
#endif  // __AVX2__
