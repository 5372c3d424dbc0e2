#ifndef CAFFE_UTIL_ERRORS_HPP_
#define CAFFE_UTIL_ERRORS_HPP_

#include <glog/logging.h>

#include <new>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace caffe {

/// A fatal message, where fatal messages are thrown; what() is its text.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(message) {}
};

/// Likewise, where memory is out.
class OutOfMemory : public std::bad_alloc {
 public:
  explicit OutOfMemory(const std::string& message) : message_(message) {}
  const char* what() const noexcept override { return message_.what(); }

 private:
  std::runtime_error message_;  // unlike a string, copied without a throw
};

/**
 * @brief Whether LOG(FATAL) and a failed CHECK of this header throw an Error
 *        (as in pycaffe) or end the program with the sentence and status 1.
 *
 * The program's choice, for all threads; at first they end it. What is in a
 * noexcept function or in a destructor must not fail in this way: the first
 * ends the program all the same, the second too while an exception passes.
 */
void ThrowFatalMessages(bool thrown);

/// Fails with an OutOfMemory instead of an Error.
[[noreturn]] void FailForMemory(const std::string& message);

/// Ends the program with the sentence and status 1 all the same.
[[noreturn]] void EndProgram(const std::string& message);

/// What LOG(FATAL) streams into. glog's own cannot throw: its destructor is
/// noexcept.
class FatalMessage {
 public:
  FatalMessage(const char* file, int line);
  /// Of a CHECK of two values; frees what glog allocated for it.
  FatalMessage(const char* file, int line, const google::CheckOpString& result);
  [[noreturn]] ~FatalMessage() noexcept(false);
  std::ostream& stream() { return stream_; }

 private:
  const char* const file_;
  const int line_;
  std::ostringstream stream_;
};

template <typename Pointer>
Pointer CheckNotNull(const char* file, int line, const char* name,
                     Pointer&& pointer) {
  if (pointer == NULL) {
    FatalMessage(file, line).stream() << "'" << name << "' Must be non NULL";
  }
  return std::forward<Pointer>(pointer);
}

/// Called by every net before each of its layers; does nothing unless the
/// program set what to do, which may throw: pycaffe looks for Ctrl-C.
void BeforeLayer();
void SetBeforeLayer(void (*look)());

}  // namespace caffe

// LOG(FATAL), LOG_IF(FATAL, ...), CHECK and all that glog makes of them.
#undef COMPACT_GOOGLE_LOG_FATAL
#define COMPACT_GOOGLE_LOG_FATAL ::caffe::FatalMessage(__FILE__, __LINE__)
#undef CHECK_OP
#define CHECK_OP(name, op, val1, val2) \
  CHECK_OP_LOG(name, op, val1, val2, ::caffe::FatalMessage)
#undef CHECK_NOTNULL
#define CHECK_NOTNULL(val) ::caffe::CheckNotNull(__FILE__, __LINE__, #val, val)

#endif  // CAFFE_UTIL_ERRORS_HPP_
