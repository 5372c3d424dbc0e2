# caffe.proto = upstream's (patched: a field a layer) + caffe_ext/proto/*.proto
# (a message a layer). Sets GENERATED (an include folder), PROTO_CPP, PROTO_PY.
set(GENERATED ${CMAKE_BINARY_DIR}/generated)
set(PROTO ${GENERATED}/caffe/proto/caffe.proto)
set(PROTO_CPP ${GENERATED}/caffe/proto/caffe.pb.cc)
set(PROTO_PY ${CMAKE_BINARY_DIR}/python/caffe/proto/caffe_pb2.py)
file(MAKE_DIRECTORY ${GENERATED}/caffe/proto)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/python/caffe/proto)
file(GLOB EXT_PROTO CONFIGURE_DEPENDS ${EXT}/proto/*.proto)
set(PROTO_PARTS ${CAFFE}/src/caffe/proto/caffe.proto ${EXT_PROTO})

add_custom_command(
    OUTPUT ${PROTO}
    COMMAND cat ${PROTO_PARTS} > ${PROTO}
    DEPENDS ${PROTO_PARTS})
add_custom_command(
    OUTPUT ${PROTO_CPP} ${GENERATED}/caffe/proto/caffe.pb.h ${PROTO_PY}
    COMMAND protobuf::protoc -I${GENERATED} --cpp_out=${GENERATED}
            --python_out=${CMAKE_BINARY_DIR}/python ${PROTO}
    DEPENDS ${PROTO}
    COMMENT "caffe.proto")
