#ifndef EMULATED_GPU_CURAND_H_
#define EMULATED_GPU_CURAND_H_

#include <stddef.h>

// The part of cuRAND that Caffe calls, with a generator of the standard
// library: other numbers than NVIDIA's, of the same distributions.

enum curandStatus_t {
  CURAND_STATUS_SUCCESS = 0,
  CURAND_STATUS_VERSION_MISMATCH = 100,
  CURAND_STATUS_NOT_INITIALIZED,
  CURAND_STATUS_ALLOCATION_FAILED,
  CURAND_STATUS_TYPE_ERROR,
  CURAND_STATUS_OUT_OF_RANGE,
  CURAND_STATUS_LENGTH_NOT_MULTIPLE,
  CURAND_STATUS_DOUBLE_PRECISION_REQUIRED,
  CURAND_STATUS_LAUNCH_FAILURE = 201,
  CURAND_STATUS_PREEXISTING_FAILURE,
  CURAND_STATUS_INITIALIZATION_FAILED,
  CURAND_STATUS_ARCH_MISMATCH,
  CURAND_STATUS_INTERNAL_ERROR = 999
};
enum curandRngType_t { CURAND_RNG_PSEUDO_DEFAULT };
typedef struct curandGenerator_st* curandGenerator_t;

curandStatus_t curandCreateGenerator(curandGenerator_t* generator,
                                     curandRngType_t type);
curandStatus_t curandDestroyGenerator(curandGenerator_t generator);
curandStatus_t curandSetPseudoRandomGeneratorSeed(
    curandGenerator_t generator, unsigned long long seed);  // NOLINT
curandStatus_t curandSetGeneratorOffset(curandGenerator_t generator,
                                        unsigned long long offset);  // NOLINT
curandStatus_t curandGenerate(curandGenerator_t generator, unsigned* values,
                              size_t count);
curandStatus_t curandGenerateUniform(curandGenerator_t generator, float* values,
                                     size_t count);
curandStatus_t curandGenerateUniformDouble(curandGenerator_t generator,
                                           double* values, size_t count);
curandStatus_t curandGenerateNormal(curandGenerator_t generator, float* values,
                                    size_t count, float mean, float deviation);
curandStatus_t curandGenerateNormalDouble(curandGenerator_t generator,
                                          double* values, size_t count,
                                          double mean, double deviation);

#endif  // EMULATED_GPU_CURAND_H_
