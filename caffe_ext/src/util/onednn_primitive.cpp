#ifdef USE_ONEDNN
#include "caffe/util/onednn_primitive.hpp"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <string>

namespace caffe {
namespace onednn {

using dnnl::memory;

const dnnl::engine& Engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

int AvailableThreads() {
  if (omp_in_parallel()) return 1;
  return std::min(omp_get_max_threads(), omp_get_thread_limit());
}

ThreadCount::ThreadCount(int threads)
    : before_(omp_get_max_threads()), dynamic_(omp_get_dynamic()) {
  omp_set_num_threads(threads);
  omp_set_dynamic(0);
}

ThreadCount::~ThreadCount() {
  omp_set_num_threads(before_);
  omp_set_dynamic(dynamic_);
}

dnnl::primitive_attr Attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

// Likewise, for results that are added to what is at their place.
static dnnl::primitive_attr AddingAttributes() {
  dnnl::primitive_attr attributes = Attributes();
  dnnl::post_ops sum;
  sum.append_sum();
  attributes.set_post_ops(sum);
  return attributes;
}

static std::atomic<uint64_t> primitives_run(0);

uint64_t PrimitivesRun() {
  return primitives_run;
}

void Run(const dnnl::primitive& primitive,
         const dnnl::primitive_desc_base& description, Arguments arguments) {
  static thread_local dnnl::stream stream(Engine());
  static thread_local memory temporary(memory::desc(), Engine());
  const memory::desc needed = description.scratchpad_desc();
  if (needed.get_size() > temporary.get_desc().get_size()) {
    temporary = memory(needed, Engine());
  }
  arguments[DNNL_ARG_SCRATCHPAD] =
      memory(needed, Engine(), temporary.get_data_handle());
  const ThreadCount available(AvailableThreads());
  ++primitives_run;
  primitive.execute(stream, arguments);
  stream.wait();
}

bool IsFast(const dnnl::primitive_desc_base& description) {
  if (!description) return false;
  const std::string name = description.impl_info_str();  // as "lrn_ref:any"
  return name.find("ref") == std::string::npos &&
         name.find("simple") == std::string::npos;
}

Primitive<dnnl::reorder> MakeReorder(const memory::desc& from,
                                     const memory::desc& to, bool add) {
  return Primitive<dnnl::reorder>::Make([&] {
    return dnnl::reorder::primitive_desc(
        Engine(), from, Engine(), to, add ? AddingAttributes() : Attributes());
  });
}

}  // namespace onednn
}  // namespace caffe
#endif  // USE_ONEDNN
