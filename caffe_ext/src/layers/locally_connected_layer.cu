#include "caffe/layers/locally_connected_layer.hpp"

#include <algorithm>
#include <vector>

#include "caffe/util/device_alternate.hpp"
#include "caffe/util/math_functions.hpp"

namespace caffe {

// Values of unrolled bottom that are always allowed: a chunk must hold enough
// products for the whole GPU, also where an image is small.
static const int kChunkValues = 1 << 22;
static const int kChunkPositions = 65535;  // a grid's most, where batches go

// What one batched product takes: neighbouring positions, some images.
struct Chunk {
  int first, positions;  // in row-major order
  int n, images;
};

// All of a pass, positions outermost: each weight is read from memory once.
static vector<Chunk> Chunks(const LocalShape& shape, int num) {
  const int P = shape.positions();
  const int products = std::max(P, kChunkValues / shape.taps());
  const int images = std::max(1, std::min(num, products));
  const int positions =
      std::min(std::min(P, kChunkPositions), products / images);
  vector<Chunk> chunks;
  for (int p = 0; p < P; p += positions) {
    for (int n = 0; n < num; n += images) {
      chunks.push_back(
          {p, std::min(positions, P - p), n, std::min(images, num - n)});
    }
  }
  return chunks;
}

// taps (positions, images, K) = what each position sees of the bottom.
template <typename Dtype>
__global__ void UnrollKernel(const int count, const LocalShape shape,
                             const Chunk chunk, const Dtype* bottom,
                             Dtype* taps) {
  CUDA_KERNEL_LOOP(index, count) {
    const int v = index % shape.kernel;
    const int u = index / shape.kernel % shape.kernel;
    const int plane = index / shape.kernel / shape.kernel;
    const int c = plane % shape.channels;
    const int n = plane / shape.channels % chunk.images;
    const int p = chunk.first + plane / shape.channels / chunk.images;
    const int y = p / shape.top_w * shape.stride - shape.pad + u;
    const int x = p % shape.top_w * shape.stride - shape.pad + v;
    const bool inside = y >= 0 && y < shape.height && x >= 0 && x < shape.width;
    const int row = ((chunk.n + n) * shape.channels + c) * shape.height + y;
    taps[index] = inside ? bottom[row * shape.width + x] : Dtype(0);
  }
}

// Adds to each value of the bottom's rows first_row and on the gradients of all
// taps that see it, in the positions' order.
template <typename Dtype>
__global__ void AddTapsKernel(const int count, const LocalShape shape,
                              const Chunk chunk, const int first_row,
                              const int rows, const Dtype* taps,
                              Dtype* bottom_diff) {
  CUDA_KERNEL_LOOP(index, count) {
    const int w = index % shape.width + shape.pad;
    const int h = first_row + index / shape.width % rows + shape.pad;
    const int c = index / shape.width / rows % shape.channels;
    const int n = index / shape.width / rows / shape.channels;
    Dtype sum = 0;
    for (int u = shape.kernel - 1; u >= 0; --u) {
      for (int v = shape.kernel - 1; v >= 0; --v) {
        const int y = (h - u) / shape.stride, x = (w - v) / shape.stride;
        const int t = y * shape.top_w + x - chunk.first;
        if (h - u != y * shape.stride || w - v != x * shape.stride || h < u ||
            w < v || y >= shape.top_h || x >= shape.top_w || t < 0 ||
            t >= chunk.positions) {
          continue;
        }
        const int plane = (t * chunk.images + n) * shape.channels + c;
        sum += taps[(plane * shape.kernel + u) * shape.kernel + v];
      }
    }
    const int plane = (chunk.n + n) * shape.channels + c;
    bottom_diff[(plane * shape.height + h - shape.pad) * shape.width + w -
                shape.pad] += sum;
  }
}

// Top (N, O, P) = outputs (positions, images, O) + bias (P, O), if any.
template <typename Dtype>
__global__ void StoreOutputsKernel(const int count, const LocalShape shape,
                                   const Chunk chunk, const Dtype* outputs,
                                   const Dtype* bias, Dtype* top) {
  CUDA_KERNEL_LOOP(index, count) {
    const int t = index % chunk.positions;
    const int o = index / chunk.positions % shape.outputs;
    const int n = index / chunk.positions / shape.outputs;
    const int p = chunk.first + t;
    const int plane = (chunk.n + n) * shape.outputs + o;
    top[plane * shape.top_h * shape.top_w + p] =
        outputs[(t * chunk.images + n) * shape.outputs + o] +
        (bias ? bias[p * shape.outputs + o] : Dtype(0));
  }
}

template <typename Dtype>
__global__ void LoadOutputsKernel(const int count, const LocalShape shape,
                                  const Chunk chunk, const Dtype* top,
                                  Dtype* outputs) {
  CUDA_KERNEL_LOOP(index, count) {
    const int t = index % chunk.positions;
    const int o = index / chunk.positions % shape.outputs;
    const int n = index / chunk.positions / shape.outputs;
    const int plane = (chunk.n + n) * shape.outputs + o;
    outputs[(t * chunk.images + n) * shape.outputs + o] =
        top[plane * shape.top_h * shape.top_w + chunk.first + t];
  }
}

// One thread a bias: its images in their order.
template <typename Dtype>
__global__ void BiasGradientKernel(const int count, const LocalShape shape,
                                   const Chunk chunk, const Dtype* outputs,
                                   Dtype* bias_diff) {
  CUDA_KERNEL_LOOP(index, count) {
    const int o = index % shape.outputs, t = index / shape.outputs;
    Dtype sum = 0;
    for (int n = 0; n < chunk.images; ++n) {
      sum += outputs[(t * chunk.images + n) * shape.outputs + o];
    }
    bias_diff[chunk.first * shape.outputs + index] += sum;
  }
}

// C (M, N) = A B + beta C of every batch member, all row-major, A and B
// transposed before where said so. cuBLAS takes row-major C as C^T = B^T A^T.
template <typename Dtype>
static void BatchedGemm(const CBLAS_TRANSPOSE trans_a,
                        const CBLAS_TRANSPOSE trans_b, const int M, const int N,
                        const int K, const Dtype* A, const Dtype* B,
                        const Dtype beta, Dtype* C, const int batch) {
  const bool single = sizeof(Dtype) == sizeof(float);
  const cudaDataType type = single ? CUDA_R_32F : CUDA_R_64F;
  const Dtype alpha = 1;
  CUBLAS_CHECK(cublasGemmStridedBatchedEx(
      Caffe::cublas_handle(),
      trans_b == CblasNoTrans ? CUBLAS_OP_N : CUBLAS_OP_T,
      trans_a == CblasNoTrans ? CUBLAS_OP_N : CUBLAS_OP_T, N, M, K, &alpha, B,
      type, trans_b == CblasNoTrans ? N : K, int64_t(K) * N, A, type,
      trans_a == CblasNoTrans ? K : M, int64_t(M) * K, &beta, C, type, N,
      int64_t(M) * N, batch, single ? CUBLAS_COMPUTE_32F : CUBLAS_COMPUTE_64F,
      CUBLAS_GEMM_DEFAULT));
}

template <typename Dtype>
static void Unroll(const LocalShape& shape, const Chunk& chunk,
                   const Dtype* bottom, Dtype* taps) {
  const int count = chunk.positions * chunk.images * shape.taps();
  // NOLINT_NEXT_LINE(whitespace/operators)
  UnrollKernel<Dtype><<<CAFFE_GET_BLOCKS(count), CAFFE_CUDA_NUM_THREADS>>>(
      count, shape, chunk, bottom, taps);
  CUDA_POST_KERNEL_CHECK;
}

template <typename Dtype>
static void AddTaps(const LocalShape& shape, const Chunk& chunk,
                    const Dtype* taps, Dtype* bottom_diff) {
  const int first_y = chunk.first / shape.top_w;
  const int last_y = (chunk.first + chunk.positions - 1) / shape.top_w;
  const int first = std::max(0, first_y * shape.stride - shape.pad);
  const int end =
      std::min(shape.height, last_y * shape.stride - shape.pad + shape.kernel);
  if (first >= end) return;  // these positions see nothing but padding
  const int count = chunk.images * shape.channels * (end - first) * shape.width;
  // NOLINT_NEXT_LINE(whitespace/operators)
  AddTapsKernel<Dtype><<<CAFFE_GET_BLOCKS(count), CAFFE_CUDA_NUM_THREADS>>>(
      count, shape, chunk, first, end - first, taps, bottom_diff);
  CUDA_POST_KERNEL_CHECK;
}

template <typename Dtype>
static void LoadOutputs(const LocalShape& shape, const Chunk& chunk,
                        const Dtype* top, Dtype* outputs) {
  const int count = chunk.positions * chunk.images * shape.outputs;
  // NOLINT_NEXT_LINE(whitespace/operators)
  LoadOutputsKernel<Dtype><<<CAFFE_GET_BLOCKS(count), CAFFE_CUDA_NUM_THREADS>>>(
      count, shape, chunk, top, outputs);
  CUDA_POST_KERNEL_CHECK;
}

template <typename Dtype>
static void StoreOutputs(const LocalShape& shape, const Chunk& chunk,
                         const Dtype* outputs, const Dtype* bias, Dtype* top) {
  const int count = chunk.positions * chunk.images * shape.outputs;
  // NOLINT_NEXT_LINE(whitespace/operators)
  StoreOutputsKernel<Dtype>
      <<<CAFFE_GET_BLOCKS(count), CAFFE_CUDA_NUM_THREADS>>>(count, shape, chunk,
                                                            outputs, bias, top);
  CUDA_POST_KERNEL_CHECK;
}

template <typename Dtype>
static void AddBiasGradient(const LocalShape& shape, const Chunk& chunk,
                            const Dtype* outputs, Dtype* bias_diff) {
  const int count = chunk.positions * shape.outputs;
  // NOLINT_NEXT_LINE(whitespace/operators)
  BiasGradientKernel<Dtype>
      <<<CAFFE_GET_BLOCKS(count), CAFFE_CUDA_NUM_THREADS>>>(count, shape, chunk,
                                                            outputs, bias_diff);
  CUDA_POST_KERNEL_CHECK;
}

// No chunk is larger than the first, so these allocate once.
template <typename Dtype>
void LocallyConnectedLayer<Dtype>::ReserveScratch(int products) {
  taps_.Reshape(vector<int>(1, products * shape_.taps()));
  outputs_.Reshape(vector<int>(1, products * shape_.outputs));
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::Forward_gpu(
    const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
  const Dtype* weight = this->blobs_[0]->gpu_data();
  const Dtype* bias = bias_term_ ? this->blobs_[1]->gpu_data() : NULL;
  for (const Chunk& chunk : Chunks(shape_, num_)) {
    ReserveScratch(chunk.positions * chunk.images);
    Unroll(shape_, chunk, bottom[0]->gpu_data(), taps_.mutable_gpu_data());
    BatchedGemm<Dtype>(CblasNoTrans, CblasTrans, chunk.images, shape_.outputs,
                       shape_.taps(), taps_.gpu_data(),
                       weight + chunk.first * shape_.outputs * shape_.taps(), 0,
                       outputs_.mutable_gpu_data(), chunk.positions);
    StoreOutputs(shape_, chunk, outputs_.gpu_data(), bias,
                 top[0]->mutable_gpu_data());
  }
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::Backward_gpu(
    const vector<Blob<Dtype>*>& top, const vector<bool>& propagate_down,
    const vector<Blob<Dtype>*>& bottom) {
  const bool weight = this->param_propagate_down_[0];
  const bool bias = bias_term_ && this->param_propagate_down_[1];
  if (propagate_down[0]) {
    caffe_gpu_set(bottom[0]->count(), Dtype(0), bottom[0]->mutable_gpu_diff());
  }
  for (const Chunk& chunk : Chunks(shape_, num_)) {
    const int first = chunk.first * shape_.outputs * shape_.taps();
    ReserveScratch(chunk.positions * chunk.images);
    LoadOutputs(shape_, chunk, top[0]->gpu_diff(), outputs_.mutable_gpu_data());
    if (bias) {
      AddBiasGradient(shape_, chunk, outputs_.gpu_data(),
                      this->blobs_[1]->mutable_gpu_diff());
    }
    if (weight) {
      Unroll(shape_, chunk, bottom[0]->gpu_data(), taps_.mutable_gpu_data());
      BatchedGemm<Dtype>(
          CblasTrans, CblasNoTrans, shape_.outputs, shape_.taps(), chunk.images,
          outputs_.gpu_data(), taps_.gpu_data(), 1,
          this->blobs_[0]->mutable_gpu_diff() + first, chunk.positions);
    }
    if (propagate_down[0]) {
      BatchedGemm<Dtype>(CblasNoTrans, CblasNoTrans, chunk.images,
                         shape_.taps(), shape_.outputs, outputs_.gpu_data(),
                         this->blobs_[0]->gpu_data() + first, 0,
                         taps_.mutable_gpu_data(), chunk.positions);
      AddTaps(shape_, chunk, taps_.gpu_data(), bottom[0]->mutable_gpu_diff());
    }
  }
}

INSTANTIATE_LAYER_GPU_FUNCS(LocallyConnectedLayer);

}  // namespace caffe
