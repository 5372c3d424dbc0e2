#ifndef CAFFE_UTIL_IMAGE_LIST_HPP_
#define CAFFE_UTIL_IMAGE_LIST_HPP_

#include <string>
#include <utility>
#include <vector>

#include "caffe/proto/caffe.pb.h"
#include "caffe/util/labelled_images.hpp"

namespace caffe {

/**
 * @brief The images and labels that a text file lists, one a line:
 *
 *   path label_1 ... label_M
 *
 * with M = image_data_param.multilabel_num labels, each +1 present, -1 absent
 * or 0 unknown, between blanks. The path is all that stands before the labels,
 * blanks within it too, and begins at root_folder. Empty lines do not count.
 *
 * The whole list is checked when it is opened; an image only when it is read.
 * What is wrong ends the program with a sentence that names list and line.
 */
class ImageList : public LabelledImages {
 public:
  explicit ImageList(const ImageDataParameter& param);

  virtual int size() const { return items_.size(); }
  virtual LabelledImage Read(int i) const;
  virtual void Decode(int i, Datum* image) const;
  virtual std::string Name() const { return "image list " + param_.source(); }
  virtual std::string Where(int i) const;

 private:
  struct Item {
    int line;  // from 1
    std::string path;
    std::vector<float> labels;
  };

  void CheckOptions() const;
  Item Parse(const std::string& text, int line) const;
  std::string Line(int line) const;

  ImageDataParameter param_;
  std::vector<Item> items_;
};

/**
 * @brief The paths and classes that a text file lists, one pair a line, for
 *        ImageData and convert_imageset. Empty lines do not count.
 *
 * Fails (LOG(FATAL)), naming the file and line, where it cannot be read, lists
 * nothing, or where a line does not end in a whole number.
 */
std::vector<std::pair<std::string, int>> ReadClassList(
    const std::string& source);

}  // namespace caffe

#endif  // CAFFE_UTIL_IMAGE_LIST_HPP_
