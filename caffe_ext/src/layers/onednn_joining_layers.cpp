#ifdef USE_ONEDNN
#include "caffe/layers/onednn_joining_layers.hpp"

#include <algorithm>
#include <vector>

#include "caffe/util/parallel_for.hpp"

namespace caffe {

using dnnl::memory;
using onednn::Count;
using onednn::Data;
using onednn::Diff;
using onednn::Values;

// y = factors[0] x[0] + factors[1] x[1] + ..., each of `count` values.
static void AddUp(const vector<const float*>& x, const vector<float>& factors,
                  int count, float* y) {
  const float *first = x[0], *second = x[1];
  const float a = factors[0], b = factors[1];
#pragma omp parallel for simd schedule(static)
  for (int i = 0; i < count; ++i) y[i] = a * first[i] + b * second[i];
  for (size_t k = 2; k < x.size(); ++k) {
    const float* next = x[k];
    const float c = factors[k];
#pragma omp parallel for simd schedule(static)
    for (int i = 0; i < count; ++i) y[i] += c * next[i];
  }
}

// ---- Eltwise

bool OneDNNEltwiseLayer::IsOurs(const Blob<float>& top) const {
  return op_ == EltwiseParameter_EltwiseOp_SUM && onednn::Fits(top);
}

void OneDNNEltwiseLayer::Forward_cpu(const vector<Blob<float>*>& bottom,
                                     const vector<Blob<float>*>& top) {
  if (!IsOurs(*top[0])) return EltwiseLayer<float>::Forward_cpu(bottom, top);
  const memory::desc layout = onednn::Read(Data(*bottom[0])).get_desc();
  bottoms_.resize(bottom.size());
  vector<memory> held;  // while they are read
  vector<const float*> x;
  for (size_t i = 0; i < bottom.size(); ++i) {
    held.push_back(onednn::ReadAs(Data(*bottom[i]), layout, &bottoms_[i]));
    x.push_back(Values(held.back()));
  }
  const onednn::Output to(Data(*top[0]), layout, &top_);
  AddUp(x, coeffs_, Count(layout), Values(to.get()));
  to.Store();
}

void OneDNNEltwiseLayer::Backward_cpu(const vector<Blob<float>*>& top,
                                      const vector<bool>& propagate_down,
                                      const vector<Blob<float>*>& bottom) {
  if (!IsOurs(*top[0])) {
    return EltwiseLayer<float>::Backward_cpu(top, propagate_down, bottom);
  }
  const memory diff = onednn::Read(Diff(*top[0]));
  const float* dy = Values(diff);
  const int count = Count(diff.get_desc());
  bottom_diffs_.resize(bottom.size());
  for (size_t i = 0; i < bottom.size(); ++i) {
    if (!propagate_down[i]) continue;
    const onednn::Output to(Diff(*bottom[i]), diff.get_desc(),
                            &bottom_diffs_[i]);
    float* dx = Values(to.get());
    const float factor = coeffs_[i];
#pragma omp parallel for simd schedule(static)
    for (int k = 0; k < count; ++k) dx[k] = factor * dy[k];
    to.Store();
  }
}

// ---- Concat

bool OneDNNConcatLayer::IsOurs(const vector<Blob<float>*>& bottom) const {
  if (bottom.size() < 2 || concat_axis_ != 1) return false;
  return std::all_of(bottom.begin(), bottom.end(),
                     [](Blob<float>* blob) { return onednn::Fits(*blob); });
}

// That of `first`, if its blocks divide all blobs' channels; else plain.
static int BlockOf(const memory::desc& first,
                   const vector<Blob<float>*>& blobs) {
  for (const onednn::ImageLayout& kind : onednn::kImageLayouts) {
    const bool divides =
        std::all_of(blobs.begin(), blobs.end(), [&](Blob<float>* blob) {
          return blob->num_axes() == 4 && blob->shape(1) % kind.block == 0;
        });
    if (divides &&
        first == onednn::Layout(onednn::DimsOf(first), kind.layout)) {
      return kind.block;
    }
  }
  return 1;
}

static memory::desc LayoutOf(const Blob<float>& blob, int block) {
  const memory::dims dims = onednn::Dims(blob.shape());
  return block > 1 ? onednn::Blocked(dims, block) : onednn::Plain(dims);
}

// Each image's part of the joined values, forth or back. In blocks, too, an
// image's channels follow one another.
template <class Copy>
static void ForEachPart(const vector<Blob<float>*>& parts, int num, int joined,
                        const Copy& copy) {
  ParallelFor(num, [&](int n) {
    size_t at = static_cast<size_t>(n) * joined;
    for (size_t i = 0; i < parts.size(); ++i) {
      const size_t size = parts[i]->count(1);
      copy(i, n * size, at, size);
      at += size;
    }
  });
}

void OneDNNConcatLayer::Forward_cpu(const vector<Blob<float>*>& bottom,
                                    const vector<Blob<float>*>& top) {
  if (!IsOurs(bottom)) return ConcatLayer<float>::Forward_cpu(bottom, top);
  const int block = BlockOf(onednn::Read(Data(*bottom[0])).get_desc(), bottom);
  bottoms_.resize(bottom.size());
  vector<memory> from;
  for (size_t i = 0; i < bottom.size(); ++i) {
    from.push_back(onednn::ReadAs(Data(*bottom[i]), LayoutOf(*bottom[i], block),
                                  &bottoms_[i]));
  }
  const onednn::Output to(Data(*top[0]), LayoutOf(*top[0], block), &top_);
  float* y = Values(to.get());
  ForEachPart(bottom, top[0]->shape(0), top[0]->count(1),
              [&](int i, size_t part, size_t at, size_t size) {
                const float* x = Values(from[i]) + part;
                std::copy(x, x + size, y + at);
              });
  to.Store();
}

void OneDNNConcatLayer::Backward_cpu(const vector<Blob<float>*>& top,
                                     const vector<bool>& propagate_down,
                                     const vector<Blob<float>*>& bottom) {
  if (!IsOurs(bottom)) {
    return ConcatLayer<float>::Backward_cpu(top, propagate_down, bottom);
  }
  const int block = BlockOf(onednn::Read(Diff(*top[0])).get_desc(), bottom);
  const memory from =
      onednn::ReadAs(Diff(*top[0]), LayoutOf(*top[0], block), &top_diff_);
  bottom_diffs_.resize(bottom.size());
  vector<shared_ptr<onednn::Output> > to(bottom.size());
  for (size_t i = 0; i < bottom.size(); ++i) {
    if (!propagate_down[i]) continue;
    to[i].reset(new onednn::Output(
        Diff(*bottom[i]), LayoutOf(*bottom[i], block), &bottom_diffs_[i]));
  }
  const float* dy = Values(from);
  ForEachPart(bottom, top[0]->shape(0), top[0]->count(1),
              [&](int i, size_t part, size_t at, size_t size) {
                if (!to[i]) return;
                std::copy(dy + at, dy + at + size, Values(to[i]->get()) + part);
              });
  for (const shared_ptr<onednn::Output>& one : to) {
    if (one) one->Store();
  }
}

// ---- Split

void OneDNNSplitLayer::Backward_cpu(const vector<Blob<float>*>& top,
                                    const vector<bool>& propagate_down,
                                    const vector<Blob<float>*>& bottom) {
  if (!propagate_down[0]) return;
  if (top.size() < 2 || !onednn::Fits(*bottom[0])) {
    return SplitLayer<float>::Backward_cpu(top, propagate_down, bottom);
  }
  const memory::desc layout = onednn::Read(Diff(*top[0])).get_desc();
  top_diffs_.resize(top.size());
  vector<memory> held;
  vector<const float*> dy;
  for (size_t i = 0; i < top.size(); ++i) {
    held.push_back(onednn::ReadAs(Diff(*top[i]), layout, &top_diffs_[i]));
    dy.push_back(Values(held.back()));
  }
  const onednn::Output to(Diff(*bottom[0]), layout, &bottom_diff_);
  AddUp(dy, vector<float>(top.size(), 1), Count(layout), Values(to.get()));
  to.Store();
}

}  // namespace caffe
#endif  // USE_ONEDNN
