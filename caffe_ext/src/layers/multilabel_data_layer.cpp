#include "caffe/layers/multilabel_data_layer.hpp"

#include <opencv2/core/core.hpp>

#include <string>
#include <vector>

#include "caffe/util/format.hpp"
#include "caffe/util/io.hpp"
#include "caffe/util/math_functions.hpp"
#include "caffe/util/rng.hpp"

namespace caffe {

static vector<int> Shape(const cv::Mat& image) {  // (C, H, W)
  const int shape[] = {image.channels(), image.rows, image.cols};
  return vector<int>(shape, shape + 3);
}

static string Text(const vector<int>& shape) {
  return format_int(shape[0]) + " x " + format_int(shape[1]) + " x " +
         format_int(shape[2]) + " (C x H x W)";
}

template <typename Dtype>
MultilabelDataLayer<Dtype>::~MultilabelDataLayer() {
  this->StopInternalThread();
}

template <typename Dtype>
void MultilabelDataLayer<Dtype>::LayerSetUp(const vector<Blob<Dtype>*>& bottom,
                                            const vector<Blob<Dtype>*>& top) {
  // Before the transformer reads the mean file, which it does unchecked.
  if (this->transform_param_.has_mean_file()) ReadMeanShape();
  BasePrefetchingDataLayer<Dtype>::LayerSetUp(bottom, top);
}

template <typename Dtype>
void MultilabelDataLayer<Dtype>::ReadMeanShape() {
  const string& file = this->transform_param_.mean_file();
  BlobProto mean;
  const bool is_mean = ReadProtoFromBinaryFile(file, &mean) &&
                       mean.data_size() + mean.double_data_size() > 0 &&
                       (mean.shape().dim_size() >= 3 || mean.has_channels());
  LOG_IF(FATAL, !is_mean) << "MultilabelData layer '"
                          << this->layer_param_.name() << "': " << file
                          << " holds no mean image; give the "
                          << "mean.binaryproto that was made with the LMDB.";
  Blob<Dtype> blob;
  blob.FromProto(mean);
  mean_shape_.assign(blob.shape().end() - 3, blob.shape().end());
}

template <typename Dtype>
void MultilabelDataLayer<Dtype>::DataLayerSetUp(
    const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
  const DataParameter& data_param = this->layer_param_.data_param();
  LOG_IF(FATAL, data_param.batch_size() == 0)
      << "MultilabelData layer '" << this->layer_param_.name()
      << "': data_param { batch_size } is "
      << "missing; it must be at least 1.";
  records_.reset(new LmdbRecords(data_param.source()));
  const MultilabelDataParameter& param =
      this->layer_param_.multilabel_data_param();
  seed_ = param.has_seed() ? param.seed() : caffe_rng_rand();
  LOG_IF(FATAL, Caffe::solver_count() > 1 && !param.has_seed())
      << "MultilabelData layer '" << this->layer_param_.name()
      << "': several solvers must agree on the order of the records; give "
      << "multilabel_data_param { seed }.";
  if (data_param.rand_skip() && this->phase_ == TRAIN) {
    rng_t rng(seed_);
    position_ = rng() % data_param.rand_skip();
  }
  StartEpoch();

  Datum datum;
  records_->Read(0, &datum);
  num_labels_ = datum.float_data_size();
  LOG_IF(FATAL, num_labels_ == 0)
      << Where(0) << " has no labels (float_data);"
      << " make the LMDB with the scripts of data_prep/.";
  const cv::Mat image = Image(datum, 0);
  first_shape_ = Shape(image);
  CheckImage(first_shape_, 0);
  vector<int> shape = this->data_transformer_->InferBlobShape(image);
  this->transformed_data_.Reshape(shape);
  shape[0] = data_param.batch_size();
  const int label_shape[] = {shape[0], num_labels_};
  top[0]->Reshape(shape);
  if (this->output_labels_) {
    top[1]->Reshape(vector<int>(label_shape, label_shape + 2));
  }
  for (size_t i = 0; i < this->prefetch_.size(); ++i) {
    this->prefetch_[i]->data_.Reshape(shape);
    this->prefetch_[i]->label_.Reshape(
        vector<int>(label_shape, label_shape + 2));
  }
  LOG_IF(INFO, Caffe::root_solver())
      << "MultilabelData layer '" << this->layer_param_.name()
      << "': " << records_->size() << " records in " << records_->path()
      << ", images " << top[0]->shape_string() << ", " << num_labels_
      << " labels each";
}

// The order is a function of the seed and the epoch's number alone, the same
// for every solver.
template <typename Dtype>
void MultilabelDataLayer<Dtype>::StartEpoch() {
  order_.resize(records_->size());
  for (size_t i = 0; i < order_.size(); ++i) order_[i] = i;
  if (this->layer_param_.multilabel_data_param().shuffle()) {
    rng_t rng(seed_ + static_cast<unsigned int>(position_ / order_.size()));
    caffe::shuffle(order_.begin(), order_.end(), &rng);
  }
}

template <typename Dtype>
int MultilabelDataLayer<Dtype>::NextRecord() {
  const bool alone = this->phase_ == TEST;  // only rank 0 tests
  int record;
  bool mine;
  do {
    record = order_[position_ % order_.size()];
    mine = alone || static_cast<int>(position_ % Caffe::solver_count()) ==
                        Caffe::solver_rank();
    ++position_;
    if (position_ % order_.size() == 0) StartEpoch();
  } while (!mine);
  return record;
}

template <typename Dtype>
string MultilabelDataLayer<Dtype>::Where(int record) const {
  return "MultilabelData layer '" + this->layer_param_.name() + "': record '" +
         records_->key(record) + "' of LMDB " + records_->path();
}

template <typename Dtype>
cv::Mat MultilabelDataLayer<Dtype>::Image(const Datum& datum,
                                          int record) const {
  cv::Mat image;
  if (datum.encoded()) {
    const TransformationParameter& param = this->transform_param_;
    image = param.force_color() || param.force_gray()
                ? DecodeDatumToCVMat(datum, param.force_color())
                : DecodeDatumToCVMatNative(datum);
  } else if (!datum.data().empty() &&
             datum.data().size() == static_cast<size_t>(datum.channels()) *
                                        datum.height() * datum.width()) {
    const int size = datum.height() * datum.width();
    vector<cv::Mat> planes;
    for (int c = 0; c < datum.channels(); ++c) {
      planes.push_back(
          cv::Mat(datum.height(), datum.width(), CV_8UC1,
                  const_cast<char*>(datum.data().data()) + c * size));
    }
    cv::merge(planes, image);
  }
  LOG_IF(FATAL, image.empty())
      << Where(record) << " holds a damaged image; "
      << "replace the image it was made from and make the LMDB again.";
  return image;
}

template <typename Dtype>
void MultilabelDataLayer<Dtype>::CheckImage(const vector<int>& shape,
                                            int record) const {
  const int crop = this->transform_param_.crop_size();
  LOG_IF(FATAL, shape[1] < crop || shape[2] < crop)
      << Where(record) << " is an image of " << Text(shape)
      << ", smaller than transform_param { crop_size: " << crop
      << " }; lower that, or make the LMDB of larger faces.";
  LOG_IF(FATAL, !mean_shape_.empty() && shape != mean_shape_)
      << Where(record) << " is an image of " << Text(shape)
      << ", the mean file " << this->transform_param_.mean_file() << " of "
      << Text(mean_shape_) << "; give the mean that was made with this LMDB.";
  const bool alike = crop ? shape[0] == first_shape_[0] : shape == first_shape_;
  LOG_IF(FATAL, !alike) << Where(record) << " is an image of " << Text(shape)
                        << ", the first record of " << Text(first_shape_)
                        << "; make the LMDB of images of one size.";
}

template <typename Dtype>
void MultilabelDataLayer<Dtype>::CopyLabels(const Datum& datum, int record,
                                            Dtype* labels) const {
  LOG_IF(FATAL, datum.float_data_size() != num_labels_)
      << Where(record) << " has " << datum.float_data_size()
      << " labels, the first record " << num_labels_
      << "; make the LMDB again with the scripts of data_prep/.";
  for (int i = 0; i < num_labels_; ++i) {
    const float label = datum.float_data(i);
    LOG_IF(FATAL, label != -1 && label != 0 && label != 1)
        << Where(record) << ": label " << label << " of AU column " << i
        << " is none of 1 "
        << "(present), -1 (absent) and 0 (unknown); correct the data.";
    labels[i] = label;
  }
}

// Runs on the prefetch thread.
template <typename Dtype>
void MultilabelDataLayer<Dtype>::load_batch(Batch<Dtype>* batch) {
  const int batch_size = this->layer_param_.data_param().batch_size();
  Dtype* data = batch->data_.mutable_cpu_data();
  Dtype* labels = batch->label_.mutable_cpu_data();
  Datum datum;
  for (int i = 0; i < batch_size; ++i) {
    const int record = NextRecord();
    records_->Read(record, &datum);
    const cv::Mat image = Image(datum, record);
    CheckImage(Shape(image), record);
    this->transformed_data_.set_cpu_data(data + batch->data_.offset(i));
    this->data_transformer_->Transform(image, &this->transformed_data_);
    CopyLabels(datum, record, labels + i * num_labels_);
  }
}

INSTANTIATE_CLASS(MultilabelDataLayer);
REGISTER_LAYER_CLASS(MultilabelData);

}  // namespace caffe
