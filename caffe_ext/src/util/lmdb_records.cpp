#include "caffe/util/lmdb_records.hpp"

#include <sys/stat.h>

#include <string>
#include <vector>

#include "caffe/util/io.hpp"

namespace caffe {

LmdbRecords::LmdbRecords(const TransformationParameter& param,
                         const std::string& path)
    : path_(path),
      force_color_(param.force_color()),
      force_gray_(param.force_gray()),
      env_(NULL),
      txn_(NULL) {}

LmdbRecords::LmdbRecords(const std::string& path,
                         const TransformationParameter& param)
    : LmdbRecords(param, path) {  // so that what throws below is closed
  Check(mdb_env_create(&env_));
  Check(mdb_env_open(env_, path.c_str(), MDB_RDONLY | MDB_NOTLS | MDB_NOLOCK,
                     0444));
  Check(mdb_env_set_userctx(env_, this));
  Check(mdb_env_set_assert(env_, AssertFailed));
  Check(mdb_txn_begin(env_, NULL, MDB_RDONLY, &txn_));
  CheckSize();
  Check(mdb_dbi_open(txn_, NULL, 0, &dbi_));
  ReadKeys();
  LOG_IF(FATAL, keys_.empty())
      << "LMDB " << path_ << " holds no record; "
      << "make it again with the scripts of data_prep/.";
}

LmdbRecords::~LmdbRecords() {
  mdb_txn_abort(txn_);
  mdb_env_close(env_);
}

void LmdbRecords::Check(int status) const {
  LOG_IF(FATAL, status != MDB_SUCCESS)
      << "Cannot read LMDB " << path_ << " (" << mdb_strerror(status)
      << "); make it with the scripts of data_prep/, "
      << "or correct data_param { source }, which starts at the folder that "
      << "caffe was started in.";
}

// LMDB would end the process behind this.
void LmdbRecords::AssertFailed(MDB_env* env, const char* what) {
  const LmdbRecords* records =
      static_cast<const LmdbRecords*>(mdb_env_get_userctx(env));
  LOG(FATAL) << "LMDB " << records->path_ << " is damaged (" << what
             << "); make it again with the scripts of data_prep/.";
}

// Pages beyond the file's end would be a bus error. Only free ones may be
// there: LMDB's own list of them is its database 0.
void LmdbRecords::CheckSize() const {
  MDB_envinfo info;
  MDB_stat free_pages;
  Check(mdb_env_info(env_, &info));
  Check(mdb_stat(txn_, 0, &free_pages));
  const size_t size = (info.me_last_pgno + 1) * free_pages.ms_psize;
  const std::string file = path_ + "/data.mdb";
  struct stat found;
  const bool whole = stat(file.c_str(), &found) == 0 &&
                     static_cast<size_t>(found.st_size) >= size;
  LOG_IF(FATAL, !whole && free_pages.ms_entries == 0)
      << "LMDB " << path_ << " is cut off: " << file << " has " << found.st_size
      << " of " << size
      << " bytes; copy it again, or make it with the scripts of data_prep/.";
}

void LmdbRecords::ReadKeys() {
  MDB_cursor* cursor;
  MDB_val key, value;
  Check(mdb_cursor_open(txn_, dbi_, &cursor));
  int status;
  while ((status = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) ==
         MDB_SUCCESS) {
    keys_.push_back(
        std::string(static_cast<const char*>(key.mv_data), key.mv_size));
  }
  mdb_cursor_close(cursor);
  if (status != MDB_NOTFOUND) Check(status);
}

std::string LmdbRecords::Where(int i) const {
  return "record '" + keys_[i] + "' of LMDB " + path_;
}

void LmdbRecords::ReadDatum(int i, Datum* datum) const {
  MDB_val key, value;
  key.mv_size = keys_[i].size();
  key.mv_data = const_cast<char*>(keys_[i].data());
  Check(mdb_get(txn_, dbi_, &key, &value));
  LOG_IF(FATAL, !datum->ParseFromArray(value.mv_data, value.mv_size))
      << Where(i)
      << " is no Datum; make the LMDB again with the scripts of data_prep/.";
}

// False where the image is damaged.
bool LmdbRecords::IsDecoded(int i, Datum* datum) const {
  if (datum->data().empty()) return false;
  if (datum->encoded()) {
#ifdef USE_OPENCV
    if (force_color_ || force_gray_) {
      DecodeDatum(datum, force_color_);
    } else {
      DecodeDatumNative(datum);
    }
#else
    LOG(FATAL) << Where(i) << " is an encoded image, and this Caffe was built "
               << "without OpenCV; import the faces with --format hdf5.";
#endif
  }
  const size_t plane = static_cast<size_t>(datum->height()) * datum->width();
  return !datum->data().empty() &&
         datum->data().size() == datum->channels() * plane;
}

LabelledImage LmdbRecords::Read(int i) const {
  Datum datum;
  ReadDatum(i, &datum);
  LabelledImage item;
  item.labels.assign(datum.float_data().begin(), datum.float_data().end());
  item.image.Swap(&datum);
  return item;
}

void LmdbRecords::Decode(int i, Datum* image) const {
  LOG_IF(FATAL, !IsDecoded(i, image))
      << Where(i) << " holds a damaged image; "
      << "replace the image it was made from and make the LMDB again.";
}

}  // namespace caffe
