#ifndef CAFFE_UTIL_BLOB_NAME_HPP_
#define CAFFE_UTIL_BLOB_NAME_HPP_

#include <string>

#include "caffe/util/format.hpp"

namespace caffe {

/**
 * For messages: the i-th of a layer's bottoms or tops, as layer_param.bottom()
 * or .top() names it, or its number where a layer has no names (one that no
 * net made).
 */
template <typename Names>
std::string BlobName(const Names& names, int i) {
  return i < names.size() ? "'" + names.Get(i) + "'" : format_int(i);
}

}  // namespace caffe

#endif  // CAFFE_UTIL_BLOB_NAME_HPP_
