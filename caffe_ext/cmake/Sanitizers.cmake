# SANITIZERS: all of Caffe and its programs under clang's sanitizers, for
# `make sanitize` and `make fuzz` (tests/reliability.mk).
set(SANITIZERS "" CACHE STRING "address,undefined or thread: of clang; empty: none")
if(NOT SANITIZERS)
  return()
endif()
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "SANITIZERS wants clang: -DCMAKE_CXX_COMPILER=clang++")
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O1 -g1 -DNDEBUG")
set(CMAKE_C_FLAGS_RELEASE "-O1 -g1 -DNDEBUG")
add_compile_options(-fsanitize=${SANITIZERS} -fno-sanitize-recover=all
                    -fno-omit-frame-pointer)
add_link_options(-fsanitize=${SANITIZERS})
if(SANITIZERS MATCHES "address")  # for libFuzzer
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
