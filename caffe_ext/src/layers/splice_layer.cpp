#include "caffe/layers/splice_layer.hpp"

#include <algorithm>
#include <climits>
#include <vector>

#include "caffe/util/blob_name.hpp"
#include "caffe/util/math_functions.hpp"

namespace caffe {

template <typename Dtype>
void SpliceLayer<Dtype>::LayerSetUp(const vector<Blob<Dtype>*>& bottom,
                                    const vector<Blob<Dtype>*>& top) {
  const SpliceParameter& param = this->layer_param_.splice_param();
  const int bottoms = bottom.size();
  LOG_IF(FATAL,
         param.xcoord_size() != bottoms || param.ycoord_size() != bottoms)
      << "Splice layer '" << this->layer_param_.name() << "': " << bottoms
      << " bottoms, but " << param.xcoord_size() << " xcoord and "
      << param.ycoord_size()
      << " ycoord in splice_param; give one of each a bottom.";
}

template <typename Dtype>
void SpliceLayer<Dtype>::CheckShapes(const vector<Blob<Dtype>*>& bottom) const {
  LOG_IF(FATAL, bottom[0]->num_axes() != 4)
      << "Splice layer '" << this->layer_param_.name() << "': blob "
      << BlobName(this->layer_param_.bottom(), 0)
      << " must have 4 axes (N x C x H x W), not " << bottom[0]->shape_string()
      << "; give images or feature maps.";
  for (size_t t = 1; t < bottom.size(); ++t) {
    LOG_IF(FATAL, bottom[t]->shape() != bottom[0]->shape())
        << "Splice layer '" << this->layer_param_.name() << "': blob "
        << BlobName(this->layer_param_.bottom(), t) << " is "
        << bottom[t]->shape_string() << ", blob "
        << BlobName(this->layer_param_.bottom(), 0) << " is "
        << bottom[0]->shape_string() << "; give patches of one shape.";
  }
}

template <typename Dtype>
void SpliceLayer<Dtype>::CheckPatches() const {
  for (size_t t = 0; t < patches_.size(); ++t) {
    const Rectangle& patch = patches_[t];
    LOG_IF(FATAL, patch.y < 0 || patch.y > INT_MAX - patch.height ||
                      patch.x < 0 || patch.x > INT_MAX - patch.width)
        << "Splice layer '" << this->layer_param_.name() << "': blob "
        << BlobName(this->layer_param_.bottom(), t) << ", " << patch.Text()
        << ", is out of range; change splice_param.";
    for (size_t u = 0; u < t; ++u) {
      LOG_IF(FATAL, patch.Overlaps(patches_[u]))
          << "Splice layer '" << this->layer_param_.name() << "': blobs "
          << BlobName(this->layer_param_.bottom(), u) << ", "
          << patches_[u].Text() << ", and "
          << BlobName(this->layer_param_.bottom(), t) << ", " << patch.Text()
          << ", overlap; change splice_param.";
    }
  }
}

template <typename Dtype>
void SpliceLayer<Dtype>::Reshape(const vector<Blob<Dtype>*>& bottom,
                                 const vector<Blob<Dtype>*>& top) {
  CheckShapes(bottom);
  const SpliceParameter& param = this->layer_param_.splice_param();
  Rectangle patch;
  patch.planes = bottom[0]->count(0, 2);
  patch.height = bottom[0]->height();
  patch.width = bottom[0]->width();
  patch.image_height = patch.height + *std::max_element(param.ycoord().begin(),
                                                        param.ycoord().end());
  patch.image_width = patch.width + *std::max_element(param.xcoord().begin(),
                                                      param.xcoord().end());
  patches_.assign(bottom.size(), patch);
  for (size_t t = 0; t < bottom.size(); ++t) {
    patches_[t].y = param.ycoord(t);
    patches_[t].x = param.xcoord(t);
  }
  CheckPatches();
  top[0]->Reshape(bottom[0]->num(), bottom[0]->channels(), patch.image_height,
                  patch.image_width);
}

template <typename Dtype>
void SpliceLayer<Dtype>::Forward_cpu(const vector<Blob<Dtype>*>& bottom,
                                     const vector<Blob<Dtype>*>& top) {
  Dtype* top_data = top[0]->mutable_cpu_data();
  caffe_set(top[0]->count(), Dtype(0), top_data);
  for (size_t t = 0; t < bottom.size(); ++t) {
    scatter_rectangle_cpu(patches_[t], bottom[t]->cpu_data(), top_data);
  }
}

template <typename Dtype>
void SpliceLayer<Dtype>::Backward_cpu(const vector<Blob<Dtype>*>& top,
                                      const vector<bool>& propagate_down,
                                      const vector<Blob<Dtype>*>& bottom) {
  for (size_t t = 0; t < bottom.size(); ++t) {
    if (!propagate_down[t]) continue;
    gather_rectangle_cpu(patches_[t], top[0]->cpu_diff(),
                         bottom[t]->mutable_cpu_diff());
  }
}

#ifdef CPU_ONLY
STUB_GPU(SpliceLayer);
#endif

INSTANTIATE_CLASS(SpliceLayer);
REGISTER_LAYER_CLASS(Splice);

}  // namespace caffe
