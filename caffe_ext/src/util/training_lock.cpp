#include "caffe/util/training_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <string>

#include "caffe/common.hpp"

namespace caffe {

void LockSolver(const std::string& solver_file) {
  // Left open: the lock goes with the process. Not inherited: a program that
  // it starts may outlive it.
  const int file = open(solver_file.c_str(), O_RDONLY | O_CLOEXEC);
  const bool locked = file < 0 || flock(file, LOCK_EX | LOCK_NB) == 0;
  CHECK(locked || errno != EWOULDBLOCK)
      << "another caffe train is at work on " << solver_file
      << ", and would write the same snapshots: wait for it, or copy the "
         "solver and give the copy another snapshot_prefix";
}

}  // namespace caffe
