#include "caffe/layers/locally_connected_layer.hpp"

#include <algorithm>
#include <climits>
#include <vector>

#include "caffe/filler.hpp"
#include "caffe/util/math_functions.hpp"

namespace caffe {

// Images that a tile takes at a time; more would not make the products faster.
static const int kBlockImages = 64;
// Unrolled taps of a tile, unless one position has more: a second-level cache.
static const int kTileTaps = 1 << 16;

// Neighbouring positions of one row of the top, in some images.
template <typename Dtype>
struct LocallyConnectedLayer<Dtype>::Tile {
  int y, x, w;    // row, first column, positions
  int n, images;  // first image, how many
};

// What a tile sees of one row of the bottom.
template <typename Dtype>
struct LocallyConnectedLayer<Dtype>::Span {
  int offset;  // of its first value in the image
  int first;   // zeros of the padding before it
  int size;    // values; 0 in the padding above and below
};

// What one thread needs for one tile.
template <typename Dtype>
class LocallyConnectedLayer<Dtype>::Workspace {
 public:
  explicit Workspace(const LocallyConnectedLayer<Dtype>& layer) {
    const int rows = layer.tile_w_ * std::min(layer.num_, kBlockImages);
    columns.resize(rows * layer.taps_);
    tops.resize(rows * layer.num_output_);
    row.resize((layer.tile_w_ - 1) * layer.stride_ + layer.kernel_);
  }
  vector<Dtype> columns;  // (w, images, K) taps, or their gradients
  vector<Dtype> tops;     // (w, images, O) outputs, or their gradients
  vector<Dtype> row;      // what the tile sees of one padded bottom row
};

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::LayerSetUp(
    const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
  const string& name = this->layer_param_.name();
  LOG_IF(FATAL, bottom[0]->num_axes() != 4)
      << "LocallyConnected layer '" << name
      << "': its bottom must have 4 axes (N x C x H x W), not "
      << bottom[0]->shape_string();
  ReadParameters();
  channels_ = bottom[0]->channels();
  height_ = bottom[0]->height();
  width_ = bottom[0]->width();
  LOG_IF(FATAL, kernel_ > height_ + 2 * pad_ || kernel_ > width_ + 2 * pad_)
      << "LocallyConnected layer '" << name << "': a kernel_size of " << kernel_
      << " exceeds its bottom, " << height_ << " x " << width_
      << " (H x W) with pad " << pad_ << "; make the kernel smaller.";
  top_h_ = (height_ + 2 * pad_ - kernel_) / stride_ + 1;
  top_w_ = (width_ + 2 * pad_ - kernel_) / stride_ + 1;
  taps_ = channels_ * kernel_ * kernel_;
  CreateBlobs();
  this->param_propagate_down_.resize(this->blobs_.size(), true);
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::ReadParameters() {
  const LocallyConnectedParameter& param =
      this->layer_param_.locally_connected_param();
  num_output_ = param.num_output();
  kernel_ = param.kernel_size();
  stride_ = param.stride();
  pad_ = param.pad();
  bias_term_ = param.bias_term();
  LOG_IF(FATAL, num_output_ < 1 || kernel_ < 1 || stride_ < 1)
      << "LocallyConnected layer '" << this->layer_param_.name()
      << "': locally_connected_param { num_output, kernel_size } and stride "
      << "must be at least 1.";
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::CreateBlobs() {
  const LocallyConnectedParameter& param =
      this->layer_param_.locally_connected_param();
  const int64_t filters = int64_t(top_h_) * top_w_ * num_output_;
  LOG_IF(FATAL, filters > INT_MAX / taps_)
      << "LocallyConnected layer '" << this->layer_param_.name()
      << "': " << top_h_ << " x " << top_w_ << " positions of " << num_output_
      << " x " << taps_ << " weights are more than the " << INT_MAX
      << " that a blob can hold; use fewer outputs, a smaller kernel or a "
      << "larger stride.";
  vector<int> weight_shape(4, kernel_);
  weight_shape[0] = filters;
  weight_shape[1] = channels_;
  if (this->blobs_.empty()) {
    this->blobs_.resize(bias_term_ ? 2 : 1);
    this->blobs_[0].reset(new Blob<Dtype>(weight_shape));
    shared_ptr<Filler<Dtype> > weight_filler(
        GetFiller<Dtype>(param.weight_filler()));
    weight_filler->Fill(this->blobs_[0].get());
    if (bias_term_) {
      this->blobs_[1].reset(new Blob<Dtype>(vector<int>(1, filters)));
      shared_ptr<Filler<Dtype> > bias_filler(
          GetFiller<Dtype>(param.bias_filler()));
      bias_filler->Fill(this->blobs_[1].get());
    }
  }
  LOG_IF(FATAL, this->blobs_[0]->shape() != weight_shape)
      << "LocallyConnected layer '" << this->layer_param_.name()
      << "': its weights are " << this->blobs_[0]->shape_string()
      << ", but a bottom of " << height_ << " x " << width_ << " (H x W) needs "
      << filters << " filters of " << taps_
      << " weights; load the weights of the same net.";
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::CheckBottom(
    const Blob<Dtype>& bottom) const {
  const LayerParameter& param = this->layer_param_;
  const string blob_name = param.bottom_size() ? param.bottom(0) : "bottom";
  LOG_IF(FATAL, bottom.num_axes() != 4 || bottom.channels() != channels_ ||
                    bottom.height() != height_ || bottom.width() != width_)
      << "LocallyConnected layer '" << param.name() << "': blob '" << blob_name
      << "' is now " << bottom.shape_string() << ", its weights are for "
      << channels_ << " x " << height_ << " x " << width_
      << " (C x H x W); only the number of images may change.";
  LOG_IF(FATAL,
         int64_t(bottom.num()) * num_output_ > INT_MAX / (top_h_ * top_w_))
      << "LocallyConnected layer '" << param.name() << "': the top of "
      << bottom.num() << " images x " << num_output_ << " x " << top_h_ << " x "
      << top_w_ << " is more than the " << INT_MAX
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
  top[0]->Reshape(num_, num_output_, top_h_, top_w_);
  const int rows = std::max(1, std::min(num_, kBlockImages));
  tile_w_ = std::max(1, std::min(top_w_, kTileTaps / (rows * taps_)));
}

template <typename Dtype>
int LocallyConnectedLayer<Dtype>::RowTiles() const {
  return (top_w_ + tile_w_ - 1) / tile_w_;
}

template <typename Dtype>
template <typename Function>
void LocallyConnectedLayer<Dtype>::ForEachBlock(int id, Function f) const {
  const int x = id % RowTiles() * tile_w_;
  Tile tile = {id / RowTiles(), x, std::min(tile_w_, top_w_ - x), 0, 0};
  for (; tile.n < num_; tile.n += kBlockImages) {
    tile.images = std::min(kBlockImages, num_ - tile.n);
    f(tile);
  }
}

template <typename Dtype>
typename LocallyConnectedLayer<Dtype>::Span
LocallyConnectedLayer<Dtype>::RowSpan(const Tile& tile, int c, int u) const {
  const int y = tile.y * stride_ - pad_ + u;
  const int x = tile.x * stride_ - pad_;
  const int last = x + (tile.w - 1) * stride_ + kernel_;
  const int first = std::max(x, 0);
  const int size = y < 0 || y >= height_ ? 0 : std::min(last, width_) - first;
  return {(c * height_ + y) * width_ + first, first - x, std::max(size, 0)};
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::Unroll(const Dtype* bottom, const Tile& tile,
                                          Workspace* work) const {
  const int image = channels_ * height_ * width_;
  for (int n = 0; n < tile.images; ++n) {
    for (int tap = 0; tap < taps_; tap += kernel_) {  // a row of a filter
      const Span span =
          RowSpan(tile, tap / kernel_ / kernel_, tap / kernel_ % kernel_);
      std::fill(work->row.begin(), work->row.end(), Dtype(0));
      std::copy_n(bottom + (tile.n + n) * image + span.offset, span.size,
                  work->row.begin() + span.first);
      for (int t = 0; t < tile.w; ++t) {
        const Dtype* values = work->row.data() + t * stride_;
        Dtype* taps =
            work->columns.data() + (t * tile.images + n) * taps_ + tap;
        for (int v = 0; v < kernel_; ++v) taps[v] = values[v];
      }
    }
  }
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::AddTaps(const Tile& tile, Workspace* work,
                                           Dtype* bottom_diff) const {
  const int image = channels_ * height_ * width_;
  for (int n = 0; n < tile.images; ++n) {
    for (int tap = 0; tap < taps_; tap += kernel_) {
      const Span span =
          RowSpan(tile, tap / kernel_ / kernel_, tap / kernel_ % kernel_);
      std::fill(work->row.begin(), work->row.end(), Dtype(0));
      for (int t = 0; t < tile.w; ++t) {
        const Dtype* taps =
            work->columns.data() + (t * tile.images + n) * taps_ + tap;
        Dtype* values = work->row.data() + t * stride_;
        for (int v = 0; v < kernel_; ++v) values[v] += taps[v];
      }
      Dtype* diff = bottom_diff + (tile.n + n) * image + span.offset;
      for (int i = 0; i < span.size; ++i) diff[i] += work->row[span.first + i];
    }
  }
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::GatherTop(const Dtype* top, const Tile& tile,
                                             Workspace* work) const {
  for (int n = 0; n < tile.images; ++n) {
    for (int o = 0; o < num_output_; ++o) {
      const Dtype* row =
          top + (((tile.n + n) * num_output_ + o) * top_h_ + tile.y) * top_w_ +
          tile.x;
      for (int t = 0; t < tile.w; ++t) {
        work->tops[(t * tile.images + n) * num_output_ + o] = row[t];
      }
    }
  }
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::ScatterTop(const Tile& tile,
                                              const Workspace& work,
                                              Dtype* top) const {
  for (int n = 0; n < tile.images; ++n) {
    for (int o = 0; o < num_output_; ++o) {
      Dtype* row =
          top + (((tile.n + n) * num_output_ + o) * top_h_ + tile.y) * top_w_ +
          tile.x;
      for (int t = 0; t < tile.w; ++t) {
        row[t] = work.tops[(t * tile.images + n) * num_output_ + o];
      }
    }
  }
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::ForwardTile(const Tile& tile,
                                               Workspace* work) const {
  for (int t = 0; t < tile.w; ++t) {
    const int filter = (tile.y * top_w_ + tile.x + t) * num_output_;
    const Dtype* weight = this->blobs_[0]->cpu_data() + filter * taps_;
    Dtype* y = work->tops.data() + t * tile.images * num_output_;
    for (int n = 0; n < tile.images; ++n) {
      for (int o = 0; o < num_output_; ++o) {
        y[n * num_output_ + o] =
            bias_term_ ? this->blobs_[1]->cpu_data()[filter + o] : Dtype(0);
      }
    }
    caffe_cpu_gemm<Dtype>(
        CblasNoTrans, CblasTrans, tile.images, num_output_, taps_, 1,
        work->columns.data() + t * tile.images * taps_, weight, 1, y);
  }
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::Forward_cpu(
    const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
  const Dtype* bottom_data = bottom[0]->cpu_data();
  // Blobs allocate and synchronise on first use, which threads must not race.
  Dtype* top_data = top[0]->mutable_cpu_data();
  for (size_t i = 0; i < this->blobs_.size(); ++i) this->blobs_[i]->cpu_data();
#pragma omp parallel
  {
    Workspace work(*this);
#pragma omp for schedule(static)
    for (int id = 0; id < top_h_ * RowTiles(); ++id) {
      ForEachBlock(id, [&](const Tile& tile) {
        Unroll(bottom_data, tile, &work);
        ForwardTile(tile, &work);
        ScatterTop(tile, work, top_data);
      });
    }
  }
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::BackwardTileWeight(const Tile& tile,
                                                      const Workspace& work) {
  for (int t = 0; t < tile.w; ++t) {
    const int filter = (tile.y * top_w_ + tile.x + t) * num_output_;
    caffe_cpu_gemm<Dtype>(CblasTrans, CblasNoTrans, num_output_, taps_,
                          tile.images, 1,
                          work.tops.data() + t * tile.images * num_output_,
                          work.columns.data() + t * tile.images * taps_, 1,
                          this->blobs_[0]->mutable_cpu_diff() + filter * taps_);
  }
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::BackwardTileBias(const Tile& tile,
                                                    const Workspace& work) {
  const Dtype* g = work.tops.data();
  for (int t = 0; t < tile.w; ++t) {
    Dtype* diff = this->blobs_[1]->mutable_cpu_diff() +
                  (tile.y * top_w_ + tile.x + t) * num_output_;
    for (int n = 0; n < tile.images; ++n, g += num_output_) {
      for (int o = 0; o < num_output_; ++o) diff[o] += g[o];
    }
  }
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::BackwardTileBottom(const Tile& tile,
                                                      Workspace* work) const {
  for (int t = 0; t < tile.w; ++t) {
    const int filter = (tile.y * top_w_ + tile.x + t) * num_output_;
    caffe_cpu_gemm<Dtype>(CblasNoTrans, CblasNoTrans, tile.images, taps_,
                          num_output_, 1,
                          work->tops.data() + t * tile.images * num_output_,
                          this->blobs_[0]->cpu_data() + filter * taps_, 0,
                          work->columns.data() + t * tile.images * taps_);
  }
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::BackwardParameters(const Dtype* bottom,
                                                      const Dtype* top_diff) {
  const bool weight = this->param_propagate_down_[0];
  const bool bias = bias_term_ && this->param_propagate_down_[1];
  if (!weight && !bias) return;
  if (weight) this->blobs_[0]->mutable_cpu_diff();
  if (bias) this->blobs_[1]->mutable_cpu_diff();
#pragma omp parallel
  {
    Workspace work(*this);
#pragma omp for schedule(static)
    for (int id = 0; id < top_h_ * RowTiles(); ++id) {
      ForEachBlock(id, [&](const Tile& tile) {
        GatherTop(top_diff, tile, &work);
        if (bias) BackwardTileBias(tile, work);
        if (!weight) return;
        Unroll(bottom, tile, &work);
        BackwardTileWeight(tile, work);
      });
    }
  }
}

// Rows of the top that are k / stride apart share no row of the bottom, so
// threads may add to it; rows between wait for the next round.
template <typename Dtype>
void LocallyConnectedLayer<Dtype>::BackwardBottom(const Dtype* top_diff,
                                                  Dtype* bottom_diff) const {
  const int rounds = (kernel_ + stride_ - 1) / stride_;
  this->blobs_[0]->cpu_data();
  caffe_set(num_ * channels_ * height_ * width_, Dtype(0), bottom_diff);
#pragma omp parallel
  {
    Workspace work(*this);
    for (int round = 0; round < rounds; ++round) {
#pragma omp for schedule(static)
      for (int y = round; y < top_h_; y += rounds) {
        for (int x = 0; x < RowTiles(); ++x) {
          ForEachBlock(y * RowTiles() + x, [&](const Tile& tile) {
            GatherTop(top_diff, tile, &work);
            BackwardTileBottom(tile, &work);
            AddTaps(tile, &work, bottom_diff);
          });
        }
      }
    }
  }
}

template <typename Dtype>
void LocallyConnectedLayer<Dtype>::Backward_cpu(
    const vector<Blob<Dtype>*>& top, const vector<bool>& propagate_down,
    const vector<Blob<Dtype>*>& bottom) {
  BackwardParameters(bottom[0]->cpu_data(), top[0]->cpu_diff());
  if (propagate_down[0]) {
    BackwardBottom(top[0]->cpu_diff(), bottom[0]->mutable_cpu_diff());
  }
}

INSTANTIATE_CLASS(LocallyConnectedLayer);
REGISTER_LAYER_CLASS(LocallyConnected);

}  // namespace caffe
