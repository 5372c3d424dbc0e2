# nvidia_library(NAME library header minimum SONAME...) looks for one of NVIDIA's
# libraries in NAME_ROOT, beside the toolkit, where distributions have it, and in
# PyPI's wheels (site-packages/nvidia/<library> of the Python that we build for);
# those come last, since another package may have brought them for another CUDA.
# The version is read from the header. Sets USE_NAME (an option, ON) to whether it
# is there and used, NAME_LIBRARY, NAME_INCLUDE, and NAME_SUMMARY for people.
function(nvidia_library name library header minimum)
  option(USE_${name} "Use ${name} where it is found" ON)
  if(NOT USE_${name})
    set(${name}_SUMMARY "no ${name} (USE_${name}=0)" PARENT_SCOPE)
    return()
  endif()
  set(wheel ${Python3_SITELIB}/nvidia/${library})
  find_path(${name}_INCLUDE ${header}
            HINTS ${${name}_ROOT} $ENV{${name}_ROOT} ${CUDAToolkit_INCLUDE_DIRS}
            PATHS ${wheel} PATH_SUFFIXES include)
  find_library(${name}_LIBRARY NAMES ${library} ${ARGN} NAMES_PER_DIR
               HINTS ${${name}_ROOT} $ENV{${name}_ROOT} ${CUDAToolkit_LIBRARY_DIR}
               PATHS ${wheel} PATH_SUFFIXES lib lib64)
  if(NOT ${name}_INCLUDE OR NOT ${name}_LIBRARY)
    set(${name}_SUMMARY "no ${name} (not found)" PARENT_SCOPE)
    set(USE_${name} OFF PARENT_SCOPE)
    return()
  endif()
  set(version "")
  foreach(part MAJOR MINOR PATCH)
    file(STRINGS ${${name}_INCLUDE}/${header} line
         REGEX "^#define ${name}_${part}(LEVEL)? ")
    string(REGEX MATCH "[0-9]+" number "${line}")
    list(APPEND version ${number})
  endforeach()
  list(JOIN version . version)
  if(version VERSION_LESS minimum)
    set(${name}_SUMMARY "no ${name} (${version} is older than ${minimum})"
        PARENT_SCOPE)
    set(USE_${name} OFF PARENT_SCOPE)
    return()
  endif()
  set(${name}_SUMMARY "${name} ${version} (${${name}_LIBRARY})" PARENT_SCOPE)
endfunction()
