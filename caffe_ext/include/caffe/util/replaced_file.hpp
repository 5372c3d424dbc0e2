#ifndef CAFFE_UTIL_REPLACED_FILE_HPP_
#define CAFFE_UTIL_REPLACED_FILE_HPP_

#include <string>

namespace caffe {

/**
 * @brief A file that appears under its name only when it is complete.
 *
 * Write to temporary_name() (in the same folder), close it, then Commit.
 * A process killed in between leaves at most the temporary file, never a half
 * file under the real name; the next writer of the same name overwrites it.
 */
class ReplacedFile {
 public:
  explicit ReplacedFile(const std::string& name);
  /// Removes the temporary file unless there was a Commit: an exception passes.
  ~ReplacedFile();
  ReplacedFile(const ReplacedFile&) = delete;
  ReplacedFile& operator=(const ReplacedFile&) = delete;
  const std::string& temporary_name() const { return temporary_name_; }
  /// Flushes the temporary file to disk and renames it. Fails (LOG(FATAL)) when
  /// written is false, after removing the temporary file.
  void Commit(bool written);
  /// What Commit does when it was not, by errno, for who has the temporary name
  /// alone.
  static void CannotWrite(const std::string& temporary_name);

 private:
  std::string name_;
  std::string temporary_name_;
  bool open_;
};

}  // namespace caffe

#endif  // CAFFE_UTIL_REPLACED_FILE_HPP_
