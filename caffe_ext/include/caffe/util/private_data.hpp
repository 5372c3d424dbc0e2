#ifndef CAFFE_UTIL_PRIVATE_DATA_HPP_
#define CAFFE_UTIL_PRIVATE_DATA_HPP_

#include <cstddef>

namespace caffe {

/**
 * @brief What a SyncedMemory holds in a layout that only some layers know.
 *
 * A SyncedMemory (a blob's data or diff) may hold private data as long as
 * nobody has asked it for a plain pointer. The first cpu_data(), gpu_data() or
 * mutable one writes the values out as a plain array, and from then on the
 * memory is plain for good, so a pointer once given stays true, as in stock
 * Caffe. A layer that knows nothing of private data hence never meets any.
 *
 * Threads may read it together, the first plain pointer included.
 *
 * A layer that does know its own kind asks private_data() for it by
 * dynamic_cast and compares the shape with its blob's: a blob may have been
 * reshaped since.
 */
class PrivateData {
 public:
  virtual ~PrivateData() {}
  /// Writes all values to plain, in the order of an ordinary blob. It has room
  /// for bytes, and what the values do not fill is left as it is.
  virtual void CopyTo(void* plain, size_t bytes) const = 0;
};

}  // namespace caffe

#endif  // CAFFE_UTIL_PRIVATE_DATA_HPP_
