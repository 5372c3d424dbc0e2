#ifndef CAFFE_UTIL_IN_PLACE_HPP_
#define CAFFE_UTIL_IN_PLACE_HPP_

#include <string>

#include "caffe/proto/caffe.pb.h"

namespace caffe {

/**
 * @brief Refuses (LOG(FATAL)) a layer of stock Caffe whose top has the name of
 *        its bottom where that gives other results than a top of its own.
 *
 * Most layers may work in place (ReLU, Dropout, Scale, ...). Convolution,
 * Pooling, LRN, ... overwrite what they have yet to read, at least with some
 * engine or shape; Power, Clip, Log, ... what their backward pass
 * (needs_backward) reads.
 */
void CheckInPlace(const LayerParameter& layer, bool needs_backward);

}  // namespace caffe

#endif  // CAFFE_UTIL_IN_PLACE_HPP_
