#include "caffe/util/replaced_file.hpp"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <string>

#include "caffe/util/errors.hpp"

namespace caffe {

static const char kSuffix[] = ".part";

ReplacedFile::ReplacedFile(const std::string& name)
    : name_(name), temporary_name_(name + kSuffix), open_(true) {}

ReplacedFile::~ReplacedFile() {
  if (open_) remove(temporary_name_.c_str());
}

void ReplacedFile::Commit(bool written) {
  if (written) {
    const int fd = open(temporary_name_.c_str(), O_RDONLY);
    written = fd != -1 && fsync(fd) == 0;
    if (fd != -1) close(fd);
  }
  if (written) {
    written = rename(temporary_name_.c_str(), name_.c_str()) == 0;
  }
  open_ = false;
  if (!written) CannotWrite(temporary_name_);
}

void ReplacedFile::CannotWrite(const std::string& temporary_name) {
  const int error = errno;
  remove(temporary_name.c_str());
  LOG(FATAL)
      << "Cannot write "
      << temporary_name.substr(0, temporary_name.size() - strlen(kSuffix))
      << " (" << strerror(error)
      << "); make sure that its folder exists, is writable and has room.";
}

}  // namespace caffe
