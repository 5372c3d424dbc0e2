// OpenBLAS maps a buffer of 128 MiB at its first product, keeps it for those
// that follow, and where there is no room for it asks again for ever. As the
// library is loaded there is room; once a net has taken what an address space
// (ulimit -v) has left, there is none.
#include <cblas.h>

static bool MapBuffer() {
  const float a = 1;
  float product = 0;
  cblas_ssyrk(CblasRowMajor, CblasUpper, CblasNoTrans, 1, 1, 1.f, &a, 1, 0.f,
              &product, 1);
  return true;
}

static const bool mapped = MapBuffer();
