#include "caffe/layers/box_layer.hpp"

#include <vector>

#include "caffe/util/blob_name.hpp"
#include "caffe/util/math_functions.hpp"

namespace caffe {

template <typename Dtype>
void BoxLayer<Dtype>::LayerSetUp(const vector<Blob<Dtype>*>& bottom,
                                 const vector<Blob<Dtype>*>& top) {
  const BoxParameter& param = this->layer_param_.box_param();
  const int tops = top.size();
  LOG_IF(FATAL, static_cast<int>(param.width()) < 1 ||
                    static_cast<int>(param.height()) < 1)
      << "Box layer '" << this->layer_param_.name()
      << "': box_param needs a width and a height of at least 1.";
  LOG_IF(FATAL, param.xcoord_size() != tops || param.ycoord_size() != tops)
      << "Box layer '" << this->layer_param_.name() << "': " << tops
      << " tops, but " << param.xcoord_size() << " xcoord and "
      << param.ycoord_size() << " ycoord in box_param; give one of each a top.";
}

template <typename Dtype>
void BoxLayer<Dtype>::Reshape(const vector<Blob<Dtype>*>& bottom,
                              const vector<Blob<Dtype>*>& top) {
  const BoxParameter& param = this->layer_param_.box_param();
  LOG_IF(FATAL, bottom[0]->num_axes() != 4)
      << "Box layer '" << this->layer_param_.name() << "': blob "
      << BlobName(this->layer_param_.bottom(), 0)
      << " must have 4 axes (N x C x H x W), not " << bottom[0]->shape_string()
      << "; give images or feature maps.";
  const int num = bottom[0]->num(), channels = bottom[0]->channels();
  boxes_.resize(top.size());
  for (size_t t = 0; t < top.size(); ++t) {
    Rectangle& box = boxes_[t];
    box.planes = num * channels;
    box.image_height = bottom[0]->height();
    box.image_width = bottom[0]->width();
    box.y = param.ycoord(t);
    box.x = param.xcoord(t);
    box.height = param.height();
    box.width = param.width();
    LOG_IF(FATAL, !box.Fits())
        << "Box layer '" << this->layer_param_.name() << "': blob "
        << BlobName(this->layer_param_.bottom(), 0) << " is "
        << box.image_height << " x " << box.image_width
        << " (H x W), and the box of top "
        << BlobName(this->layer_param_.top(), t) << ", " << box.Text()
        << ", leaves it; change box_param or the input's size.";
    top[t]->Reshape(num, channels, box.height, box.width);
  }
}

template <typename Dtype>
void BoxLayer<Dtype>::Forward_cpu(const vector<Blob<Dtype>*>& bottom,
                                  const vector<Blob<Dtype>*>& top) {
  for (size_t t = 0; t < top.size(); ++t) {
    gather_rectangle_cpu(boxes_[t], bottom[0]->cpu_data(),
                         top[t]->mutable_cpu_data());
  }
}

template <typename Dtype>
void BoxLayer<Dtype>::Backward_cpu(const vector<Blob<Dtype>*>& top,
                                   const vector<bool>& propagate_down,
                                   const vector<Blob<Dtype>*>& bottom) {
  if (!propagate_down[0]) return;
  Dtype* bottom_diff = bottom[0]->mutable_cpu_diff();
  caffe_set(bottom[0]->count(), Dtype(0), bottom_diff);
  for (size_t t = 0; t < top.size(); ++t) {
    scatter_rectangle_cpu(boxes_[t], top[t]->cpu_diff(), bottom_diff);
  }
}

#ifdef CPU_ONLY
STUB_GPU(BoxLayer);
#endif

INSTANTIATE_CLASS(BoxLayer);
REGISTER_LAYER_CLASS(Box);

}  // namespace caffe
