# With SANITIZERS: Python under them, whose run-time library only a program can hold,
# and libFuzzer's program (tests/reliability/fuzz_*.cpp).
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/python.c CONTENT
     "#include <Python.h>
int main(int argc, char** argv) { return Py_BytesMain(argc, argv); }
")
add_executable(python EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/python.c)
set_target_properties(python PROPERTIES LINKER_LANGUAGE CXX
                      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
# With OpenMP, beside which libarcher is found.
target_link_libraries(python PRIVATE Python3::Python OpenMP::OpenMP_CXX)

if(SANITIZERS MATCHES "address")
  add_executable(fuzz_caffe EXCLUDE_FROM_ALL
                 tests/reliability/fuzz_caffe.cpp tests/reliability/fuzz_mutators.cpp)
  set_target_properties(fuzz_caffe PROPERTIES
                        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  target_compile_definitions(fuzz_caffe PRIVATE LIBFUZZER)
  target_include_directories(fuzz_caffe PRIVATE tests)
  target_link_libraries(fuzz_caffe PRIVATE ${PROGRAM_LIBRARIES} -fsanitize=fuzzer)
endif()

# Many sources a compilation, in half of the time: those whose options are warnings only,
# without two that have names of their neighbours'.
foreach(target caffe test_caffe)
  get_target_property(sources ${target} SOURCES)
  foreach(source ${sources})
    get_source_file_property(options ${source} COMPILE_OPTIONS)
    if(source MATCHES "/(winograd_weight_gradient|test_multilabel_image_data_layer).cpp$")
      set_property(SOURCE ${source} PROPERTY SKIP_UNITY_BUILD_INCLUSION ON)
    elseif(options MATCHES "^(-w|-Wall;-Wextra;-Wno-[a-z-]+)$")
      set_property(SOURCE ${source} PROPERTY COMPILE_OPTIONS)
    endif()
  endforeach()
  target_compile_options(${target} PRIVATE -w)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
endforeach()
