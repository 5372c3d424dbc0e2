# Dependencies.cmake for `make portable`: all of it in the program, for a machine
# that has little but CUDA's libraries (glog's stack traces want libunwind, which
# can't be put into a program beside the compiler's own). Left out is what Debian has
# no static library of, or one that wants half of the system: OpenCV (and with it
# encoded images), LevelDB, Python layers, oneDNN.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(Boost_USE_STATIC_LIBS ON)
find_package(Boost 1.65 REQUIRED COMPONENTS thread filesystem)
set(HDF5_USE_STATIC_LIBRARIES ON)
find_package(HDF5 REQUIRED COMPONENTS C HL)
include(caffe_ext/cmake/OpenBLAS.cmake)
list(FILTER HDF5_LIBRARIES INCLUDE REGEX "libhdf5[^/]*\\.a$")
list(FILTER HDF5_HL_LIBRARIES INCLUDE REGEX "libhdf5[^/]*\\.a$")
get_filename_component(openblas_folder ${OPENBLAS} DIRECTORY)
execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libgomp.a
                OUTPUT_VARIABLE GOMP OUTPUT_STRIP_TRAILING_WHITESPACE)
set(STATIC "")
foreach(library glog gflags protobuf lmdb openblas sz aec z)
  find_library(STATIC_${library} lib${library}.a HINTS ${openblas_folder}
               REQUIRED)
  list(APPEND STATIC ${STATIC_${library}})
endforeach()

add_library(dependencies INTERFACE)
target_compile_definitions(dependencies INTERFACE USE_LMDB USE_HDF5)
target_include_directories(dependencies SYSTEM INTERFACE
    ${OPENBLAS_INCLUDE} ${HDF5_INCLUDE_DIRS})
target_compile_options(dependencies INTERFACE
                       $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
# As needed: -fopenmp's own libgomp.so is not, once libgomp.a is there.
target_link_options(dependencies INTERFACE -s -static-libstdc++
                    -Wl,--as-needed)
target_link_libraries(dependencies INTERFACE
    Boost::thread Boost::filesystem ${HDF5_HL_LIBRARIES}
    ${HDF5_LIBRARIES} ${STATIC} ${GOMP} unwind Threads::Threads ${CMAKE_DL_LIBS})
set(USE_ONEDNN OFF)
set(CAFFE_LIBRARY STATIC)
# Whole: layers register themselves, and nobody names them.
set(PROGRAM_LIBRARIES -Wl,--whole-archive caffe -Wl,--no-whole-archive)
