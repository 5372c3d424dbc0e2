#ifndef CAFFE_UTIL_HDF5_CLOSER_HPP_
#define CAFFE_UTIL_HDF5_CLOSER_HPP_
#ifdef USE_HDF5

#include <hdf5.h>

#include <string>
#include <vector>

namespace caffe {

/// Closes an HDF5 file, with what is open in it, where an exception passes by:
/// a file that stays open can neither be replaced nor written. While it lives
/// HDF5 prints none of its errors, which ours tell in a sentence.
class HDF5Closer {
 public:
  explicit HDF5Closer(hid_t file);
  ~HDF5Closer();
  HDF5Closer(const HDF5Closer&) = delete;
  HDF5Closer& operator=(const HDF5Closer&) = delete;

 private:
  const hid_t file_;
  H5E_auto2_t print_;
  void* data_;
};

/// Opens a file to be read. Fails (LOG(FATAL)), and says why, where it cannot
/// be, or is no HDF5.
hid_t OpenHDF5(const std::string& filename);

/// Whether it is a file, and of that kind.
bool IsHDF5(const std::string& filename);

/// Fails (LOG(FATAL)) for a file that HDF5 could not write to, a ReplacedFile's
/// temporary one: removes it, and names the one that it was to become.
void CannotWriteHDF5(hid_t location);

/// Of a dataset; empty where there is none of that name.
std::vector<int> HDF5Shape(hid_t location, const std::string& dataset);

}  // namespace caffe

#endif  // USE_HDF5
#endif  // CAFFE_UTIL_HDF5_CLOSER_HPP_
