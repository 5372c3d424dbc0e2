# Caffe's own and our tests of a layer, once more with oneDNN's layer in its place:
# test_convolution_layer.cpp's ConvolutionLayerTest/2.Foo, of a
# ConvolutionLayer<Dtype>, becomes OneDNNConvolutionLayerTest/0.Foo, of a
# OneDNNConvolutionLayer. Pairs of texts may follow, the second to be put in the
# place of the first: channels that oneDNN has fast code for, without which all tests
# would be of Caffe's own layer (test_onednn_engine.cpp sees that they run oneDNN).
# Adds to TEST_SOURCES.
function(add_onednn_test header stem layer)
  file(GLOB source ${CAFFE}/src/caffe/test/test_${stem}_layer.cpp
                   ${EXT}/test/test_${stem}_layer.cpp)
  set(result ${CMAKE_BINARY_DIR}/onednn_tests/test_onednn_${header}_layer.cpp)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(READ ${source} text)
  string(REGEX MATCH "TYPED_TEST_CASE\\(([A-Za-z]+), TestDtypesAndDevices" case
         "${text}")
  set(fixture "${CMAKE_MATCH_1}")
  set(layer_of_any "([^A-Za-z])${layer}<Dtype>")
  if(NOT case OR NOT text MATCHES "${layer_of_any}")
    message(FATAL_ERROR "no typed tests of a ${layer}<Dtype> in ${source}")
  endif()
  string(REPLACE "${fixture}" "OneDNN${fixture}" text "${text}")
  string(REPLACE "TestDtypesAndDevices" "::testing::Types<CPUDevice<float> >"
         text "${text}")
  string(REGEX REPLACE "${layer_of_any}" "\\1OneDNN${layer}" text "${text}")
  while(ARGN)
    list(POP_FRONT ARGN from to)
    if(NOT text MATCHES "${from}")
      message(FATAL_ERROR "no '${from}' in ${source}")
    endif()
    string(REGEX REPLACE "${from}" "${to}" text "${text}")
  endwhile()
  file(WRITE ${result}.new
       "#include \"caffe/layers/onednn_${header}_layer.hpp\"\n${text}")
  configure_file(${result}.new ${result} COPYONLY)  # only if it changed
  set(TEST_SOURCES ${TEST_SOURCES} ${result} PARENT_SCOPE)
endfunction()
add_onednn_test(batch_norm batch_norm BatchNormLayer)
add_onednn_test(conv convolution ConvolutionLayer)
add_onednn_test(inner_product inner_product InnerProductLayer)
add_onednn_test(lrn lrn LRNLayer "Reshape\\(2, 7," "Reshape(2, 16,"
                "channels\\(\\), 7" "channels(), 16")
add_onednn_test(pooling pooling PoolingLayer "channels = 2" "channels = 16"
                "Reshape\\(2, 3, 6, 5" "Reshape(1, 16, 6, 4")
add_onednn_test(region region RegionLayer)
add_onednn_test(relu neuron ReLULayer)
add_onednn_test(scale scale ScaleLayer)
