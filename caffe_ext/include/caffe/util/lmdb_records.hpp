#ifndef CAFFE_UTIL_LMDB_RECORDS_HPP_
#define CAFFE_UTIL_LMDB_RECORDS_HPP_

#include <lmdb.h>

#include <string>
#include <vector>

#include "caffe/proto/caffe.pb.h"

namespace caffe {

/**
 * @brief The Datum records of an LMDB by number, in the order of their keys.
 *
 * db::Cursor only walks forward; a shuffled epoch needs any record. Keys are
 * held in memory. Read-only and without LMDB's lock file, so that one process
 * may open a database twice and it may lie on a read-only disk. A database
 * that is missing, empty or damaged ends the program with a sentence.
 */
class LmdbRecords {
 public:
  explicit LmdbRecords(const std::string& path);
  ~LmdbRecords();

  int size() const { return keys_.size(); }
  const std::string& key(int i) const { return keys_[i]; }
  const std::string& path() const { return path_; }
  /// One thread at a time.
  void Read(int i, Datum* datum) const;

 private:
  void Check(int status) const;
  void ReadKeys();

  std::string path_;
  std::vector<std::string> keys_;
  MDB_env* env_;
  MDB_txn* txn_;
  MDB_dbi dbi_;

  LmdbRecords(const LmdbRecords&) = delete;
  LmdbRecords& operator=(const LmdbRecords&) = delete;
};

}  // namespace caffe

#endif  // CAFFE_UTIL_LMDB_RECORDS_HPP_
