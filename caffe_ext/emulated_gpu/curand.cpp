// cuRAND without a GPU: see curand.h.
#include <cuda_runtime.h>
#include <curand.h>

#include <random>

struct curandGenerator_st {
  std::mt19937 engine;
};

curandStatus_t curandCreateGenerator(curandGenerator_t* generator,
                                     curandRngType_t) {
  *generator = new curandGenerator_st;
  return CURAND_STATUS_SUCCESS;
}

curandStatus_t curandDestroyGenerator(curandGenerator_t generator) {
  delete generator;
  return CURAND_STATUS_SUCCESS;
}

curandStatus_t curandSetPseudoRandomGeneratorSeed(
    curandGenerator_t generator, unsigned long long seed) {  // NOLINT
  generator->engine.seed(seed);
  return CURAND_STATUS_SUCCESS;
}

curandStatus_t curandSetGeneratorOffset(curandGenerator_t generator,
                                        unsigned long long offset) {  // NOLINT
  generator->engine.discard(offset);
  return CURAND_STATUS_SUCCESS;
}

template <typename T, typename Distribution>
static curandStatus_t Generate(curandGenerator_t generator, T* values,
                               size_t count, Distribution distribution) {
  emulated_gpu::RunQueued();
  for (size_t i = 0; i < count; ++i) {
    values[i] = distribution(generator->engine);
  }
  return CURAND_STATUS_SUCCESS;
}

curandStatus_t curandGenerate(curandGenerator_t generator, unsigned* values,
                              size_t count) {
  return Generate(generator, values, count,
                  std::uniform_int_distribution<unsigned>());
}

// In (0, 1], as cuRAND's, where the standard library's are in [0, 1).
curandStatus_t curandGenerateUniform(curandGenerator_t generator, float* values,
                                     size_t count) {
  std::uniform_real_distribution<float> uniform;
  return Generate(generator, values, count,
                  [&](std::mt19937& engine) { return 1 - uniform(engine); });
}

curandStatus_t curandGenerateUniformDouble(curandGenerator_t generator,
                                           double* values, size_t count) {
  std::uniform_real_distribution<double> uniform;
  return Generate(generator, values, count,
                  [&](std::mt19937& engine) { return 1 - uniform(engine); });
}

curandStatus_t curandGenerateNormal(curandGenerator_t generator, float* values,
                                    size_t count, float mean, float deviation) {
  return Generate(generator, values, count,
                  std::normal_distribution<float>(mean, deviation));
}

curandStatus_t curandGenerateNormalDouble(curandGenerator_t generator,
                                          double* values, size_t count,
                                          double mean, double deviation) {
  return Generate(generator, values, count,
                  std::normal_distribution<double>(mean, deviation));
}
