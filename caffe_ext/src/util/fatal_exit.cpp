#include <stdio.h>
#include <unistd.h>

#include "glog/logging.h"

namespace caffe {

// glog ends a program after LOG(FATAL) with a stack trace and SIGABRT. Caffe
// uses LOG(FATAL) and CHECK for a user's mistakes, so here the program ends
// after the message, with status 1.
class FatalExit : public google::LogSink {
 public:
  FatalExit() : fatal_(false) { google::AddLogSink(this); }
  ~FatalExit() override { google::RemoveLogSink(this); }

  void send(google::LogSeverity severity, const char* /* path */,
            const char* /* file */, int /* line */,
            const google::LogMessageTime& /* time */, const char* /* message */,
            size_t /* length */) override {
    if (severity == google::GLOG_FATAL) fatal_ = true;
  }

  // glog calls this once a message is out, and only then prints the trace.
  // _exit: other threads (prefetching, OpenMP) are still running.
  void WaitTillSent() override {
    if (!fatal_) return;
    fflush(NULL);
    _exit(1);
  }

 private:
  bool fatal_;
};

static FatalExit fatal_exit;

}  // namespace caffe
