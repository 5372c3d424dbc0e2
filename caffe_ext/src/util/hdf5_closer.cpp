#ifdef USE_HDF5
#include "caffe/util/hdf5_closer.hpp"

#include <errno.h>
#include <hdf5_hl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "caffe/common.hpp"
#include "caffe/util/readable_file.hpp"
#include "caffe/util/replaced_file.hpp"

namespace caffe {

HDF5Closer::HDF5Closer(hid_t file) : file_(file) {
  H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

HDF5Closer::~HDF5Closer() {
  H5Eset_auto2(H5E_DEFAULT, print_, data_);
  if (file_ < 0 || H5Iis_valid(file_) <= 0) return;  // closed in good order
  const unsigned kinds = H5F_OBJ_GROUP | H5F_OBJ_DATASET | H5F_OBJ_LOCAL;
  const ssize_t count = H5Fget_obj_count(file_, kinds);
  std::vector<hid_t> objects(count > 0 ? count : 0);
  if (!objects.empty()) {
    H5Fget_obj_ids(file_, kinds, objects.size(), objects.data());
  }
  for (hid_t object : objects) H5Oclose(object);
  H5Fclose(file_);
}

hid_t OpenHDF5(const std::string& filename) {
  close(OpenToRead(filename));
  hid_t file;
  H5E_BEGIN_TRY {
    file = H5Fopen(filename.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  }
  H5E_END_TRY;
  LOG_IF(FATAL, file < 0) << "Cannot read " << filename
                          << ": it is no HDF5 file, or cut off.";
  return file;
}

bool IsHDF5(const std::string& filename) {
  htri_t is_hdf5;
  H5E_BEGIN_TRY {
    is_hdf5 = H5Fis_hdf5(filename.c_str());
  }
  H5E_END_TRY;
  return is_hdf5 > 0;
}

// HDF5 cannot close a file that it cannot write, and crashes at the process's
// end: what it still wants to write goes to memory.
static void WriteToMemory(hid_t location) {
  const hid_t file = H5Iget_file_id(location);
  void* descriptor = NULL;
  const int memory = memfd_create("hdf5", 0);
  if (memory >= 0 && H5Fget_vfd_handle(file, H5P_DEFAULT, &descriptor) >= 0) {
    dup2(memory, *static_cast<const int*>(descriptor));
  }
  if (memory >= 0) close(memory);
  H5Fclose(file);
}

void CannotWriteHDF5(hid_t location) {
  const int error = errno;
  WriteToMemory(location);
  const ssize_t length = H5Fget_name(location, NULL, 0);
  std::vector<char> name(length > 0 ? length + 1 : 1);
  H5Fget_name(location, name.data(), name.size());
  errno = error;
  ReplacedFile::CannotWrite(name.data());
}

std::vector<int> HDF5Shape(hid_t location, const std::string& dataset) {
  int axes = 0;
  if (H5LTfind_dataset(location, dataset.c_str()) <= 0 ||
      H5LTget_dataset_ndims(location, dataset.c_str(), &axes) < 0) {
    return std::vector<int>();
  }
  std::vector<hsize_t> sizes(axes);
  H5T_class_t kind;
  size_t bytes;
  if (H5LTget_dataset_info(location, dataset.c_str(), sizes.data(), &kind,
                           &bytes) < 0) {
    return std::vector<int>();
  }
  return std::vector<int>(sizes.begin(), sizes.end());
}

}  // namespace caffe
#endif  // USE_HDF5
