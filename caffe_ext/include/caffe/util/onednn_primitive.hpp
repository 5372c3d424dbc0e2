#ifndef CAFFE_UTIL_ONEDNN_PRIMITIVE_HPP_
#define CAFFE_UTIL_ONEDNN_PRIMITIVE_HPP_
#ifdef USE_ONEDNN

#include <dnnl.hpp>

#include <unordered_map>

#include "caffe/common.hpp"
#include "caffe/util/onednn_version.hpp"

namespace caffe {
namespace onednn {

/// The processor.
const dnnl::engine& Engine();

/// How many threads a primitive finds here: inside a parallel region its own.
/// (A limit, OMP_THREAD_LIMIT, that several threads of the program share is
/// taken to be all this one's.)
int AvailableThreads();

/**
 * @brief What is made or run while one of these lives has that many threads,
 *        and OpenMP gives no fewer (OMP_DYNAMIC).
 *
 * oneDNN settles a primitive's threads when it is made; run where there are
 * fewer, it waits for the others for ever.
 */
class ThreadCount {
 public:
  explicit ThreadCount(int threads);
  ~ThreadCount();

 private:
  int before_, dynamic_;

  DISABLE_COPY_AND_ASSIGN(ThreadCount);
};

typedef std::unordered_map<int, dnnl::memory> Arguments;

/// For every primitive: its temporary memory is given by Run. (oneDNN's own may
/// only be used by the thread that made the primitive.)
dnnl::primitive_attr Attributes();

/// How many primitives Run has run. For tests.
uint64_t PrimitivesRun();

/// Runs a primitive to its end.
void Run(const dnnl::primitive& primitive,
         const dnnl::primitive_desc_base& description, Arguments arguments);

/// Whether oneDNN has more than its slow reference code for it, if anything.
bool IsFast(const dnnl::primitive_desc_base& description);

/**
 * @brief A primitive made together with its description, for the threads that
 *        are available where it is made; or none.
 *
 * To be run where it was made: layers make theirs anew in each pass. That costs
 * some 3 us, since oneDNN remembers what it made (also for how many threads),
 * and nothing has to be kept in step with shapes and threads.
 */
template <class Kind>
class Primitive {
 public:
  typedef typename Kind::primitive_desc Description;

  Primitive() {}
  /// describe() gives the description.
  template <class Describe>
  static Primitive Make(const Describe& describe) {
    const ThreadCount available(AvailableThreads());
    return Primitive(describe());
  }
  /// None unless oneDNN can do it, and fast.
  template <class Describe>
  static Primitive MakeIfFast(const Describe& describe) {
    const ThreadCount available(AvailableThreads());
    try {
      const Description description = describe();
      return IsFast(description) ? Primitive(description) : Primitive();
    } catch (const dnnl::error& error) {
      if (error.status != dnnl_invalid_arguments) throw;
      return Primitive();
    }
  }

  explicit operator bool() const { return static_cast<bool>(primitive_); }
  const Description& description() const { return description_; }
  void Run(const Arguments& arguments) const {
    onednn::Run(primitive_, description_, arguments);
  }

 private:
  explicit Primitive(const Description& description)
      : description_(description), primitive_(description) {}

  Description description_;
  Kind primitive_;
};

/// Arguments: those of Kind's description.
template <class Kind, class... Desc>
Primitive<Kind> ForwardIfFast(const Desc&... desc) {
  return Primitive<Kind>::MakeIfFast(
      [&] { return DescribeForward<Kind>(Engine(), Attributes(), desc...); });
}

/// Likewise, for a backward pass; none if forward is none.
template <class Kind, class Forward, class... Desc>
Primitive<Kind> BackwardIfFast(const Primitive<Forward>& forward,
                               const Desc&... desc) {
  if (!forward) return Primitive<Kind>();
  return Primitive<Kind>::MakeIfFast([&] {
    return DescribeBackward<Kind>(Engine(), Attributes(), forward.description(),
                                  desc...);
  });
}

/// Copies values into another layout, or adds them to what is there.
Primitive<dnnl::reorder> MakeReorder(const dnnl::memory::desc& from,
                                     const dnnl::memory::desc& to,
                                     bool add = false);

}  // namespace onednn
}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_UTIL_ONEDNN_PRIMITIVE_HPP_
