#include "caffe/util/errors.hpp"

#include <google/protobuf/stubs/common.h>
#if GOOGLE_PROTOBUF_VERSION < 4022000
#include <google/protobuf/stubs/logging.h>
#endif
#include <stdio.h>
#include <unistd.h>

#include <atomic>
#include <string>

namespace caffe {

static std::atomic<bool> thrown(false);
static std::atomic<void (*)()> before_layer(nullptr);

void ThrowFatalMessages(bool should_throw) {
  thrown = should_throw;
}

FatalMessage::FatalMessage(const char* file, int line)
    : file_(file), line_(line) {}

FatalMessage::FatalMessage(const char* file, int line,
                           const google::CheckOpString& result)
    : FatalMessage(file, line) {
  stream_ << "Check failed: " << *result.str_ << " ";
  delete result.str_;
}

FatalMessage::~FatalMessage() noexcept(false) {
  // What is thrown while an exception passes ends the program, without a word.
  if (thrown && !std::uncaught_exception()) throw Error(stream_.str());
  google::LogMessageFatal(file_, line_).stream() << stream_.str();
}

void FailForMemory(const std::string& message) {
  if (thrown && !std::uncaught_exception()) throw OutOfMemory(message);
  LOG(FATAL) << message;
}

void EndProgram(const std::string& message) {
  google::LogMessageFatal(__FILE__, __LINE__).stream() << message;
}

void BeforeLayer() {
  void (*const look)() = before_layer;
  if (look) look();
}

void SetBeforeLayer(void (*look)()) {
  before_layer = look;
}

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

// protobuf's own fatal messages are Caffe's, too. (Newer ones go by Abseil.)
#if GOOGLE_PROTOBUF_VERSION < 4022000
static google::protobuf::LogHandler* protobuf_log;

static void LogOfProtobuf(google::protobuf::LogLevel level, const char* file,
                          int line, const std::string& message) {
  if (level == google::protobuf::LOGLEVEL_FATAL) {
    FatalMessage(file, line).stream() << "protobuf: " << message;
  }
  if (protobuf_log) protobuf_log(level, file, line, message);
}

static const bool protobuf_is_heard =
    (protobuf_log = google::protobuf::SetLogHandler(&LogOfProtobuf), true);
#endif

}  // namespace caffe
