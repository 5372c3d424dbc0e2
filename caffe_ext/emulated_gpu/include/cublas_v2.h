#ifndef EMULATED_GPU_CUBLAS_V2_H_
#define EMULATED_GPU_CUBLAS_V2_H_

#include <cuda_runtime.h>
#include <stdint.h>

// The part of cuBLAS that Caffe and our layers call; emulated_cublas.cpp does
// it by the host's BLAS.

enum cublasStatus_t {
  CUBLAS_STATUS_SUCCESS,
  CUBLAS_STATUS_NOT_INITIALIZED,
  CUBLAS_STATUS_ALLOC_FAILED,
  CUBLAS_STATUS_INVALID_VALUE,
  CUBLAS_STATUS_ARCH_MISMATCH,
  CUBLAS_STATUS_MAPPING_ERROR,
  CUBLAS_STATUS_EXECUTION_FAILED,
  CUBLAS_STATUS_INTERNAL_ERROR,
  CUBLAS_STATUS_NOT_SUPPORTED,
  CUBLAS_STATUS_LICENSE_ERROR
};
enum cublasOperation_t { CUBLAS_OP_N, CUBLAS_OP_T };
enum cublasMath_t { CUBLAS_DEFAULT_MATH, CUBLAS_TF32_TENSOR_OP_MATH };
enum cublasComputeType_t { CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_64F };
enum cublasGemmAlgo_t { CUBLAS_GEMM_DEFAULT };
enum cudaDataType { CUDA_R_32F, CUDA_R_64F };
typedef struct cublasContext* cublasHandle_t;

inline cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  static char any;
  *handle = reinterpret_cast<cublasHandle_t>(&any);
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasDestroy(cublasHandle_t) {
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t) {
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasGetStream(cublasHandle_t, cudaStream_t* stream) {
  *stream = NULL;
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasSetStream(cublasHandle_t, cudaStream_t) {
  return CUBLAS_STATUS_SUCCESS;
}

#define EMULATED_CUBLAS(letter, T)                                            \
  cublasStatus_t cublas##letter##gemm(                                        \
      cublasHandle_t, cublasOperation_t a_op, cublasOperation_t b_op, int m,  \
      int n, int k, const T* alpha, const T* a, int lda, const T* b, int ldb, \
      const T* beta, T* c, int ldc);                                          \
  cublasStatus_t cublas##letter##gemv(                                        \
      cublasHandle_t, cublasOperation_t op, int m, int n, const T* alpha,     \
      const T* a, int lda, const T* x, int incx, const T* beta, T* y,         \
      int incy);                                                              \
  cublasStatus_t cublas##letter##axpy(cublasHandle_t, int n, const T* alpha,  \
                                      const T* x, int incx, T* y, int incy);  \
  cublasStatus_t cublas##letter##scal(cublasHandle_t, int n, const T* alpha,  \
                                      T* x, int incx);                        \
  cublasStatus_t cublas##letter##dot(cublasHandle_t, int n, const T* x,       \
                                     int incx, const T* y, int incy,          \
                                     T* result);                              \
  cublasStatus_t cublas##letter##asum(cublasHandle_t, int n, const T* x,      \
                                      int incx, T* result);                   \
  cublasStatus_t cublas##letter##copy(cublasHandle_t, int n, const T* x,      \
                                      int incx, T* y, int incy)
EMULATED_CUBLAS(S, float);
EMULATED_CUBLAS(D, double);
#undef EMULATED_CUBLAS

cublasStatus_t cublasGemmStridedBatchedEx(
    cublasHandle_t, cublasOperation_t a_op, cublasOperation_t b_op, int m,
    int n, int k, const void* alpha, const void* a, cudaDataType a_type,
    int lda, int64_t a_stride, const void* b, cudaDataType b_type, int ldb,
    int64_t b_stride, const void* beta, void* c, cudaDataType c_type, int ldc,
    int64_t c_stride, int batch, cublasComputeType_t compute,
    cublasGemmAlgo_t algorithm);

#endif  // EMULATED_GPU_CUBLAS_V2_H_
