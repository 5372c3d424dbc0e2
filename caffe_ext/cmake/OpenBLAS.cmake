# OpenBLAS, its OpenMP build first: inside a parallel region of ours it then
# runs on the calling thread, and OMP_NUM_THREADS rules both.
find_path(OPENBLAS_INCLUDE cblas.h PATH_SUFFIXES
          ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp openblas-openmp openblas
          REQUIRED)
find_library(OPENBLAS openblas HINTS
             /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp REQUIRED)
