#ifndef CAFFE_UTIL_ONEDNN_HPP_
#define CAFFE_UTIL_ONEDNN_HPP_
#ifdef USE_ONEDNN

#include <dnnl.hpp>

#include <vector>

#include "caffe/blob.hpp"
#include "caffe/util/onednn_primitive.hpp"

namespace caffe {

/**
 * Blobs of floats as oneDNN sees them. What a oneDNN layer writes stays in the
 * layout that oneDNN chose (PrivateData) until somebody wants it plain; the
 * next oneDNN layer takes it from there.
 */
namespace onednn {

/// Whether oneDNN can take a blob of that shape at all: 1 to 5 axes, not empty.
bool Fits(const Blob<float>& blob);

/// Copies values into another layout.
void Reorder(const dnnl::memory& from, const dnnl::memory& to);

/// The layout of an ordinary blob: the last axis is contiguous.
dnnl::memory::desc Plain(const dnnl::memory::dims& dims);

/// Any layout: the primitive chooses.
dnnl::memory::desc Any(const dnnl::memory::dims& dims);

/// One of oneDNN's layouts.
dnnl::memory::desc Layout(const dnnl::memory::dims& dims,
                          dnnl::memory::format_tag layout);

/// A layout of images (N, C, H, W), and how many channels lie side by side.
struct ImageLayout {
  dnnl::memory::format_tag layout;
  int block;
};
/// Those for which oneDNN may have fast code, the best first.
extern const ImageLayout kImageLayouts[3];

/// The one of so many.
dnnl::memory::desc Blocked(const dnnl::memory::dims& dims, int block);

/// Values of a memory of that layout, padding included.
int Count(const dnnl::memory::desc& desc);
float* Values(const dnnl::memory& memory);

/// Makes *scratch a memory of that layout, unless it is one.
void Allocate(const dnnl::memory::desc& desc, dnnl::memory* scratch);

/// Likewise, and a new one is filled with zeros.
void AllocateZeros(const dnnl::memory::desc& desc, dnnl::memory* scratch);

/// A blob's data or diff, and the shape in which oneDNN is to see it: the
/// blob's own, or another with as many values (weights of a grouped
/// convolution).
struct Tensor {
  shared_ptr<SyncedMemory> memory;
  dnnl::memory::dims dims;
};

dnnl::memory::dims Dims(const vector<int>& shape);
Tensor Data(const Blob<float>& blob);
Tensor Diff(const Blob<float>& blob);
Tensor Data(const Blob<float>& blob, const dnnl::memory::dims& dims);
Tensor Diff(const Blob<float>& blob, const dnnl::memory::dims& dims);

/// The values as they stand, in whatever layout they are.
dnnl::memory Read(const Tensor& tensor);

/// The values in the layout wanted. They are reordered into *scratch, which is
/// allocated on first use, only if they are in another one.
dnnl::memory ReadAs(const Tensor& tensor, const dnnl::memory::desc& wanted,
                    dnnl::memory* scratch);

/**
 * @brief A place for new values of a tensor, in the layout wanted.
 *
 * A tensor that may be private keeps them there. One that is plain has them
 * written directly if that is the layout wanted, else by way of *scratch, when
 * Store is called: which has to be done once the values are there. The old
 * values are gone, except where the tensor is already in the layout wanted (so
 * layers may work in place).
 */
class Output {
 public:
  Output(const Tensor& tensor, const dnnl::memory::desc& wanted,
         dnnl::memory* scratch);
  const dnnl::memory& get() const { return memory_; }
  void Store() const;

 private:
  dnnl::memory memory_;
  dnnl::memory plain_;  // null unless memory_ is to be reordered to it

  DISABLE_COPY_AND_ASSIGN(Output);
};

/**
 * @brief The values that a layer finds and that it overwrites, for its backward
 *        pass.
 *
 * Of private ones nothing is copied: the tensor gets another memory for the new
 * values, and the two change places each time.
 */
class KeptValues {
 public:
  /// values: those that Read gives for the tensor, in their own layout or
  /// another. Output then gives a place for new ones.
  void Keep(const Tensor& tensor, const dnnl::memory& values);
  const dnnl::memory& get() const { return values_; }
  dnnl::memory ReadAs(const dnnl::memory::desc& wanted,
                      dnnl::memory* scratch) const;

 private:
  dnnl::memory values_;
  shared_ptr<PrivateData> owner_;  // of values_, if they were a tensor's
};

/**
 * @brief Whether weights are what they were, so that what was made of them may
 *        be kept.
 */
class SeenContent {
 public:
  /// Since the last call, of the same blobs. False where somebody may write to
  /// one at any time (SyncedMemory::content).
  bool IsSame(const vector<shared_ptr<Blob<float> > >& blobs);

 private:
  vector<uint64_t> seen_;
};

/// Adds values, in any layout, to a tensor's plain ones: a weight's gradient.
void AddTo(const Tensor& tensor, const dnnl::memory& values);

}  // namespace onednn
}  // namespace caffe

#endif  // USE_ONEDNN
#endif  // CAFFE_UTIL_ONEDNN_HPP_
