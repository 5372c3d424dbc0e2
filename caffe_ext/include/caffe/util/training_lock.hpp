#ifndef CAFFE_UTIL_TRAINING_LOCK_HPP_
#define CAFFE_UTIL_TRAINING_LOCK_HPP_

#include <string>

namespace caffe {

/**
 * @brief Keeps a solver's prototxt to this process until it ends, however.
 *
 * Two trainings of one solver would write the same snapshots: fails
 * (LOG(FATAL)) where another process has the file. On a file system that
 * cannot lock (some NFS) nothing is kept.
 */
void LockSolver(const std::string& solver_file);

}  // namespace caffe

#endif  // CAFFE_UTIL_TRAINING_LOCK_HPP_
