#ifndef CAFFE_UTIL_IN_PLACE_HPP_
#define CAFFE_UTIL_IN_PLACE_HPP_

#include <map>
#include <memory>
#include <string>

#include "caffe/proto/caffe.pb.h"

namespace caffe {

/**
 * @brief Finds layers of stock Caffe whose top has the name of their bottom
 *        where that gives other results than a top of its own.
 *
 * Most layers may work in place (ReLU, Dropout, Scale, ...). Convolution,
 * Pooling, LRN, ... overwrite what they have yet to read, at least with some
 * engine or shape; Power, Clip, Log, ... what their backward pass reads; and
 * any may overwrite what the backward pass of a layer before it reads
 * (Sigmoid, TanH, Softmax, ..., and ReLU in place), what others read, where
 * blobs share their memory (Split, Flatten, Reshape), or what is written only
 * once (DummyData, MemoryData, Parameter).
 */
class InPlaceCheck {
 public:
  /// Takes a net's layers in their order, splits among them; LOG(FATAL) at one
  /// that makes the net's outputs wrong.
  void Add(const LayerParameter& layer, bool needs_backward);

  /// Takes the blobs that no layer reads.
  void AddOutput(const std::string& name) const;

  /// The first layer that makes gradients wrong, as a sentence, or "".
  const std::string& why_no_backward() const { return why_no_backward_; }

 private:
  // Layers by their titles: Type layer 'name'.
  struct Memory {
    int version = 0;         // how often it was overwritten in place
    std::string writer;      // the last who did
    std::string keeper;      // who writes it once and for all, or ""
    std::string readers[3];  // in their backward pass: of signs, products, all
  };

  struct View {  // a blob
    std::shared_ptr<Memory> memory;
    int version;  // of the memory that is meant
  };

  void CheckReading(const View& blob, const std::string& reader) const;
  void CheckWriting(const LayerParameter& layer, bool needs_backward,
                    const Memory& memory);

  std::map<std::string, View> blobs_;
  std::string why_no_backward_;
};

}  // namespace caffe

#endif  // CAFFE_UTIL_IN_PLACE_HPP_
