#ifndef CAFFE_UTIL_ONEDNN_LAYERS_HPP_
#define CAFFE_UTIL_ONEDNN_LAYERS_HPP_

#include "caffe/common.hpp"
#include "caffe/proto/caffe.pb.h"

namespace caffe {

template <typename Dtype>
class Layer;

/// Whether DEFAULT means ONEDNN, and with it whether solvers update weights in
/// one pass (one_pass_update.hpp): all that rounds otherwise than Caffe's own
/// code is switched together.
bool OneDNNIsDefault();

/**
 * @brief Whether a layer is to be computed by oneDNN.
 *
 * BatchNorm, Concat, Convolution, Eltwise, InnerProduct, LRN, Pooling, Region,
 * ReLU, Scale and Split can be: if their engine is ONEDNN, or if it is DEFAULT
 * in a CPU-only build that has oneDNN, unless the environment says
 * CAFFE_ENGINE=CAFFE. ONEDNN in a build without oneDNN ends the program, as
 * does a CAFFE_ENGINE that is no engine.
 */
bool UsesOneDNN(const LayerParameter& param);

/// Such a layer. For double, which oneDNN does not do, it is Caffe's own.
template <typename Dtype>
shared_ptr<Layer<Dtype> > CreateOneDNNLayer(const LayerParameter& param);

}  // namespace caffe

#endif  // CAFFE_UTIL_ONEDNN_LAYERS_HPP_
