#include "caffe/layers/locally_connected_layer.hpp"

#include <omp.h>

#include <algorithm>
#include <climits>
#include <sstream>
#include <string>
#include <vector>

#include "caffe/filler.hpp"
#include "caffe/util/blob_name.hpp"
#include "caffe/util/math_functions.hpp"

namespace caffe {

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::LayerSetUp(
    const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
  ReadParameters();
  ReadBottomShape(*bottom[0]);
  SetTopShape();
  CheckWeightCount();
  if (this->blobs_.empty()) CreateBlobs();
  this->param_propagate_down_.resize(this->blobs_.size(), true);
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::ReadParameters() {
  const LocallyConnectedParameter& param =
      this->layer_param_.locally_connected_param();
  for (uint32_t size :
       {param.num_output(), param.kernel_size(), param.stride()}) {
    LOG_IF(FATAL, size < 1 || size > INT_MAX)
        << "LocallyConnected layer '" << this->layer_param_.name()
        << "': locally_connected_param { num_output, kernel_size } and stride "
        << "must be from 1 to " << INT_MAX << ", not " << size << ".";
  }
  shape_.outputs = param.num_output();
  shape_.kernel = param.kernel_size();
  shape_.stride = param.stride();
  bias_term_ = param.bias_term();
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::ReadBottomShape(const Blob<Dtype>& bottom) {
  LOG_IF(FATAL, bottom.num_axes() != 4 || bottom.count(1) == 0)
      << "LocallyConnected layer '" << this->layer_param_.name() << "': blob "
      << BlobName(this->layer_param_.bottom(), 0)
      << " must have 4 axes (N x C x H x W), C, H and W at least 1, "
      << "not " << bottom.shape_string() << "; give images or feature maps.";
  shape_.channels = bottom.channels();
  shape_.height = bottom.height();
  shape_.width = bottom.width();
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::SetTopShape() {
  const string blob = BlobName(this->layer_param_.bottom(), 0);
  const uint32_t pad = this->layer_param_.locally_connected_param().pad();
  const int64_t padded_h = shape_.height + 2 * int64_t(pad);
  const int64_t padded_w = shape_.width + 2 * int64_t(pad);
  LOG_IF(FATAL, std::max(padded_h, padded_w) > INT_MAX)
      << "LocallyConnected layer '" << this->layer_param_.name() << "': blob "
      << blob << ", " << shape_.height << " x " << shape_.width
      << " (H x W), with pad " << pad << " has a side of more than " << INT_MAX
      << "; use a smaller pad.";
  LOG_IF(FATAL, shape_.kernel > std::min(padded_h, padded_w))
      << "LocallyConnected layer '" << this->layer_param_.name()
      << "': a kernel_size of " << shape_.kernel << " exceeds blob " << blob
      << ", " << shape_.height << " x " << shape_.width << " (H x W), with pad "
      << pad << "; make the kernel smaller.";
  shape_.pad = pad;
  shape_.top_h = (padded_h - shape_.kernel) / shape_.stride + 1;
  shape_.top_w = (padded_w - shape_.kernel) / shape_.stride + 1;
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::CheckWeightCount() const {
  // Divided, not multiplied: the product may exceed even 64 bits.
  LOG_IF(FATAL, shape_.outputs > INT_MAX / shape_.channels / shape_.kernel /
                                     shape_.kernel / shape_.top_h /
                                     shape_.top_w)
      << "LocallyConnected layer '" << this->layer_param_.name()
      << "': " << shape_.top_h << " x " << shape_.top_w << " positions of "
      << shape_.outputs << " x " << shape_.channels << " x " << shape_.kernel
      << " x " << shape_.kernel << " weights are more than the " << INT_MAX
      << " that a blob can hold; use fewer outputs, a smaller kernel or a "
      << "larger stride.";
}

template <typename Dtype>
vector<int> LocallyConnectedLayer<Dtype>::WeightShape() const {
  const int filters = shape_.positions() * shape_.outputs;
  return {filters, shape_.channels, shape_.kernel, shape_.kernel};
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::CreateBlobs() {
  const LocallyConnectedParameter& param =
      this->layer_param_.locally_connected_param();
  const vector<int> shape = WeightShape();
  this->blobs_.resize(1 + bias_term_);
  this->blobs_[0].reset(new Blob<Dtype>(shape));
  shared_ptr<Filler<Dtype>> weight_filler(
      GetFiller<Dtype>(param.weight_filler()));
  weight_filler->Fill(this->blobs_[0].get());
  if (!bias_term_) return;
  this->blobs_[1].reset(new Blob<Dtype>(vector<int>(1, shape[0])));
  shared_ptr<Filler<Dtype>> bias_filler(GetFiller<Dtype>(param.bias_filler()));
  bias_filler->Fill(this->blobs_[1].get());
}

template <typename Dtype>
string LocallyConnectedLayer<Dtype>::WhyOtherShape(
    int param_id, const vector<int>& shape) const {
  if (shape.empty() || shape == this->blobs_[param_id]->shape()) return "";
  const int filters = WeightShape()[0];
  std::ostringstream text;
  text << "LocallyConnected layer '" << this->layer_param_.name() << "': ";
  if (param_id == 0) {
    text << "its weights are " << Blob<Dtype>(shape).shape_string()
         << ", but a bottom of " << shape_.height << " x " << shape_.width
         << " (H x W) needs " << filters << " filters of " << shape_.taps()
         << " weights";
  } else {
    text << "its bias is " << Blob<Dtype>(shape).shape_string() << ", but its "
         << filters << " filters need one value each";
  }
  text << "; load the weights of the same net.";
  return text.str();
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::CheckBottom(
    const Blob<Dtype>& bottom) const {
  const LayerParameter& param = this->layer_param_;
  LOG_IF(FATAL,
         bottom.num_axes() != 4 || bottom.channels() != shape_.channels ||
             bottom.height() != shape_.height || bottom.width() != shape_.width)
      << "LocallyConnected layer '" << param.name() << "': blob "
      << BlobName(param.bottom(), 0) << " is now " << bottom.shape_string()
      << ", its weights are for " << shape_.channels << " x " << shape_.height
      << " x " << shape_.width
      << " (C x H x W); only the number of images may change.";
  LOG_IF(FATAL, int64_t(bottom.num()) * shape_.outputs >
                    INT_MAX / (shape_.top_h * shape_.top_w))
      << "LocallyConnected layer '" << param.name() << "': the top of "
      << bottom.num() << " images x " << shape_.outputs << " x " << shape_.top_h
      << " x " << shape_.top_w << " is more than the " << INT_MAX
      << " values that a blob can hold; use a smaller batch.";
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::Reshape(const vector<Blob<Dtype>*>& bottom,
                                           const vector<Blob<Dtype>*>& top) {
  LOG_IF(FATAL, bottom[0] == top[0])
      << "LocallyConnected layer '" << this->layer_param_.name()
      << "' cannot run in place; give its top a name of its own.";
  CheckBottom(*bottom[0]);
  num_ = bottom[0]->num();
  top[0]->Reshape(num_, shape_.outputs, shape_.top_h, shape_.top_w);
}

template <typename Dtype>
template <typename Function>
void LocallyConnectedLayer<Dtype>::ForEachTile(Function f) const {
  // Allocated here: what is thrown must not leave a parallel region.
  vector<LocalTile<Dtype>> tiles(omp_get_max_threads(),
                                 LocalTile<Dtype>(shape_, num_));
#pragma omp parallel for schedule(static)
  for (int y = 0; y < shape_.top_h; ++y) {
    LocalTile<Dtype>* tile = &tiles[omp_get_thread_num()];
    tile->ForEachInRow(y, [&]() { f(tile); });
  }
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::ForwardPosition(int t,
                                                   LocalTile<Dtype>* tile) {
  const int filter = tile->position(t) * shape_.outputs;
  Dtype* y = tile->outputs(t);
  for (int n = 0; n < tile->images() && bias_term_; ++n) {
    caffe_copy(shape_.outputs, this->blobs_[1]->cpu_data() + filter,
               y + n * shape_.outputs);
  }
  caffe_cpu_gemm<Dtype>(CblasNoTrans, CblasTrans, tile->images(),
                        shape_.outputs, shape_.taps(), 1, tile->taps(),
                        this->blobs_[0]->cpu_data() + filter * shape_.taps(),
                        bias_term_, y);
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::Forward_cpu(
    const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
  const Dtype* bottom_data = bottom[0]->cpu_data();
  // Blobs allocate and synchronise on first use, which threads must not race.
  Dtype* top_data = top[0]->mutable_cpu_data();
  for (size_t i = 0; i < this->blobs_.size(); ++i) this->blobs_[i]->cpu_data();
  ForEachTile([&](LocalTile<Dtype>* tile) {
    tile->LoadBand(bottom_data);
    for (int t = 0; t < tile->positions(); ++t) {
      tile->Unroll(t);
      ForwardPosition(t, tile);
    }
    tile->StoreOutputs(top_data);
  });
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::BackwardBias(int t, LocalTile<Dtype>* tile) {
  const Dtype* g = tile->outputs(t);
  Dtype* diff =
      this->blobs_[1]->mutable_cpu_diff() + tile->position(t) * shape_.outputs;
  for (int n = 0; n < tile->images(); ++n, g += shape_.outputs) {
    for (int o = 0; o < shape_.outputs; ++o) diff[o] += g[o];
  }
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::BackwardWeight(int t,
                                                  LocalTile<Dtype>* tile) {
  const int filter = tile->position(t) * shape_.outputs;
  caffe_cpu_gemm<Dtype>(
      CblasTrans, CblasNoTrans, shape_.outputs, shape_.taps(), tile->images(),
      1, tile->outputs(t), tile->taps(), 1,
      this->blobs_[0]->mutable_cpu_diff() + filter * shape_.taps());
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::BackwardParameters(const Dtype* bottom,
                                                      const Dtype* top_diff) {
  const bool weight = this->param_propagate_down_[0];
  const bool bias = bias_term_ && this->param_propagate_down_[1];
  if (!weight && !bias) return;
  if (weight) this->blobs_[0]->mutable_cpu_diff();
  if (bias) this->blobs_[1]->mutable_cpu_diff();
  ForEachTile([&](LocalTile<Dtype>* tile) {
    tile->LoadOutputs(top_diff);
    if (weight) tile->LoadBand(bottom);
    for (int t = 0; t < tile->positions(); ++t) {
      if (bias) BackwardBias(t, tile);
      if (!weight) continue;
      tile->Unroll(t);
      BackwardWeight(t, tile);
    }
  });
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::BackwardTile(const Dtype* top_diff,
                                                LocalTile<Dtype>* tile,
                                                Dtype* bottom_diff) {
  tile->LoadOutputs(top_diff);
  tile->ClearBand();
  for (int t = 0; t < tile->positions(); ++t) {
    const int filter = tile->position(t) * shape_.outputs;
    caffe_cpu_gemm<Dtype>(CblasNoTrans, CblasNoTrans, tile->images(),
                          shape_.taps(), shape_.outputs, 1, tile->outputs(t),
                          this->blobs_[0]->cpu_data() + filter * shape_.taps(),
                          0, tile->taps());
    tile->AddTaps(t);
  }
  tile->AddBandTo(bottom_diff);
}

// Threads take groups of rows so high that those of one round, every other
// group, share nothing of the bottom: no two threads add to the same value.
template <typename Dtype>
void LocallyConnectedLayer<Dtype>::BackwardBottom(const Dtype* top_diff,
                                                  Dtype* bottom_diff) {
  const int overlap = (shape_.kernel - 1) / shape_.stride;  // in rows
  const int rows = std::max(std::max(1, overlap), shape_.top_h / 32);
  this->blobs_[0]->cpu_data();
  vector<LocalTile<Dtype>> tiles(omp_get_max_threads(),
                                 LocalTile<Dtype>(shape_, num_));
  for (int round = 0; round < 2; ++round) {
#pragma omp parallel for schedule(static)
    for (int group = round * rows; group < shape_.top_h; group += 2 * rows) {
      LocalTile<Dtype>* tile = &tiles[omp_get_thread_num()];
      for (int y = group; y < std::min(group + rows, shape_.top_h); ++y) {
        tile->ForEachInRow(
            y, [&]() { BackwardTile(top_diff, tile, bottom_diff); });
      }
    }
  }
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::Backward_cpu(
    const vector<Blob<Dtype>*>& top, const vector<bool>& propagate_down,
    const vector<Blob<Dtype>*>& bottom) {
  BackwardParameters(bottom[0]->cpu_data(), top[0]->cpu_diff());
  if (!propagate_down[0]) return;
  Dtype* bottom_diff = bottom[0]->mutable_cpu_diff();
  caffe_set(bottom[0]->count(), Dtype(0), bottom_diff);
  BackwardBottom(top[0]->cpu_diff(), bottom_diff);
}

#ifdef CPU_ONLY
STUB_GPU(LocallyConnectedLayer);
#endif

INSTANTIATE_CLASS(LocallyConnectedLayer);
REGISTER_LAYER_CLASS(LocallyConnected);

}  // namespace caffe
