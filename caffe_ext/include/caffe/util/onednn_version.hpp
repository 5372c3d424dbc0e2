#ifndef CAFFE_UTIL_ONEDNN_VERSION_HPP_
#define CAFFE_UTIL_ONEDNN_VERSION_HPP_
#ifdef USE_ONEDNN

#include <dnnl.hpp>

/// An argument that functions of oneDNN 3 have and those of 2 have not.
#if DNNL_VERSION_MAJOR < 3
#define ONEDNN_3_ARGUMENT(value)
#else
#define ONEDNN_3_ARGUMENT(value) value,
#endif

namespace caffe {
namespace onednn {

/**
 * What oneDNN 2 and 3 write differently. Arguments: those of a primitive's
 * description, without engine, hint and attributes; what there is no code for
 * gives an empty description.
 */
#if DNNL_VERSION_MAJOR < 3

template <class Kind, class... Desc>
typename Kind::primitive_desc DescribeForward(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes,
    const Desc&... desc) {
  return typename Kind::primitive_desc({desc...}, attributes, engine, true);
}

template <class Kind, class Forward, class... Desc>
typename Kind::primitive_desc DescribeBackward(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes,
    const Forward& forward, const Desc&... desc) {
  return typename Kind::primitive_desc({desc...}, attributes, engine, forward,
                                       true);
}

inline dnnl::memory::dims DimsOf(const dnnl::memory::desc& desc) {
  return desc.dims();
}

inline dnnl::memory::dim OffsetOf(const dnnl::memory::desc& desc) {
  return desc.data.offset0;
}

#else

template <class Kind, class... Desc>
typename Kind::primitive_desc DescribeForward(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes,
    const Desc&... desc) {
  return typename Kind::primitive_desc(engine, desc..., attributes, true);
}

template <class Kind, class Forward, class... Desc>
typename Kind::primitive_desc DescribeBackward(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes,
    const Forward& forward, const Desc&... desc) {
  return
      typename Kind::primitive_desc(engine, desc..., forward, attributes, true);
}

inline dnnl::memory::dims DimsOf(const dnnl::memory::desc& desc) {
  return desc.get_dims();
}

inline dnnl::memory::dim OffsetOf(const dnnl::memory::desc& desc) {
  return desc.get_submemory_offset();
}

#endif

}  // namespace onednn
}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_UTIL_ONEDNN_VERSION_HPP_
