#ifndef CAFFE_UTIL_ONEDNN_ERRORS_HPP_
#define CAFFE_UTIL_ONEDNN_ERRORS_HPP_

#include <dnnl.hpp>

#include <exception>
#include <new>
#include <string>
#include <vector>

#include "caffe/layer.hpp"

namespace caffe {

/**
 * @brief A layer whose exceptions of oneDNN, which Caffe does not know, become
 *        fatal messages that name the layer.
 *
 * oneDNN throws where memory is out, and where a primitive fails.
 */
template <class OneDNNLayer>
class NamedInErrors : public OneDNNLayer {
 public:
  explicit NamedInErrors(const LayerParameter& param) : OneDNNLayer(param) {}
  virtual void Reshape(const vector<Blob<float>*>& bottom,
                       const vector<Blob<float>*>& top) {
    Try([&] { OneDNNLayer::Reshape(bottom, top); });
  }

 protected:
  virtual void Forward_cpu(const vector<Blob<float>*>& bottom,
                           const vector<Blob<float>*>& top) {
    Try([&] { OneDNNLayer::Forward_cpu(bottom, top); });
  }
  virtual void Backward_cpu(const vector<Blob<float>*>& top,
                            const vector<bool>& propagate_down,
                            const vector<Blob<float>*>& bottom) {
    Try([&] { OneDNNLayer::Backward_cpu(top, propagate_down, bottom); });
  }

 private:
  string Sentence(const std::exception& error) const {
    return string(this->type()) + " layer '" + this->layer_param().name() +
           "': oneDNN: " + error.what() + "; a smaller batch needs less " +
           "memory, and engine: CAFFE does without oneDNN.";
  }
  template <class Work>
  void Try(const Work& work) {
    try {
      work();
    } catch (const dnnl::error& error) {
      const string sentence = Sentence(error);
      if (error.status == dnnl_out_of_memory) FailForMemory(sentence);
      LOG(FATAL) << sentence;
    } catch (const OutOfMemory&) {
      throw;
    } catch (const std::bad_alloc& error) {
      FailForMemory(Sentence(error));
    }
  }
};

}  // namespace caffe

#endif  // CAFFE_UTIL_ONEDNN_ERRORS_HPP_
