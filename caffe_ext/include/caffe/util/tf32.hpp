#ifndef CAFFE_UTIL_TF32_HPP_
#define CAFFE_UTIL_TF32_HPP_

namespace caffe {

/// Whether a GPU's float convolutions and matrix products may round their
/// factors to TF32 (10 bits of mantissa, as half has, with float's range).
/// Not unless allowed: the paper's arithmetic is FP32. Holds for what is set up
/// after the call: handles of a device or thread, and cuDNN's layers.
bool TF32Allowed();
void AllowTF32(bool allow);

}  // namespace caffe

#endif  // CAFFE_UTIL_TF32_HPP_
