# oneDNN, the engine of the layers in CPU mode. Its OpenMP runtime is the one that
# OpenBLAS and we use (libgomp), so OMP_NUM_THREADS rules all three.
find_path(ONEDNN_INCLUDE dnnl.hpp)
find_library(ONEDNN dnnl)
if(ONEDNN_INCLUDE AND ONEDNN)
  file(STRINGS ${ONEDNN_INCLUDE}/oneapi/dnnl/dnnl_version.h ONEDNN_2
       REGEX "DNNL_VERSION_MAJOR 2")
endif()
if(ONEDNN_2)  # version 3 has another interface
  option(USE_ONEDNN "oneDNN as an engine" ON)
else()
  option(USE_ONEDNN "oneDNN as an engine" OFF)
endif()
