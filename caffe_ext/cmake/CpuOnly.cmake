# CPU_ONLY defaults to OFF only where a CUDA compiler and a usable GPU are.
include(CheckLanguage)
if(NOT DEFINED ENV{CUDACXX})  # NVIDIA's installers leave nvcc off the PATH
  find_program(CMAKE_CUDA_COMPILER nvcc PATHS /usr/local/cuda/bin)
endif()
check_language(CUDA)
execute_process(COMMAND nvidia-smi -L RESULT_VARIABLE no_gpu
                OUTPUT_QUIET ERROR_QUIET)
if(CMAKE_CUDA_COMPILER AND "${no_gpu}" STREQUAL "0")
  option(CPU_ONLY "Build without CUDA" OFF)
else()
  option(CPU_ONLY "Build without CUDA" ON)
endif()
