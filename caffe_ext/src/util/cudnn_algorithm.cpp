#ifdef USE_CUDNN
#include "caffe/util/cudnn_algorithm.hpp"

#include <vector>

#include "caffe/common.hpp"
#include "caffe/util/cudnn_options.hpp"

namespace caffe {
namespace cudnn {

static void Append(cudnnTensorDescriptor_t tensor, ConvolutionKey* key) {
  cudnnDataType_t type;
  int n, c, h, w, strides[4];
  CUDNN_CHECK(cudnnGetTensor4dDescriptor(tensor, &type, &n, &c, &h, &w,
                                         &strides[0], &strides[1], &strides[2],
                                         &strides[3]));
  key->insert(key->end(), {type, n, c, h, w});
  key->insert(key->end(), strides, strides + 4);
}

static cudnnMathType_t MathOf(cudnnConvolutionDescriptor_t conv) {
  cudnnMathType_t math;
  CUDNN_CHECK(cudnnGetConvolutionMathType(conv, &math));
  return math;
}

ConvolutionKey KeyOf(cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w,
                     cudnnConvolutionDescriptor_t conv,
                     cudnnTensorDescriptor_t y) {
  ConvolutionKey key;
  Append(x, &key);
  Append(y, &key);
  cudnnDataType_t type;
  cudnnTensorFormat_t format;
  cudnnConvolutionMode_t mode;
  int a, b, c, d, e, f;
  CUDNN_CHECK(cudnnGetFilter4dDescriptor(w, &type, &format, &a, &b, &c, &d));
  key.insert(key.end(), {format, a, b, c, d});
  CUDNN_CHECK(cudnnGetConvolution2dDescriptor(conv, &a, &b, &c, &d, &e, &f,
                                              &mode, &type));
  key.insert(key.end(), {a, b, c, d, e, f, MathOf(conv)});
  const CudnnOptions& options = GetCudnnOptions();
  key.push_back(options.workspace);
  key.push_back(options.measure);
  return key;
}

// `rank` fills a list of `count` entries, by trying the algorithms out if told
// so, and counts them.
template <typename Performance, typename Algorithm, typename Rank>
static Algorithm Choose(const char* what, ConvolutionKey key,
                        cudnnConvolutionDescriptor_t conv, int count,
                        Algorithm otherwise, const Rank& rank) {
  int device;
  CUDA_CHECK(cudaGetDevice(&device));
  key.push_back(device);
  // A thread's own: with several GPUs each has its thread.
  static thread_local Choices<Algorithm> choices;
  return choices.Get(key, [&] {
    const CudnnOptions& options = GetCudnnOptions();
    std::vector<Performance> ranked(count);
    // Where there is not enough memory to try them out, cuDNN can still guess.
    const bool measured =
        options.measure &&
        rank(true, &count, ranked.data()) == CUDNN_STATUS_SUCCESS;
    if (!measured) {
      count = ranked.size();
      CUDNN_CHECK(rank(false, &count, ranked.data()));
    }
    ranked.resize(count);
    const Performance* best =
        FastestWithin(ranked, options.workspace, MathOf(conv));
    LOG_IF(WARNING, best && best->determinism != CUDNN_DETERMINISTIC)
        << "cuDNN has no algorithm for " << what << " that gives the same bits "
        << "each time within " << (options.workspace >> 20)
        << " MiB of workspace.";
    return best ? best->algo : otherwise;
  });
}

cudnnConvolutionFwdAlgo_t forwardAlgorithm(cudnnHandle_t handle,
                                           cudnnTensorDescriptor_t x,
                                           cudnnFilterDescriptor_t w,
                                           cudnnConvolutionDescriptor_t conv,
                                           cudnnTensorDescriptor_t y) {
  typedef cudnnConvolutionFwdAlgoPerf_t Performance;
  return Choose<Performance>(
      "a convolution", KeyOf(x, w, conv, y), conv,
      CUDNN_CONVOLUTION_FWD_ALGO_COUNT,
      CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM,
      [=](bool measure, int* count, Performance* ranked) {
        const auto rank = measure ? cudnnFindConvolutionForwardAlgorithm
                                  : cudnnGetConvolutionForwardAlgorithm_v7;
        return rank(handle, x, w, conv, y, *count, count, ranked);
      });
}

cudnnConvolutionBwdFilterAlgo_t backwardFilterAlgorithm(
    cudnnHandle_t handle, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t dy,
    cudnnConvolutionDescriptor_t conv, cudnnFilterDescriptor_t dw) {
  typedef cudnnConvolutionBwdFilterAlgoPerf_t Performance;
  return Choose<Performance>(
      "the gradient of a convolution's filters", KeyOf(x, dw, conv, dy), conv,
      CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT,
      CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0,
      [=](bool measure, int* count, Performance* ranked) {
        const auto rank = measure
                              ? cudnnFindConvolutionBackwardFilterAlgorithm
                              : cudnnGetConvolutionBackwardFilterAlgorithm_v7;
        return rank(handle, x, dy, conv, dw, *count, count, ranked);
      });
}

cudnnConvolutionBwdDataAlgo_t backwardDataAlgorithm(
    cudnnHandle_t handle, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t dy,
    cudnnConvolutionDescriptor_t conv, cudnnTensorDescriptor_t dx) {
  typedef cudnnConvolutionBwdDataAlgoPerf_t Performance;
  return Choose<Performance>(
      "the gradient of a convolution's bottom", KeyOf(dx, w, conv, dy), conv,
      CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT, CUDNN_CONVOLUTION_BWD_DATA_ALGO_0,
      [=](bool measure, int* count, Performance* ranked) {
        const auto rank = measure ? cudnnFindConvolutionBackwardDataAlgorithm
                                  : cudnnGetConvolutionBackwardDataAlgorithm_v7;
        return rank(handle, w, dy, conv, dx, *count, count, ranked);
      });
}

namespace {

// Of one device.
class Buffer {
 public:
  ~Buffer() { cudaFree(data_); }

  char* Reserve(size_t bytes) {
    if (bytes >= refused_) return NULL;
    if (bytes > bytes_) {
      cudaFree(data_);  // after all that uses it
      data_ = NULL;
      bytes_ = 0;
      if (cudaMalloc(&data_, bytes) != cudaSuccess) {
        cudaGetLastError();  // handled by the caller, no later check's
        refused_ = bytes;    // and not tried again in every iteration
        return NULL;
      }
      bytes_ = bytes;
    }
    return static_cast<char*>(data_);
  }

 private:
  void* data_ = NULL;
  size_t bytes_ = 0, refused_ = SIZE_MAX;
};

}  // namespace

char* Workspace(size_t bytes) {
  static thread_local std::map<int, Buffer> buffers;
  int device;
  CUDA_CHECK(cudaGetDevice(&device));
  return buffers[device].Reserve(bytes);
}

}  // namespace cudnn
}  // namespace caffe
#endif  // USE_CUDNN
