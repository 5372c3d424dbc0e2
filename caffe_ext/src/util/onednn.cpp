#ifdef USE_ONEDNN
#include "caffe/util/onednn.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
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
    const memory::desc desc = Plain(DimsOf(memory_.get_desc()));
    CHECK_LE(desc.get_size(), bytes);
    try {
      Reorder(memory_, memory(desc, Engine(), plain));
    } catch (const std::exception& error) {  // Caffe knows no exceptions
      LOG(FATAL) << "oneDNN could not write out a blob (" << error.what()
                 << "); a smaller batch needs less memory.";
    }
  }

 private:
  memory memory_;
};

// A tensor's private values, or null.
memory PrivateOf(const Tensor& tensor) {
  const shared_ptr<PrivateData> data = tensor.memory->private_data();
  const PrivateMemory* ours = dynamic_cast<const PrivateMemory*>(data.get());
  const bool fits = ours && DimsOf(ours->get().get_desc()) == tensor.dims;
  return fits ? ours->get() : memory();
}

}  // namespace

void Reorder(const memory& from, const memory& to) {
  MakeReorder(from.get_desc(), to.get_desc())
      .Run({{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
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
  return Layout(dims, memory::format_tag::any);
}

memory::desc Layout(const memory::dims& dims, memory::format_tag layout) {
  return memory::desc(dims, memory::data_type::f32, layout);
}

const ImageLayout kImageLayouts[3] = {{memory::format_tag::nChw16c, 16},
                                      {memory::format_tag::nChw8c, 8},
                                      {memory::format_tag::nchw, 1}};

memory::desc Blocked(const memory::dims& dims, int block) {
  for (const ImageLayout& kind : kImageLayouts) {
    if (kind.block == block) return Layout(dims, kind.layout);
  }
  LOG(FATAL) << "no layout of images in blocks of " << block << " channels";
  return memory::desc();
}

int Count(const memory::desc& desc) {
  return desc.get_size() / sizeof(float);
}

float* Values(const memory& memory) {
  return static_cast<float*>(memory.get_data_handle());
}

void Allocate(const memory::desc& desc, memory* scratch) {
  if (!*scratch || scratch->get_desc() != desc) {
    *scratch = memory(desc, Engine());
  }
}

void AllocateZeros(const memory::desc& desc, memory* scratch) {
  if (*scratch && scratch->get_desc() == desc) return;
  *scratch = memory(desc, Engine());
  if (desc.get_size() == 0) return;  // a primitive that wants none
  std::memset(scratch->get_data_handle(), 0, desc.get_size());
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
  if (const memory values = PrivateOf(tensor)) return values;
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
    memory_ = PrivateOf(tensor);
    if (memory_ && memory_.get_desc() == wanted) return;
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

void Output::Store() const {
  if (plain_) Reorder(memory_, plain_);
}

void KeptValues::Keep(const Tensor& tensor, const memory& values) {
  const shared_ptr<PrivateData> data = tensor.memory->private_data();
  const memory theirs = PrivateOf(tensor);
  if (theirs && theirs.get_data_handle() == values.get_data_handle()) {
    const PrivateMemory* other =
        dynamic_cast<const PrivateMemory*>(owner_.get());
    const bool fits =
        other && owner_ != data && other->get().get_desc() == values.get_desc();
    const shared_ptr<PrivateData> place =
        fits ? owner_
             : shared_ptr<PrivateData>(new PrivateMemory(values.get_desc()));
    tensor.memory->set_private_data(place);
    values_ = values;
    owner_ = data;
    return;
  }
  if (owner_) values_ = memory();
  owner_.reset();
  Allocate(values.get_desc(), &values_);
  Reorder(values, values_);
}

memory KeptValues::ReadAs(const memory::desc& wanted, memory* scratch) const {
  if (values_.get_desc() == wanted) return values_;
  Allocate(wanted, scratch);
  Reorder(values_, *scratch);
  return *scratch;
}

bool SeenContent::IsSame(const vector<shared_ptr<Blob<float> > >& blobs) {
  vector<uint64_t> content;
  for (const shared_ptr<Blob<float> >& blob : blobs) {
    content.push_back(blob->data()->content());
  }
  seen_.swap(content);
  return seen_ == content &&
         std::find(seen_.begin(), seen_.end(), 0) == seen_.end();
}

void AddTo(const Tensor& tensor, const memory& values) {
  const memory sum(Plain(tensor.dims), Engine(),
                   tensor.memory->mutable_cpu_data());
  MakeReorder(values.get_desc(), sum.get_desc(), true)
      .Run({{DNNL_ARG_FROM, values}, {DNNL_ARG_TO, sum}});
}

}  // namespace onednn
}  // namespace caffe
#endif  // USE_ONEDNN
