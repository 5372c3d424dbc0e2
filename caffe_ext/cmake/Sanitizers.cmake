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
# Labels and indices are cast to int and looked at then; what is none (NaN, 1e30) becomes
# INT_MIN on x86-64, which is refused.
add_compile_options(-fno-sanitize=float-cast-overflow)
add_link_options(-fsanitize=${SANITIZERS})
if(SANITIZERS MATCHES "address")  # for libFuzzer
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
