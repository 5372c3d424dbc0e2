#ifndef CAFFE_LAYERS_MULTILABEL_IMAGE_DATA_LAYER_HPP_
#define CAFFE_LAYERS_MULTILABEL_IMAGE_DATA_LAYER_HPP_

#include "caffe/layers/multilabel_data_layer.hpp"

namespace caffe {

/**
 * @brief MultilabelData from a text file of images and labels (ImageList), as
 *        the authors' release reads them.
 *
 * All options are image_data_param's: source, multilabel_num, batch_size,
 * shuffle, rand_skip, root_folder, is_color, and new_height with new_width (of
 * the image before transform_param's crop). multilabel_data_param { shuffle }
 * does as well, and its seed sets an order of its own. Tops and order are
 * MultilabelDataLayer's: labels come as (N, multilabel_num), which the losses
 * and Slice take as well as the release's (N, multilabel_num, 1, 1).
 */
template <typename Dtype>
class MultilabelImageDataLayer : public MultilabelDataLayer<Dtype> {
 public:
  explicit MultilabelImageDataLayer(const LayerParameter& param);
  // The thread's functions are this class's, so it ends before they do.
  virtual ~MultilabelImageDataLayer() { this->StopInternalThread(); }

  virtual inline const char* type() const { return "MultilabelImageData"; }

 protected:
  virtual shared_ptr<LabelledImages> OpenRecords() const;
};

}  // namespace caffe

#endif  // CAFFE_LAYERS_MULTILABEL_IMAGE_DATA_LAYER_HPP_
