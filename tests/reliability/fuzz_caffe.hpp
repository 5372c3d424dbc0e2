#ifndef TESTS_RELIABILITY_FUZZ_CAFFE_HPP_
#define TESTS_RELIABILITY_FUZZ_CAFFE_HPP_

#include <string>
#include <vector>

namespace caffe {

/// The kinds of what users bring: "net", "caffemodel", ...
std::vector<std::string> FuzzTargets();

/// Reads these bytes as one of that kind, with files of its own in the current
/// folder; returns the sentence of what was refused, or "". Fatal messages must
/// be thrown (ThrowFatalMessages).
std::string Fuzz(const std::string& target, const std::string& bytes);

}  // namespace caffe

#endif  // TESTS_RELIABILITY_FUZZ_CAFFE_HPP_
