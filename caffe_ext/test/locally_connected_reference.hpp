#ifndef CAFFE_EXT_TEST_LOCALLY_CONNECTED_REFERENCE_HPP_
#define CAFFE_EXT_TEST_LOCALLY_CONNECTED_REFERENCE_HPP_

#include <vector>

#include "caffe/blob.hpp"
#include "caffe/proto/caffe.pb.h"

namespace caffe {

/**
 * The layer by its definition, in double: every tap of every output is looked
 * up in the bottom, and the gradients fall out of the same loop.
 */
template <typename Dtype>
class LocallyConnectedReference {
 public:
  LocallyConnectedReference(const Blob<Dtype>& bottom, const Blob<Dtype>& top,
                            const vector<shared_ptr<Blob<Dtype> > >& blobs,
                            const LocallyConnectedParameter& param)
      : y(top.count()),
        dx(bottom.count()),
        dw(blobs[0]->count()),
        db(blobs[0]->num()),
        bottom_(bottom),
        top_(top),
        blobs_(blobs),
        stride_(param.stride()),
        pad_(param.pad()) {
    for (int n = 0; n < top.num(); ++n) {
      for (int o = 0; o < top.channels(); ++o) {
        for (int i = 0; i < top.height(); ++i) {
          for (int j = 0; j < top.width(); ++j) AddOutput(n, o, i, j);
        }
      }
    }
  }
  vector<double> y, dx, dw, db;

 private:
  void AddOutput(int n, int o, int i, int j) {
    const Blob<Dtype>& weight = *blobs_[0];
    const int filter = (i * top_.width() + j) * top_.channels() + o;
    const int out = top_.offset(n, o, i, j);
    const double g = top_.cpu_diff()[out];
    if (blobs_.size() > 1) y[out] = blobs_[1]->cpu_data()[filter];
    db[filter] += g;
    for (int c = 0; c < weight.channels(); ++c) {
      for (int u = 0; u < weight.height(); ++u) {
        for (int v = 0; v < weight.width(); ++v) {
          const int h = i * stride_ + u - pad_, w = j * stride_ + v - pad_;
          if (h < 0 || h >= bottom_.height()) continue;
          if (w < 0 || w >= bottom_.width()) continue;
          const double x = bottom_.data_at(n, c, h, w);
          const int tap = weight.offset(filter, c, u, v);
          y[out] += weight.cpu_data()[tap] * x;
          dw[tap] += g * x;
          dx[bottom_.offset(n, c, h, w)] += g * weight.cpu_data()[tap];
        }
      }
    }
  }

  const Blob<Dtype>& bottom_;
  const Blob<Dtype>& top_;
  const vector<shared_ptr<Blob<Dtype> > >& blobs_;
  const int stride_, pad_;
};

}  // namespace caffe

#endif  // CAFFE_EXT_TEST_LOCALLY_CONNECTED_REFERENCE_HPP_
