# CPU_ONLY defaults to OFF only where a CUDA compiler and a usable GPU are.
include(CheckLanguage)
# NVIDIA's installers do not put nvcc on the PATH.
find_program(CMAKE_CUDA_COMPILER nvcc PATHS /usr/local/cuda/bin /opt/cuda/bin)
check_language(CUDA)
execute_process(COMMAND nvidia-smi -L RESULT_VARIABLE no_gpu
                OUTPUT_QUIET ERROR_QUIET)
if(CMAKE_CUDA_COMPILER AND "${no_gpu}" STREQUAL "0")
  option(CPU_ONLY "Build without CUDA" OFF)
else()
  option(CPU_ONLY "Build without CUDA" ON)
endif()
