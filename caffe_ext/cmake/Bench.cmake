# One program for each file of caffe_ext/bench; not part of `all`, but of `benches`.
file(GLOB BENCH_SOURCES CONFIGURE_DEPENDS ${EXT}/bench/bench_*.cpp)
if(NOT USE_ONEDNN)
  list(FILTER BENCH_SOURCES EXCLUDE REGEX "bench_region")
endif()
add_custom_target(benches)
foreach(source ${BENCH_SOURCES})
  get_filename_component(bench ${source} NAME_WE)
  add_executable(${bench} EXCLUDE_FROM_ALL ${source})
  set_target_properties(${bench} PROPERTIES
                        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
  target_link_libraries(${bench} PRIVATE ${PROGRAM_LIBRARIES})
  add_dependencies(benches ${bench})
endforeach()
