#include "caffe/layers/multilabel_image_data_layer.hpp"

#include "caffe/util/image_list.hpp"

namespace caffe {

// image_data_param's options where MultilabelDataLayer looks for them.
static LayerParameter WithDataParam(LayerParameter param) {
  const ImageDataParameter& image = param.image_data_param();
  param.mutable_data_param()->set_batch_size(image.batch_size());
  param.mutable_data_param()->set_rand_skip(image.rand_skip());
  if (image.shuffle()) {  // it may be multilabel_data_param's already
    param.mutable_multilabel_data_param()->set_shuffle(true);
  }
  return param;
}

template <typename Dtype>
MultilabelImageDataLayer<Dtype>::MultilabelImageDataLayer(
    const LayerParameter& param)
    : MultilabelDataLayer<Dtype>(WithDataParam(param)) {}

template <typename Dtype>
shared_ptr<LabelledImages> MultilabelImageDataLayer<Dtype>::OpenRecords()
    const {
  return shared_ptr<LabelledImages>(
      new ImageList(this->layer_param_.image_data_param()));
}

INSTANTIATE_CLASS(MultilabelImageDataLayer);
REGISTER_LAYER_CLASS(MultilabelImageData);

}  // namespace caffe
