#ifndef CAFFE_EXT_TEST_REGION_REFERENCE_HPP_
#define CAFFE_EXT_TEST_REGION_REFERENCE_HPP_

#include <cmath>
#include <vector>

#include "caffe/blob.hpp"
#include "caffe/layers/region_layer.hpp"

namespace caffe {

/**
 * The region layer by its definition, in double, one output at a time: every
 * pixel finds its patch, every tap is looked up in the bottom, and nothing is
 * shared with the layer but its parameters.
 */
template <typename Dtype>
class RegionReference {
 public:
  RegionReference(const RegionLayer<Dtype>& layer, const Blob<Dtype>& bottom,
                  const Blob<Dtype>& top);
  vector<double> y, dx, dw, db;

 private:
  int Patch(int h, int w) const { return h / ph_ * grid_w_ + w / pw_; }
  double Statistic(bool variance, int p, int c) const;
  void Normalise();
  void Convolve();

  RegionLayer<Dtype>* layer_;
  const Blob<Dtype>& bottom_;
  const Blob<Dtype>& top_;
  int grid_w_, ph_, pw_, kernel_, statistics_;
  bool global_, bias_;
  double eps_;
  vector<double> mean_, scale_, z_, dz_;
};

template <typename Dtype>
RegionReference<Dtype>::RegionReference(const RegionLayer<Dtype>& layer,
                                        const Blob<Dtype>& bottom,
                                        const Blob<Dtype>& top)
    : y(bottom.count()),
      dx(bottom.count()),
      layer_(const_cast<RegionLayer<Dtype>*>(&layer)),
      bottom_(bottom),
      top_(top) {
  const RegionParameter& param = layer.layer_param().region_param();
  grid_w_ = param.grid_w();
  ph_ = bottom.height() / param.grid_h();
  pw_ = bottom.width() / param.grid_w();
  kernel_ = param.kernel_size();
  bias_ = param.bias_term();
  eps_ = param.eps();
  global_ = param.has_use_global_stats() ? param.use_global_stats()
                                         : layer.layer_param().phase() == TEST;
  statistics_ = layer_->blobs().size() - 3;
  dw.resize(layer_->blobs()[0]->count());
  db.resize(layer_->blobs()[0]->num());
  Normalise();
  Convolve();
}

template <typename Dtype>
double RegionReference<Dtype>::Statistic(bool variance, int p, int c) const {
  const int id = p * bottom_.channels() + c;
  if (global_) {
    return layer_->blobs()[statistics_ + variance]->cpu_data()[id] /
           layer_->blobs()[statistics_ + 2]->cpu_data()[0];
  }
  double sum = 0, count = 0;
  const double mean = variance ? Statistic(false, p, c) : 0;
  for (int n = 0; n < bottom_.num(); ++n) {
    for (int h = 0; h < bottom_.height(); ++h) {
      for (int w = 0; w < bottom_.width(); ++w) {
        if (Patch(h, w) != p) continue;
        const double x = bottom_.data_at(n, c, h, w);
        sum += variance ? (x - mean) * (x - mean) : x;
        ++count;
      }
    }
  }
  return sum / count;
}

template <typename Dtype>
void RegionReference<Dtype>::Normalise() {
  const int C = bottom_.channels();
  const int filters = layer_->blobs()[0]->num();
  for (int id = 0; id < filters; ++id) {
    mean_.push_back(Statistic(false, id / C, id % C));
    scale_.push_back(1 / std::sqrt(Statistic(true, id / C, id % C) + eps_));
  }
  z_.resize(bottom_.count());
  for (int n = 0; n < bottom_.num(); ++n) {
    for (int c = 0; c < C; ++c) {
      for (int h = 0; h < bottom_.height(); ++h) {
        for (int w = 0; w < bottom_.width(); ++w) {
          const int id = Patch(h, w) * C + c;
          const int i = bottom_.offset(n, c, h, w);
          z_[i] = (bottom_.cpu_data()[i] - mean_[id]) * scale_[id];
        }
      }
    }
  }
}

// y, dw, db and dz tap by tap; then dx through the normalisation.
template <typename Dtype>
void RegionReference<Dtype>::Convolve() {
  const Blob<Dtype>& weight = *layer_->blobs()[0];
  const int N = bottom_.num(), C = bottom_.channels();
  const int H = bottom_.height(), W = bottom_.width(), r = kernel_ / 2;
  dz_.assign(bottom_.count(), 0);
  vector<double> sum_dz(weight.num(), 0), sum_dz_z(weight.num(), 0);
  for (int n = 0; n < N; ++n) {
    for (int o = 0; o < C; ++o) {
      for (int h = 0; h < H; ++h) {
        for (int w = 0; w < W; ++w) {
          const int filter = Patch(h, w) * C + o;
          const int out = bottom_.offset(n, o, h, w);
          const double g = top_.cpu_diff()[out];
          db[filter] += g;
          y[out] = bottom_.cpu_data()[out] +
                   (bias_ ? layer_->blobs()[1]->cpu_data()[filter] : 0);
          for (int c = 0; c < C; ++c) {
            for (int u = -r; u <= r; ++u) {
              for (int v = -r; v <= r; ++v) {
                const int hh = h + u, ww = w + v;
                if (hh < 0 || hh >= H || ww < 0 || ww >= W ||
                    Patch(hh, ww) != Patch(h, w))
                  continue;
                const int in = bottom_.offset(n, c, hh, ww);
                if (z_[in] <= 0) continue;
                const int tap = weight.offset(filter, c, u + r, v + r);
                y[out] += weight.cpu_data()[tap] * z_[in];
                dw[tap] += g * z_[in];
                dz_[in] += g * weight.cpu_data()[tap];
              }
            }
          }
        }
      }
    }
  }
  const double count = N * ph_ * pw_;
  for (int pass = 0; pass < 2; ++pass) {
    for (int i = 0; i < bottom_.count(); ++i) {
      const int w = i % W, h = i / W % H, c = i / (W * H) % C;
      const int id = Patch(h, w) * C + c;
      if (pass == 0) {
        sum_dz[id] += dz_[i];
        sum_dz_z[id] += dz_[i] * z_[i];
      } else {
        const double means =
            global_ ? 0 : (sum_dz[id] + z_[i] * sum_dz_z[id]) / count;
        dx[i] = top_.cpu_diff()[i] + (dz_[i] - means) * scale_[id];
      }
    }
  }
}

}  // namespace caffe

#endif  // CAFFE_EXT_TEST_REGION_REFERENCE_HPP_
