# The CUDA half: Caffe's and our .cu files in libcaffe; cuDNN and NCCL if found.
if(NOT CMAKE_CUDA_COMPILER)
  message(FATAL_ERROR "CPU_ONLY=0 needs a CUDA compiler: put nvcc on the PATH, "
                      "or build with CPU_ONLY=1.")
endif()
# This machine's GPU; without one, every generation that the compiler knows
# (sm_75, 80, 90, ... and PTX for later ones), so that the build runs anywhere.
if(NOT CMAKE_CUDA_ARCHITECTURES)
  if(no_gpu)
    set(CMAKE_CUDA_ARCHITECTURES all-major)
  else()
    set(CMAKE_CUDA_ARCHITECTURES native)
  endif()
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)
include(caffe_ext/cmake/NvidiaLibrary.cmake)
nvidia_library(CUDNN cudnn cudnn_version.h 8.0 libcudnn.so.9 libcudnn.so.8)
nvidia_library(NCCL nccl nccl.h 2.0 libnccl.so.2)

file(GLOB CAFFE_CUDA ${CAFFE}/src/caffe/*/*.cu)
list(FILTER CAFFE_CUDA EXCLUDE REGEX "/test/")
file(GLOB_RECURSE EXT_CUDA CONFIGURE_DEPENDS ${EXT}/src/*.cu)
set_source_files_properties(${CAFFE_CUDA} PROPERTIES COMPILE_OPTIONS -w)
# A test of Caffe's launches kernels of im2col.cu, which CUDA 13 hides from it.
if(CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
  set_source_files_properties(
      ${CAFFE}/src/caffe/util/im2col.cu ${CAFFE}/src/caffe/test/test_im2col_kernel.cu
      PROPERTIES COMPILE_OPTIONS "-w;-static-global-template-stub=false;-device-entity-has-hidden-visibility=false")
endif()
set_source_files_properties(${EXT}/src/util/cuda_error.cpp PROPERTIES
    COMPILE_DEFINITIONS CUDA_ARCHITECTURES="${CMAKE_CUDA_ARCHITECTURES}")
target_sources(caffe PRIVATE ${CAFFE_CUDA} ${EXT_CUDA})
set(CMAKE_CUDA_STANDARD 17)  # thrust's
set_target_properties(caffe PROPERTIES
    CUDA_STANDARD ${CMAKE_CUDA_STANDARD}
    CUDA_ARCHITECTURES "${CMAKE_CUDA_ARCHITECTURES}")
target_link_libraries(caffe PUBLIC CUDA::cudart CUDA::cublas CUDA::curand)
foreach(name CUDNN NCCL)
  if(USE_${name})
    target_compile_definitions(caffe PUBLIC USE_${name})
    target_include_directories(caffe SYSTEM PUBLIC ${${name}_INCLUDE})
    target_link_libraries(caffe PUBLIC ${${name}_LIBRARY})
  endif()
endforeach()

message(STATUS "Caffe on CUDA ${CUDAToolkit_VERSION}, architectures "
               "${CMAKE_CUDA_ARCHITECTURES}: ${CUDNN_SUMMARY}; ${NCCL_SUMMARY}")
