# pycaffe in build/python/caffe: Caffe's own Python files, caffe_pb2, _caffe.so.
set(PYCAFFE ${CMAKE_BINARY_DIR}/python/caffe)
add_library(pycaffe MODULE ${CAFFE}/python/caffe/_caffe.cpp)
set_target_properties(pycaffe PROPERTIES PREFIX "" OUTPUT_NAME _caffe
                      LIBRARY_OUTPUT_DIRECTORY ${PYCAFFE}
                      INSTALL_RPATH "$ORIGIN/../../${CMAKE_INSTALL_LIBDIR}")
target_compile_options(pycaffe PRIVATE -w)
target_compile_definitions(pycaffe PRIVATE BOOST_ALLOW_DEPRECATED_HEADERS)
target_link_libraries(pycaffe PRIVATE caffe)

file(GLOB_RECURSE PYCAFFE_SOURCES ${CAFFE}/python/caffe/*.py)
add_custom_command(
    OUTPUT ${PYCAFFE}/proto/__init__.py
    COMMAND ${CMAKE_COMMAND} -E copy_directory ${CAFFE}/python/caffe ${PYCAFFE}
    COMMAND ${CMAKE_COMMAND} -E touch ${PYCAFFE}/proto/__init__.py
    DEPENDS ${PYCAFFE_SOURCES} COMMENT "pycaffe's Python files")
add_custom_target(pycaffe_files DEPENDS ${PYCAFFE}/proto/__init__.py ${PROTO_PY})
add_dependencies(pycaffe pycaffe_files)

option(WHEEL "Also the tool as a module, for `make wheel`" OFF)
if(WHEEL)  # the tool, for the interpreter at hand (python/drml/caffe_tool.py)
  add_library(caffe_tool MODULE ${CAFFE}/tools/caffe.cpp)
  set_target_properties(caffe_tool PROPERTIES PREFIX ""
                        LIBRARY_OUTPUT_DIRECTORY ${PYCAFFE})
  target_compile_options(caffe_tool PRIVATE -w)
  target_compile_definitions(caffe_tool PRIVATE main=caffe_main
                             DRML_VERSION=${DRML_VERSION})
  target_link_libraries(caffe_tool PRIVATE caffe)
  # All that is in a package stands beside each other in it.
  set_target_properties(caffe PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PYCAFFE})
  set_target_properties(caffe caffe_tool pycaffe PROPERTIES
                        BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN")
endif()

install(DIRECTORY ${PYCAFFE} DESTINATION python FILES_MATCHING
        PATTERN "*.py" PATTERN "*.npy" PATTERN "test" EXCLUDE
        PATTERN "__pycache__" EXCLUDE)
install(TARGETS pycaffe DESTINATION python/caffe)
