#ifndef CAFFE_UTIL_LABELLED_IMAGES_HPP_
#define CAFFE_UTIL_LABELLED_IMAGES_HPP_

#include <string>
#include <vector>

#include "caffe/proto/caffe.pb.h"

namespace caffe {

struct LabelledImage {
  Datum image;                // C x H x W bytes once decoded; colours are BGR
  std::vector<float> labels;  // one an AU
};

/**
 * @brief Where MultilabelDataLayer finds its images and labels, by number.
 *
 * What cannot be read ends the program with a sentence that names it.
 */
class LabelledImages {
 public:
  virtual ~LabelledImages() {}
  /// At least 1.
  virtual int size() const = 0;
  /// The labels, and of the image what Decode wants. One thread at a time.
  virtual LabelledImage Read(int i) const = 0;
  /// Makes it the image's bytes. Any number of threads at once.
  virtual void Decode(int i, Datum* image) const = 0;
  /// For messages: "LMDB data/train".
  virtual std::string Name() const = 0;
  /// For messages: "record 'F001_T1_2440' of LMDB data/train".
  virtual std::string Where(int i) const = 0;
};

}  // namespace caffe

#endif  // CAFFE_UTIL_LABELLED_IMAGES_HPP_
