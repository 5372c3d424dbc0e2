#include "caffe/util/winograd_kernels.hpp"

#ifdef USE_ONEDNN
#include <dnnl.hpp>
#endif

#include <vector>

namespace caffe {
namespace winograd {

extern const Kernels kAvx512, kAvx2, kPortable;

void FinishPastCache() {
#ifdef __x86_64__
  __builtin_ia32_sfence();
#endif
}

const std::vector<const Kernels*>& All() {
#ifdef __x86_64__
  static const std::vector<const Kernels*> all = {&kAvx512, &kAvx2, &kPortable};
#else
  static const std::vector<const Kernels*> all = {&kPortable};
#endif
  return all;
}

bool Runs(const Kernels& kernels) {
#ifdef __x86_64__
  if (&kernels == &kAvx512) return __builtin_cpu_supports("avx512f");
  if (&kernels == &kAvx2) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  }
#endif
  return &kernels == &kPortable;
}

// Whether oneDNN may use them, and would lay out images in the same blocks.
static bool Allowed(const Kernels& kernels) {
#if defined(USE_ONEDNN) && defined(__x86_64__)
  const int allowed = static_cast<int>(dnnl::get_effective_cpu_isa());
  const auto includes = [allowed](dnnl::cpu_isa isa) {
    return (allowed & static_cast<int>(isa)) == static_cast<int>(isa);
  };
  if (&kernels == &kAvx512) return includes(dnnl::cpu_isa::avx512_core);
  if (&kernels == &kAvx2) return includes(dnnl::cpu_isa::avx2);
#endif
  return &kernels == &kPortable;
}

static const Kernels* FindBest() {
  for (const Kernels* kernels : All()) {
    if (Runs(*kernels) && Allowed(*kernels)) return kernels;
  }
  return &kPortable;
}

const Kernels& Best() {
  static const Kernels* const best = FindBest();
  return *best;
}

}  // namespace winograd
}  // namespace caffe
