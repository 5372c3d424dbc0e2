# oneDNN 2 or 3, the engine of the layers in CPU mode. Its OpenMP runtime is the one
# that OpenBLAS and we use (libgomp), so OMP_NUM_THREADS rules all three.
find_path(ONEDNN_INCLUDE dnnl.hpp)
find_library(ONEDNN dnnl)
if(ONEDNN_INCLUDE AND ONEDNN)
  file(STRINGS ${ONEDNN_INCLUDE}/oneapi/dnnl/dnnl_version.h ONEDNN_KNOWN
       REGEX "DNNL_VERSION_MAJOR [23]")
endif()
if(ONEDNN_KNOWN)
  option(USE_ONEDNN "oneDNN as an engine" ON)
else()
  option(USE_ONEDNN "oneDNN as an engine" OFF)
endif()
