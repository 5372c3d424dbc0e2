# One runner for Caffe's own tests and caffe_ext's; not part of `all`.
file(GLOB TEST_SOURCES ${CAFFE}/src/caffe/test/test_*.cpp)
file(GLOB EXT_TEST_SOURCES CONFIGURE_DEPENDS ${EXT}/test/test_*.cpp)
if(NOT CPU_ONLY)
  file(GLOB TEST_CUDA ${CAFFE}/src/caffe/test/test_*.cu)
endif()
if(EMULATED_GPU)
  translate_all(TEST_CUDA ${TEST_CUDA})
endif()
if(PORTABLE)  # no OpenCV
  list(FILTER EXT_TEST_SOURCES EXCLUDE REGEX
       "test_multilabel_(image_)?data|test_fuzzed")
else()
  list(APPEND EXT_TEST_SOURCES ${CMAKE_SOURCE_DIR}/tests/reliability/fuzz_caffe.cpp)
  set_source_files_properties(${EXT}/test/test_fuzzed.cpp PROPERTIES
      COMPILE_DEFINITIONS FUZZ_SEEDS="${CMAKE_SOURCE_DIR}/tests/data/fuzz")
endif()
if(USE_ONEDNN)
  include(caffe_ext/cmake/OneDNNTests.cmake)  # more TEST_SOURCES
endif()
set_source_files_properties(${TEST_SOURCES} PROPERTIES COMPILE_OPTIONS -w)
set_source_files_properties(${EXT_TEST_SOURCES} PROPERTIES COMPILE_OPTIONS
                            "-Wall;-Wextra;-Wno-sign-compare")

add_executable(test_caffe EXCLUDE_FROM_ALL ${TEST_SOURCES} ${TEST_CUDA}
               ${EXT_TEST_SOURCES} ${CAFFE}/src/gtest/gtest-all.cpp)
set_target_properties(test_caffe PROPERTIES OUTPUT_NAME test.testbin
                      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
target_include_directories(test_caffe PRIVATE ${EXT}/test ${CMAKE_SOURCE_DIR}/tests)
target_include_directories(test_caffe SYSTEM PRIVATE ${CAFFE}/src)
# The layers under test are compiled in libcaffe, at -O3.
target_compile_options(test_caffe PRIVATE
                       $<$<COMPILE_LANGUAGE:CXX>:-O1>)
target_link_libraries(test_caffe PRIVATE ${PROGRAM_LIBRARIES})
if(PORTABLE)  # its tests look for their data from the folder that they run in
  file(COPY ${CAFFE}/src/caffe/test/test_data
       DESTINATION ${CMAKE_BINARY_DIR}/test/src/caffe/test)
endif()
if(NOT CPU_ONLY AND NOT EMULATED_GPU)  # tests/cuda_build.py
  add_library(fake_cuda MODULE EXCLUDE_FROM_ALL ${EXT}/test/fake_cuda.c)
  target_include_directories(fake_cuda PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
  set_target_properties(fake_cuda PROPERTIES PREFIX ""
                        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
  add_dependencies(test_caffe fake_cuda)
endif()
