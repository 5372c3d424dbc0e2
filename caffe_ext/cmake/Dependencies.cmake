# What libcaffe is built on (Debian: caffe_ext/debian_packages.txt), as the target
# `dependencies`, and what a program links: libcaffe's Python layer wants libpython.
find_package(Python3 REQUIRED COMPONENTS Interpreter Development NumPy)
set(PYTHON_XY ${Python3_VERSION_MAJOR}${Python3_VERSION_MINOR})
find_package(Boost 1.65 REQUIRED
             COMPONENTS thread filesystem python${PYTHON_XY})
find_path(OPENCV_INCLUDE opencv2/core.hpp PATH_SUFFIXES opencv4 REQUIRED)
set(OPENCV_IMGCODECS "" CACHE FILEPATH "By caffe_ext/wheel_opencv.sh: static OpenCV")
set(OPENCV ${OPENCV_IMGCODECS})
if(OPENCV_IMGCODECS)
  get_filename_component(opencv_folder ${OPENCV_IMGCODECS} DIRECTORY)
  list(APPEND OPENCV libopencv_imgproc.a libopencv_core.a ${opencv_folder}/no_opengl.o
       jpeg png z tbb)
  add_link_options(-Wl,--gc-sections -Wl,--as-needed
                   -Wl,--exclude-libs,libopencv_imgcodecs.a
                   -Wl,--exclude-libs,libopencv_imgproc.a:libopencv_core.a)
else()
  foreach(module imgcodecs imgproc core)
    find_library(OPENCV_${module} opencv_${module} REQUIRED)
    list(APPEND OPENCV ${OPENCV_${module}})
  endforeach()
endif()
find_package(HDF5 REQUIRED COMPONENTS C HL)
pkg_check_modules(LIBS REQUIRED IMPORTED_TARGET libglog gflags lmdb)
find_library(LEVELDB leveldb REQUIRED)
find_library(SNAPPY snappy REQUIRED)
include(caffe_ext/cmake/OpenBLAS.cmake)
include(caffe_ext/cmake/OneDNN.cmake)  # USE_ONEDNN: where it is found

add_library(dependencies INTERFACE)
target_compile_definitions(dependencies INTERFACE
    USE_OPENCV USE_LMDB USE_LEVELDB USE_HDF5 WITH_PYTHON_LAYER)
target_include_directories(dependencies SYSTEM INTERFACE
    ${OPENBLAS_INCLUDE} ${HDF5_INCLUDE_DIRS} ${OPENCV_INCLUDE}
    ${Python3_INCLUDE_DIRS} ${Python3_NumPy_INCLUDE_DIRS})
target_link_libraries(dependencies INTERFACE
    Boost::thread Boost::filesystem Boost::python${PYTHON_XY}
    protobuf::libprotobuf PkgConfig::LIBS ${OPENCV} ${HDF5_LIBRARIES}
    ${HDF5_HL_LIBRARIES} ${LEVELDB} ${SNAPPY} ${OPENBLAS}
    OpenMP::OpenMP_CXX Threads::Threads)
set(CAFFE_LIBRARY SHARED)
set(PROGRAM_LIBRARIES caffe Python3::Python)
