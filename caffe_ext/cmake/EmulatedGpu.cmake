# The CUDA half without CUDA: Caffe's and our .cu files, translated to C++, on a GPU
# that is emulated (caffe_ext/emulated_gpu). It runs the GPU's tests on any machine.
set(EMULATED ${EXT}/emulated_gpu)
# address: kernels end where they leave their memory, or load four values at once
# from where they may not; thread: where no barrier orders two threads' accesses
set(EMULATED_SANITIZER address CACHE STRING "address or thread")
if(EMULATED_SANITIZER STREQUAL "thread")
  set(SANITIZE -fsanitize=thread)
  set_source_files_properties(${EMULATED}/blocks.cpp PROPERTIES
                              COMPILE_DEFINITIONS RACE_CHECK)
else()
  set(SANITIZE -fsanitize=address,alignment -fno-sanitize-recover=alignment)
endif()
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
