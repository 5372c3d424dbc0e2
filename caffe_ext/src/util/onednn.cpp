#ifdef USE_ONEDNN
#include "caffe/util/onednn.hpp"

#include <string>
#include <vector>

namespace caffe {
namespace onednn {

using dnnl::memory;

namespace {

class PrivateMemory : public PrivateData {
 public:
  explicit PrivateMemory(const memory::desc& desc) : memory_(desc, Engine()) {}
  const memory& get() const { return memory_; }
  virtual void CopyTo(void* plain, size_t bytes) const {
    const memory::desc desc = Plain(memory_.get_desc().dims());
    CHECK_LE(desc.get_size(), bytes);
    Reorder(memory_, memory(desc, Engine(), plain));
  }

 private:
  memory memory_;
};

// A tensor's private values, or null.
const PrivateMemory* PrivateOf(const Tensor& tensor) {
  const PrivateMemory* data =
      dynamic_cast<const PrivateMemory*>(tensor.memory->private_data());
  return data && data->get().get_desc().dims() == tensor.dims ? data : NULL;
}

}  // namespace

const dnnl::engine& Engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::primitive_attr Attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
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
  primitive.execute(stream, arguments);
  stream.wait();
}

void Reorder(const memory& from, const memory& to) {
  const dnnl::reorder::primitive_desc description(from, to, Attributes());
  Run<dnnl::reorder>(description, {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
}

bool IsFast(const dnnl::primitive_desc_base& primitive) {
  if (!primitive) return false;
  const std::string name = primitive.impl_info_str();  // such as "lrn_ref:any"
  return name.find("ref") == std::string::npos &&
         name.find("simple") == std::string::npos;
}

bool Fits(const Blob<float>& blob) {
  return blob.count() > 0 && blob.num_axes() >= 1 && blob.num_axes() <= 5;
}

memory::desc Plain(const memory::dims& dims) {
  memory::dims strides(dims.size(), 1);
  for (int i = static_cast<int>(dims.size()) - 1; i > 0; --i) {
    strides[i - 1] = strides[i] * dims[i];
  }
  return memory::desc(dims, memory::data_type::f32, strides);
}

memory::desc Any(const memory::dims& dims) {
  return memory::desc(dims, memory::data_type::f32, memory::format_tag::any);
}

void Allocate(const memory::desc& desc, memory* scratch) {
  if (!*scratch || scratch->get_desc() != desc) {
    *scratch = memory(desc, Engine());
  }
}

memory::dims Dims(const vector<int>& shape) {
  return memory::dims(shape.begin(), shape.end());
}

Tensor Data(const Blob<float>& blob, const memory::dims& dims) {
  return {blob.data(), dims};
}

Tensor Diff(const Blob<float>& blob, const memory::dims& dims) {
  return {blob.diff(), dims};
}

Tensor Data(const Blob<float>& blob) {
  return Data(blob, Dims(blob.shape()));
}

Tensor Diff(const Blob<float>& blob) {
  return Diff(blob, Dims(blob.shape()));
}

memory Read(const Tensor& tensor) {
  if (const PrivateMemory* data = PrivateOf(tensor)) return data->get();
  // oneDNN does not write to a primitive's sources.
  return memory(Plain(tensor.dims), Engine(),
                const_cast<void*>(tensor.memory->cpu_data()));
}

memory ReadAs(const Tensor& tensor, const memory::desc& wanted,
              memory* scratch) {
  const memory values = Read(tensor);
  if (values.get_desc() == wanted) return values;
  Allocate(wanted, scratch);
  Reorder(values, *scratch);
  return *scratch;
}

Output::Output(const Tensor& tensor, const memory::desc& wanted,
               memory* scratch) {
  if (tensor.memory->may_be_private()) {
    const PrivateMemory* old = PrivateOf(tensor);
    if (old && old->get().get_desc() == wanted) {
      memory_ = old->get();
      return;
    }
    shared_ptr<PrivateMemory> data(new PrivateMemory(wanted));
    memory_ = data->get();
    tensor.memory->set_private_data(data);
    return;
  }
  const memory plain(Plain(tensor.dims), Engine(),
                     tensor.memory->mutable_cpu_data());
  if (plain.get_desc() == wanted) {
    memory_ = plain;
    return;
  }
  Allocate(wanted, scratch);
  memory_ = *scratch;
  plain_ = plain;
}

Output::~Output() {
  if (plain_) Reorder(memory_, plain_);
}

void AddTo(const Tensor& tensor, const memory& values) {
  const memory sum(Plain(tensor.dims), Engine(),
                   tensor.memory->mutable_cpu_data());
  dnnl::post_ops add;
  add.append_sum();
  dnnl::primitive_attr attributes = Attributes();
  attributes.set_post_ops(add);
  const dnnl::reorder::primitive_desc description(values, sum, attributes);
  Run<dnnl::reorder>(description,
                     {{DNNL_ARG_FROM, values}, {DNNL_ARG_TO, sum}});
}

}  // namespace onednn
}  // namespace caffe
#endif  // USE_ONEDNN
