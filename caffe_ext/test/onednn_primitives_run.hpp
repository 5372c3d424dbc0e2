#ifndef CAFFE_EXT_TEST_ONEDNN_PRIMITIVES_RUN_HPP_
#define CAFFE_EXT_TEST_ONEDNN_PRIMITIVES_RUN_HPP_

#include "gtest/gtest.h"

#include "caffe/util/onednn_primitive.hpp"

// In a fixture: fails where none of its tests ran a oneDNN primitive, since
// then all were of Caffe's own layer.
#define CHECKS_THAT_PRIMITIVES_RUN                          \
 public:                                                    \
  static uint64_t* RunBefore() {                            \
    static uint64_t before;                                 \
    return &before;                                         \
  }                                                         \
  static void SetUpTestCase() {                             \
    *RunBefore() = caffe::onednn::PrimitivesRun();          \
  }                                                         \
  static void TearDownTestCase() {                          \
    EXPECT_LT(*RunBefore(), caffe::onednn::PrimitivesRun()) \
        << "no test of this suite ran a oneDNN primitive";  \
  }

#endif  // CAFFE_EXT_TEST_ONEDNN_PRIMITIVES_RUN_HPP_
