#include "caffe/util/readable_file.hpp"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <string>

#include "caffe/common.hpp"

namespace caffe {

int OpenToRead(const std::string& filename) {
  const int file = open(filename.c_str(), O_RDONLY);
  char nothing;
  // A folder can be opened, but not read.
  if (file != -1 && read(file, &nothing, 0) == 0) return file;
  const int error = errno;
  if (file != -1) close(file);
  LOG(FATAL) << "Cannot open " << filename << " (" << strerror(error)
             << "); a relative path starts at the folder that caffe was "
             << "started in.";
  return -1;
}

}  // namespace caffe
