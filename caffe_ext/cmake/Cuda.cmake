# The CUDA half: Caffe's and our .cu files in libcaffe.
if(NOT CMAKE_CUDA_COMPILER)
  message(FATAL_ERROR "CPU_ONLY=0 needs a CUDA compiler: put nvcc on the PATH, "
                      "or build with CPU_ONLY=1.")
endif()
if(NOT CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80)  # runs on Ampere and later
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)
file(GLOB CAFFE_CUDA ${CAFFE}/src/caffe/*/*.cu)
list(FILTER CAFFE_CUDA EXCLUDE REGEX "/test/")
file(GLOB_RECURSE EXT_CUDA CONFIGURE_DEPENDS ${EXT}/src/*.cu)
set_target_properties(caffe PROPERTIES
                      CUDA_ARCHITECTURES "${CMAKE_CUDA_ARCHITECTURES}")
target_sources(caffe PRIVATE ${CAFFE_CUDA} ${EXT_CUDA})
target_link_libraries(caffe PUBLIC CUDA::cudart CUDA::cublas CUDA::curand)
