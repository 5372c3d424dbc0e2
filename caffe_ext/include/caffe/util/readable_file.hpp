#ifndef CAFFE_UTIL_READABLE_FILE_HPP_
#define CAFFE_UTIL_READABLE_FILE_HPP_

#include <string>

namespace caffe {

/// The descriptor of a file opened to be read, to be closed by the caller.
/// Fails (LOG(FATAL)), and says why, where it cannot be; so for a folder.
int OpenToRead(const std::string& filename);

}  // namespace caffe

#endif  // CAFFE_UTIL_READABLE_FILE_HPP_
