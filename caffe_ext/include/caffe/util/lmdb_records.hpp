#ifndef CAFFE_UTIL_LMDB_RECORDS_HPP_
#define CAFFE_UTIL_LMDB_RECORDS_HPP_

#include <lmdb.h>

#include <string>
#include <vector>

#include "caffe/proto/caffe.pb.h"
#include "caffe/util/labelled_images.hpp"

namespace caffe {

/**
 * @brief The Datum records of an LMDB by number, in the order of their keys.
 *
 * A record holds its image in `data` (encoded, or C x H x W bytes) and its
 * labels in `float_data`. Encoded images are decoded as transform_param's
 * force_color or force_gray says, otherwise as they are; a Caffe without OpenCV
 * cannot decode any.
 *
 * db::Cursor only walks forward; a shuffled epoch needs any record. Keys are
 * held in memory. Read-only and without LMDB's lock file, so that one process
 * may open a database twice and it may lie on a read-only disk. A database
 * that is missing, empty or damaged ends the program with a sentence.
 */
class LmdbRecords : public LabelledImages {
 public:
  LmdbRecords(const std::string& path, const TransformationParameter& param);
  virtual ~LmdbRecords();

  virtual int size() const { return keys_.size(); }
  virtual LabelledImage Read(int i) const;
  virtual void Decode(int i, Datum* image) const;
  virtual std::string Name() const { return "LMDB " + path_; }
  virtual std::string Where(int i) const;

 private:
  LmdbRecords(const TransformationParameter& param, const std::string& path);
  void Check(int status) const;
  void CheckSize() const;
  static void AssertFailed(MDB_env* env, const char* what);
  void ReadKeys();
  void ReadDatum(int i, Datum* datum) const;
  bool IsDecoded(int i, Datum* datum) const;

  std::string path_;
  bool force_color_, force_gray_;
  std::vector<std::string> keys_;
  MDB_env* env_;
  MDB_txn* txn_;
  MDB_dbi dbi_;

  LmdbRecords(const LmdbRecords&) = delete;
  LmdbRecords& operator=(const LmdbRecords&) = delete;
};

}  // namespace caffe

#endif  // CAFFE_UTIL_LMDB_RECORDS_HPP_
