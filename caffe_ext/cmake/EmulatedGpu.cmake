# The CUDA half without CUDA: Caffe's and our .cu files, translated to C++, on a GPU
# that is emulated (caffe_ext/emulated_gpu). It runs the GPU's tests on any machine.
set(EMULATED ${EXT}/emulated_gpu)
# Kernels end where they leave their memory, or load four values at once from where
# they may not.
set(SANITIZE -fsanitize=address,alignment -fno-sanitize-recover=alignment)
set(TRANSLATED ${CMAKE_BINARY_DIR}/translated)
file(GLOB EMULATED_SOURCES CONFIGURE_DEPENDS ${EMULATED}/*.cpp)

function(translate source translated)
  add_custom_command(OUTPUT ${translated}
      COMMAND ${Python3_EXECUTABLE} ${EMULATED}/translate_kernels.py ${source} ${translated}
      DEPENDS ${source} ${EMULATED}/translate_kernels.py VERBATIM)
endfunction()

# translate_all(RESULT FILES...): the .cpp files that become of .cu files.
function(translate_all result)
  foreach(source ${ARGN})
    get_filename_component(name ${source} NAME)
    translate(${source} ${TRANSLATED}/${name}.cpp)
    list(APPEND all ${TRANSLATED}/${name}.cpp)
  endforeach()
  # A macro of this header launches kernels, too.
  set(header caffe/util/math_functions.hpp)
  set_source_files_properties(${all} PROPERTIES COMPILE_OPTIONS "-w;${SANITIZE}"
      INCLUDE_DIRECTORIES ${TRANSLATED} OBJECT_DEPENDS ${TRANSLATED}/${header})
  set(${result} ${all} PARENT_SCOPE)
endfunction()

file(MAKE_DIRECTORY ${TRANSLATED}/caffe/util)
translate(${CAFFE}/include/caffe/util/math_functions.hpp
          ${TRANSLATED}/caffe/util/math_functions.hpp)
file(GLOB CUDA_SOURCES CONFIGURE_DEPENDS ${CAFFE}/src/caffe/layers/*.cu
     ${CAFFE}/src/caffe/solvers/*.cu ${CAFFE}/src/caffe/util/*.cu ${EXT}/src/*/*.cu)
list(FILTER CUDA_SOURCES EXCLUDE REGEX "cudnn")
translate_all(TRANSLATED_SOURCES ${CUDA_SOURCES})
set_source_files_properties(${EXT}/src/util/cuda_error.cpp PROPERTIES
    COMPILE_DEFINITIONS CUDA_ARCHITECTURES="emulated")
target_sources(caffe PRIVATE ${TRANSLATED_SOURCES} ${EMULATED_SOURCES}
               ${TRANSLATED}/caffe/util/math_functions.hpp)
target_include_directories(caffe SYSTEM PUBLIC ${EMULATED}/include)
target_compile_definitions(caffe PUBLIC EMULATED_GPU)
target_link_libraries(caffe PUBLIC boost_context ${SANITIZE})
message(STATUS "Caffe on an emulated GPU")

# The kernels that have barriers under the thread sanitizer, in a program of its own.
foreach(kernels region_convolution region_parameters region_statistics local_gpu)
  translate(${EXT}/src/util/${kernels}.cu ${TRANSLATED}/races/${kernels}.cpp)
  list(APPEND RACES ${TRANSLATED}/races/${kernels}.cpp)
endforeach()
file(MAKE_DIRECTORY ${TRANSLATED}/races)
set_source_files_properties(${RACES} PROPERTIES COMPILE_OPTIONS "-w;-fsanitize=thread")
add_executable(kernel_races EXCLUDE_FROM_ALL ${EMULATED}/races/kernel_races.cpp
               ${RACES} ${EMULATED}/blocks.cpp ${EMULATED}/runtime.cpp
               ${EXT}/src/util/errors.cpp)
set_target_properties(kernel_races PROPERTIES
                      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
target_compile_definitions(kernel_races PRIVATE RACE_CHECK EMULATED_GPU)
target_compile_options(kernel_races PRIVATE -O1)
target_include_directories(kernel_races PRIVATE ${EXT}/include)
target_include_directories(kernel_races SYSTEM PRIVATE
    ${EMULATED}/include ${CAFFE}/include ${GENERATED})
target_link_libraries(kernel_races PRIVATE dependencies Python3::Python
                      boost_context -fsanitize=thread)
add_dependencies(kernel_races caffe)  # which makes caffe.pb.h
