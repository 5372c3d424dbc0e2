// For any processor: SSE, NEON, or whatever the compiler makes of vectors.
namespace caffe {
namespace winograd {
namespace {

// 12 or 24 registers for sums.
#ifdef __aarch64__
const int kLanes = 8, kVectorLanes = 4, kRegisters = 2, kTiles = 6;
#else
const int kLanes = 8, kVectorLanes = 4, kRegisters = 1, kTiles = 6;
#endif

}  // namespace
}  // namespace winograd
}  // namespace caffe

#include "winograd_kernels_impl.hpp"  // NOLINT(build/include_subdir)

namespace caffe {
namespace winograd {

extern const Kernels kPortable = {"any",    kLanes,        kRegisters,
                                  kTiles,   TransformTaps, TransformTiles,
                                  Multiply, TransformBack};

}  // namespace winograd
}  // namespace caffe
