// cuBLAS without a GPU: see cublas_v2.h. It runs at once, after what is queued.
#include <cublas_v2.h>

extern "C" {
#include <cblas.h>
}

static CBLAS_TRANSPOSE Transpose(cublasOperation_t op) {
  return op == CUBLAS_OP_N ? CblasNoTrans : CblasTrans;
}

#define EMULATED_CUBLAS(letter, blas, T)                                      \
  cublasStatus_t cublas##letter##gemm(                                        \
      cublasHandle_t, cublasOperation_t a_op, cublasOperation_t b_op, int m,  \
      int n, int k, const T* alpha, const T* a, int lda, const T* b, int ldb, \
      const T* beta, T* c, int ldc) {                                         \
    emulated_gpu::RunQueued();                                                \
    cblas_##blas##gemm(CblasColMajor, Transpose(a_op), Transpose(b_op), m, n, \
                       k, *alpha, a, lda, b, ldb, *beta, c, ldc);             \
    return CUBLAS_STATUS_SUCCESS;                                             \
  }                                                                           \
  cublasStatus_t cublas##letter##gemv(                                        \
      cublasHandle_t, cublasOperation_t op, int m, int n, const T* alpha,     \
      const T* a, int lda, const T* x, int incx, const T* beta, T* y,         \
      int incy) {                                                             \
    emulated_gpu::RunQueued();                                                \
    cblas_##blas##gemv(CblasColMajor, Transpose(op), m, n, *alpha, a, lda, x, \
                       incx, *beta, y, incy);                                 \
    return CUBLAS_STATUS_SUCCESS;                                             \
  }                                                                           \
  cublasStatus_t cublas##letter##axpy(cublasHandle_t, int n, const T* alpha,  \
                                      const T* x, int incx, T* y, int incy) { \
    emulated_gpu::RunQueued();                                                \
    cblas_##blas##axpy(n, *alpha, x, incx, y, incy);                          \
    return CUBLAS_STATUS_SUCCESS;                                             \
  }                                                                           \
  cublasStatus_t cublas##letter##scal(cublasHandle_t, int n, const T* alpha,  \
                                      T* x, int incx) {                       \
    emulated_gpu::RunQueued();                                                \
    cblas_##blas##scal(n, *alpha, x, incx);                                   \
    return CUBLAS_STATUS_SUCCESS;                                             \
  }                                                                           \
  cublasStatus_t cublas##letter##dot(cublasHandle_t, int n, const T* x,       \
                                     int incx, const T* y, int incy,          \
                                     T* result) {                             \
    emulated_gpu::RunQueued();                                                \
    *result = cblas_##blas##dot(n, x, incx, y, incy);                         \
    return CUBLAS_STATUS_SUCCESS;                                             \
  }                                                                           \
  cublasStatus_t cublas##letter##asum(cublasHandle_t, int n, const T* x,      \
                                      int incx, T* result) {                  \
    emulated_gpu::RunQueued();                                                \
    *result = cblas_##blas##asum(n, x, incx);                                 \
    return CUBLAS_STATUS_SUCCESS;                                             \
  }                                                                           \
  cublasStatus_t cublas##letter##copy(cublasHandle_t, int n, const T* x,      \
                                      int incx, T* y, int incy) {             \
    emulated_gpu::RunQueued();                                                \
    cblas_##blas##copy(n, x, incx, y, incy);                                  \
    return CUBLAS_STATUS_SUCCESS;                                             \
  }
EMULATED_CUBLAS(S, s, float)
EMULATED_CUBLAS(D, d, double)
#undef EMULATED_CUBLAS

cublasStatus_t cublasGemmStridedBatchedEx(
    cublasHandle_t handle, cublasOperation_t a_op, cublasOperation_t b_op,
    int m, int n, int k, const void* alpha, const void* a, cudaDataType type,
    int lda, int64_t a_stride, const void* b, cudaDataType, int ldb,
    int64_t b_stride, const void* beta, void* c, cudaDataType, int ldc,
    int64_t c_stride, int batch, cublasComputeType_t, cublasGemmAlgo_t) {
  const auto all = [&](auto gemm, auto zero) {
    typedef decltype(zero) T;
    for (int i = 0; i < batch; ++i) {
      gemm(handle, a_op, b_op, m, n, k, static_cast<const T*>(alpha),
           static_cast<const T*>(a) + i * a_stride, lda,
           static_cast<const T*>(b) + i * b_stride, ldb,
           static_cast<const T*>(beta), static_cast<T*>(c) + i * c_stride, ldc);
    }
  };
  type == CUDA_R_32F ? all(cublasSgemm, 0.f) : all(cublasDgemm, 0.);
  return CUBLAS_STATUS_SUCCESS;
}
