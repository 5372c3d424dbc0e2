#include <stdio.h>
#include <unistd.h>

#include "glog/logging.h"

namespace caffe {

// glog ends a program after LOG(FATAL) with a stack trace and SIGABRT. Caffe
// uses LOG(FATAL) and CHECK for a user's mistakes, so here the program ends
// with status 1 as soon as the message is out. A sink hears of a message after
// it was written and while glog's lock keeps other threads from writing more.
class FatalExit : public google::LogSink {
 public:
  FatalExit() { google::AddLogSink(this); }
  ~FatalExit() override { google::RemoveLogSink(this); }

  void send(google::LogSeverity severity, const char* /* path */,
            const char* /* file */, int /* line */,
            const google::LogMessageTime& /* time */, const char* /* message */,
            size_t /* length */) override {
    if (severity != google::GLOG_FATAL) return;
    // Not fflush(NULL): it waits for each stream's lock, which a thread that is
    // reading stdin holds.
    fflush(stdout);
    fflush(stderr);
    _exit(1);  // not exit: prefetching and OpenMP threads are still running
  }
};

static FatalExit fatal_exit;

}  // namespace caffe
