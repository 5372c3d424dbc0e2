#include "caffe/util/tf32.hpp"

namespace caffe {

static bool allowed = false;

bool TF32Allowed() {
  return allowed;
}

void AllowTF32(bool allow) {
  allowed = allow;
}

}  // namespace caffe
