#include "caffe/util/image_list.hpp"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "caffe/util/errors.hpp"
#include "caffe/util/format.hpp"
#include "caffe/util/io.hpp"
#include "caffe/util/readable_file.hpp"

namespace caffe {

static const char kBlanks[] = " \t\r";

static std::string ReadFile(const std::string& path) {
  std::ifstream file(path.c_str(), std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

// OpenCV would fill what a cut-off JPEG lacks with grey.
static bool IsCutOffJpeg(const std::string& content) {
  const size_t kTrailer = 4096;  // bytes that some writers add to an image
  const size_t tail = std::max(content.size(), kTrailer) - kTrailer;
  return content.compare(0, 2, "\xff\xd8") == 0 &&
         content.find("\xff\xd9", tail) == std::string::npos;
}

// Empty where the file is missing or no whole image.
static cv::Mat ReadImage(const std::string& path, bool is_color) {
  std::string content = ReadFile(path);
  if (content.empty() || IsCutOffJpeg(content)) return cv::Mat();
  try {
    return cv::imdecode(cv::Mat(1, content.size(), CV_8UC1, &content[0]),
                        is_color ? cv::IMREAD_COLOR : cv::IMREAD_GRAYSCALE);
  } catch (const cv::Exception&) {  // at some damaged headers
    return cv::Mat();
  }
}

// Takes the last field off a line, and the blanks around it.
static std::string TakeLastField(std::string* line) {
  line->erase(line->find_last_not_of(kBlanks) + 1);
  const size_t start = line->find_last_of(kBlanks) + 1;
  const std::string field = line->substr(start);
  line->erase(start);
  line->erase(line->find_last_not_of(kBlanks) + 1);
  return field;
}

static std::string LineOf(const std::string& source, int line) {
  return "line " + format_int(line) + " of " + source;
}

static bool IsBlank(const std::string& text) {
  return text.find_first_not_of(kBlanks) == std::string::npos;
}

ImageList::ImageList(const ImageDataParameter& param) : param_(param) {
  CheckOptions();
  std::ifstream file(param.source().c_str());
  std::string text;
  for (int line = 1; std::getline(file, text); ++line) {
    if (IsBlank(text)) continue;
    items_.push_back(Parse(text, line));
  }
  LOG_IF(FATAL, !file.is_open() || file.bad())
      << "Cannot read image list " << param.source() << " ("
      << std::strerror(errno) << "); correct image_data_param { source }, "
      << "which starts at the folder that caffe was started in.";
  LOG_IF(FATAL, items_.empty())
      << "Image list " << param.source() << " holds no line; write a path and "
      << param.multilabel_num() << " labels a line.";
}

void ImageList::CheckOptions() const {
  LOG_IF(FATAL, param_.multilabel_num() == 0)
      << "Image list " << param_.source()
      << ": image_data_param { multilabel_num } must be at least 1.";
  LOG_IF(FATAL, (param_.new_height() == 0) != (param_.new_width() == 0))
      << "Image list " << param_.source()
      << ": image_data_param has new_height " << param_.new_height()
      << " and new_width " << param_.new_width() << "; give both or neither.";
}

std::string ImageList::Line(int line) const {
  return LineOf(param_.source(), line);
}

std::string ImageList::Where(int i) const {
  return Line(items_[i].line) + " (" + items_[i].path + ")";
}

ImageList::Item ImageList::Parse(const std::string& text, int line) const {
  Item item;
  item.line = line;
  item.path = text;
  item.labels.resize(param_.multilabel_num());
  for (size_t i = item.labels.size(); i-- > 0;) {
    const std::string field = TakeLastField(&item.path);
    if (field.empty()) break;
    char* end;
    const float label = std::strtof(field.c_str(), &end);
    LOG_IF(FATAL, *end != '\0' || (label != -1 && label != 0 && label != 1))
        << Line(line) << ": '" << field << "' is no label (1 present, -1 "
        << "absent, 0 unknown); a line is a path and " << item.labels.size()
        << " of them (image_data_param { multilabel_num }).";
    item.labels[i] = label;
  }
  item.path.erase(0, item.path.find_first_not_of(kBlanks));
  LOG_IF(FATAL, item.path.empty())
      << Line(line) << " is too short; a line is a path and "
      << item.labels.size() << " labels (image_data_param { multilabel_num }).";
  return item;
}

LabelledImage ImageList::Read(int i) const {
  LabelledImage item;
  item.labels = items_[i].labels;
  return item;
}

void ImageList::Decode(int i, Datum* image) const {
  const std::string path = param_.root_folder() + items_[i].path;
  cv::Mat pixels = ReadImage(path, param_.is_color());
  LOG_IF(FATAL, pixels.empty())
      << Line(items_[i].line) << ": '" << path << "' is missing or damaged; "
      << "correct the list or image_data_param { root_folder }, or replace the "
      << "image.";
  if (param_.new_height() > 0) {
    const cv::Size size(param_.new_width(), param_.new_height());
    try {
      cv::resize(pixels, pixels, size);
    } catch (const cv::Exception& error) {
      LOG(FATAL) << "image_data_param { new_height: " << param_.new_height()
                 << " new_width: " << param_.new_width()
                 << " } is more than OpenCV can make of an image: "
                 << error.err;
    }
  }
  CVMatToDatum(pixels, image);
}

std::vector<std::pair<std::string, int>> ReadClassList(
    const std::string& source) {
  close(OpenToRead(source));
  std::ifstream file(source.c_str());
  std::vector<std::pair<std::string, int>> items;
  std::string path;
  for (int line = 1; std::getline(file, path); ++line) {
    if (IsBlank(path)) continue;
    const std::string field = TakeLastField(&path);
    char* end;
    const int64_t label = std::strtoll(field.c_str(), &end, 10);
    LOG_IF(FATAL,
           path.empty() || *end != '\0' || label != static_cast<int>(label))
        << LineOf(source, line) << " is no path with a whole number behind it, "
        << "the image's class.";
    items.emplace_back(path, label);
  }
  LOG_IF(FATAL, items.empty()) << source << " lists no image.";
  return items;
}

}  // namespace caffe
