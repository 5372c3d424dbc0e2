#ifndef CAFFE_UTIL_WINOGRAD_BUFFERS_HPP_
#define CAFFE_UTIL_WINOGRAD_BUFFERS_HPP_

#include <boost/align/aligned_allocator.hpp>

#include <vector>

namespace caffe {
namespace winograd {

/// Values that begin where the widest vectors may.
typedef std::vector<float, boost::alignment::aligned_allocator<float, 64> >
    Buffer;

/// Room for so many values, of any content, on the calling thread: until it
/// asks again. All layers of a thread share it, so that memory does not grow
/// with their number; it is kept until the thread ends.
float* Scratch(int values);

}  // namespace winograd
}  // namespace caffe

#endif  // CAFFE_UTIL_WINOGRAD_BUFFERS_HPP_
