#include "caffe/layers/multilabel_data_layer.hpp"

#include <omp.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "caffe/util/format.hpp"
#include "caffe/util/io.hpp"
#include "caffe/util/lmdb_records.hpp"
#include "caffe/util/math_functions.hpp"
#include "caffe/util/parallel_for.hpp"
#include "caffe/util/rng.hpp"

namespace caffe {

static vector<int> Shape(const Datum& image) {  // (C, H, W)
  return {image.channels(), image.height(), image.width()};
}

static string Text(const vector<int>& shape) {
  return format_int(shape[0]) + " x " + format_int(shape[1]) + " x " +
         format_int(shape[2]) + " (C x H x W)";
}

template <typename Dtype>
MultilabelDataLayer<Dtype>::MultilabelDataLayer(const LayerParameter& param)
    : BasePrefetchingDataLayer<Dtype>(param),
      num_labels_(0),
      first_(0),
      given_(0) {
  // The records' matter: the transformer, given decoded images, would complain.
  this->transform_param_.clear_force_color();
  this->transform_param_.clear_force_gray();
}

template <typename Dtype>
MultilabelDataLayer<Dtype>::~MultilabelDataLayer() {
  this->StopInternalThread();
}

template <typename Dtype>
string MultilabelDataLayer<Dtype>::Name() const {
  return string(this->type()) + " layer '" + this->layer_param_.name() + "'";
}

template <typename Dtype>
string MultilabelDataLayer<Dtype>::Where(int record) const {
  return Name() + ": " + records_->Where(record);
}

template <typename Dtype>
shared_ptr<LabelledImages> MultilabelDataLayer<Dtype>::OpenRecords() const {
  return shared_ptr<LabelledImages>(
      new LmdbRecords(this->layer_param_.data_param().source(),
                      this->layer_param_.transform_param()));
}

template <typename Dtype>
void MultilabelDataLayer<Dtype>::LayerSetUp(const vector<Blob<Dtype>*>& bottom,
                                            const vector<Blob<Dtype>*>& top) {
  // Before the transformer reads the mean file, which it does unchecked.
  if (this->transform_param_.has_mean_file()) ReadMeanShape();
  transformer_.reset(
      new ImageTransformer<Dtype>(this->transform_param_, this->phase_));
  this->data_transformer_ = transformer_;
  BasePrefetchingDataLayer<Dtype>::LayerSetUp(bottom, top);
}

template <typename Dtype>
void MultilabelDataLayer<Dtype>::ReadMeanShape() {
  const string& file = this->transform_param_.mean_file();
  BlobProto mean;
  const bool is_mean = ReadProtoFromBinaryFile(file, &mean) &&
                       mean.data_size() + mean.double_data_size() > 0 &&
                       (mean.shape().dim_size() >= 3 || mean.has_channels());
  LOG_IF(FATAL, !is_mean) << Name() << ": " << file
                          << " holds no mean image; give the "
                          << "mean.binaryproto that was made of these images.";
  Blob<Dtype> blob;
  blob.FromProto(mean);
  mean_shape_.assign(blob.shape().end() - 3, blob.shape().end());
}

template <typename Dtype>
void MultilabelDataLayer<Dtype>::DataLayerSetUp(
    const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
  const DataParameter& data_param = this->layer_param_.data_param();
  LOG_IF(FATAL, data_param.batch_size() == 0)
      << Name() << ": batch_size is missing; it must be at least 1.";
  records_ = OpenRecords();
  const MultilabelDataParameter& param =
      this->layer_param_.multilabel_data_param();
  seed_ = param.has_seed() ? param.seed() : caffe_rng_rand();
  LOG_IF(FATAL, Caffe::solver_count() > 1 && !param.has_seed())
      << Name()
      << ": several solvers must agree on the order of the records; give "
      << "multilabel_data_param { seed }.";
  if (data_param.rand_skip() && this->phase_ == TRAIN) {
    rng_t rng(seed_);
    first_ = rng() % data_param.rand_skip();
  }
  position_ = first_;
  StartEpoch();

  LabelledImage first = records_->Read(0);
  records_->Decode(0, &first.image);
  num_labels_ = first.labels.size();
  LOG_IF(FATAL, num_labels_ == 0)
      << Where(0) << " has no labels (float_data);"
      << " make the LMDB with the scripts of data_prep/.";
  first_shape_ = Shape(first.image);
  CheckImage(first_shape_, 0);
  CheckMeanValues();
  vector<int> shape = this->data_transformer_->InferBlobShape(first.image);
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
      << Name() << ": " << records_->size() << " records in "
      << records_->Name() << ", images " << top[0]->shape_string() << ", "
      << num_labels_ << " labels each";
#ifndef CPU_ONLY
  KeepOnGpu();
#endif
}

// The order is a function of the seed and the epoch's number alone, the same
// for every solver.
template <typename Dtype>
void MultilabelDataLayer<Dtype>::StartEpoch() {
  order_.resize(records_->size());
  for (size_t i = 0; i < order_.size(); ++i) order_[i] = i;
  if (this->layer_param_.multilabel_data_param().shuffle()) {
    // Not of their sum: another seed must not have the same orders later.
    std::seed_seq seeds = {
        seed_, static_cast<unsigned int>(position_ / order_.size())};
    rng_t rng(seeds);
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
void MultilabelDataLayer<Dtype>::CheckImage(const vector<int>& shape,
                                            int record) const {
  const int crop = this->transform_param_.crop_size();
  LOG_IF(FATAL, shape[1] < crop || shape[2] < crop)
      << Where(record) << " is an image of " << Text(shape)
      << ", smaller than transform_param { crop_size: " << crop
      << " }; lower that, or give larger images.";
  LOG_IF(FATAL, !mean_shape_.empty() && shape != mean_shape_)
      << Where(record) << " is an image of " << Text(shape)
      << ", the mean file " << this->transform_param_.mean_file() << " of "
      << Text(mean_shape_) << "; give the mean that was made of these images.";
  const bool alike = crop ? shape[0] == first_shape_[0] : shape == first_shape_;
  LOG_IF(FATAL, !alike) << Where(record) << " is an image of " << Text(shape)
                        << ", the first record of " << Text(first_shape_)
                        << "; make all images of one size.";
}

template <typename Dtype>
void MultilabelDataLayer<Dtype>::CheckMeanValues() const {
  const int values = this->transform_param_.mean_value_size();
  LOG_IF(FATAL, values > 1 && values != first_shape_[0])
      << Name() << ": transform_param has " << values
      << " mean_values for images of " << first_shape_[0]
      << " channels; give one, or one a channel.";
}

template <typename Dtype>
void MultilabelDataLayer<Dtype>::CopyLabels(const vector<float>& from,
                                            int record, Dtype* labels) const {
  LOG_IF(FATAL, static_cast<int>(from.size()) != num_labels_)
      << Where(record) << " has " << from.size() << " labels, the first record "
      << num_labels_ << "; make the LMDB again with the scripts of data_prep/.";
  for (int i = 0; i < num_labels_; ++i) {
    const float label = from[i];
    LOG_IF(FATAL, label != -1 && label != 0 && label != 1)
        << Where(record) << ": label " << label << " of AU column " << i
        << " is none of 1 "
        << "(present), -1 (absent) and 0 (unknown); correct the data.";
    labels[i] = label;
  }
}

template <typename Dtype>
int MultilabelDataLayer<Dtype>::Threads() const {
  const int threads = omp_get_max_threads();
  const int part = Caffe::mode() == Caffe::GPU ? Caffe::solver_count() : 16;
  return std::max(threads / part, 1);
}

template <typename Dtype>
void MultilabelDataLayer<Dtype>::ReadItems(Dtype* labels) {
  items_.resize(this->layer_param_.data_param().batch_size());
  for (Item& item : items_) {
    item.record = NextRecord();
    item.draws = transformer_->Draw();
    item.stored = records_->Read(item.record);
    CopyLabels(item.stored.labels, item.record, labels);
    labels += num_labels_;
  }
}

template <typename Dtype>
void MultilabelDataLayer<Dtype>::DecodeItem(Item* item) const {
  records_->Decode(item->record, &item->stored.image);
  CheckImage(Shape(item->stored.image), item->record);
}

// Runs on the prefetch thread, as all below.
template <typename Dtype>
void MultilabelDataLayer<Dtype>::load_batch(Batch<Dtype>* batch) {
  ReadItems(batch->label_.mutable_cpu_data());
#ifndef CPU_ONLY
  if (on_gpu_) DecodeForGpu();
  if (on_gpu_) return;
#endif
  Dtype* data = batch->data_.mutable_cpu_data();
  const int size = batch->data_.count(1);
  ParallelFor(
      items_.size(),
      [&](int i) {
        DecodeItem(&items_[i]);
        transformer_->Transform(items_[i].stored.image, items_[i].draws,
                                data + i * size);
      },
      Threads());
}

#ifndef CPU_ONLY
template <typename Dtype>
void MultilabelDataLayer<Dtype>::KeepOnGpu() {
  if (Caffe::mode() != Caffe::GPU || this->phase_ != TRAIN) return;
  const MultilabelDataParameter& param =
      this->layer_param_.multilabel_data_param();
  size_t available, all;
  CUDA_CHECK(cudaMemGetInfo(&available, &all));
  const size_t wanted = param.has_gpu_memory()
                            ? static_cast<size_t>(param.gpu_memory()) << 20
                            : all / 4;
  const size_t size = ImagesOnGpu<Dtype>::Size(records_->size(), first_shape_);
  const bool fit = size <= std::min(wanted, available);
  LOG_IF(INFO, Caffe::root_solver())
      << Name() << ": decoded, the images take " << (size >> 20) << " MiB; "
      << (fit ? "they are kept on the GPU"
              : "they are not kept on the GPU (multilabel_data_param { "
                "gpu_memory })");
  if (!fit) return;
  on_gpu_.reset(new ImagesOnGpu<Dtype>(
      records_->size(), first_shape_, transformer_->Mean(first_shape_),
      transformer_->scale(), this->layer_param_.data_param().batch_size()));
}

template <typename Dtype>
void MultilabelDataLayer<Dtype>::DecodeForGpu() {
  ParallelFor(
      items_.size(),
      [&](int i) {
        if (!on_gpu_->Has(items_[i].record)) DecodeItem(&items_[i]);
      },
      Threads());
  for (const Item& item : items_) {
    if (on_gpu_->Has(item.record)) continue;
    const vector<int> shape = Shape(item.stored.image);
    if (shape == first_shape_) continue;
    LOG(INFO) << Where(item.record) << " is an image of " << Text(shape)
              << ", the first record of " << Text(first_shape_)
              << ": images are not kept on the GPU";
    on_gpu_.reset();
    return;
  }
}

template <typename Dtype>
void MultilabelDataLayer<Dtype>::PushBatch(Batch<Dtype>* batch,
                                           cudaStream_t stream) {
  if (!on_gpu_) {
    BasePrefetchingDataLayer<Dtype>::PushBatch(batch, stream);
    return;
  }
  vector<ImageCut> cuts;
  for (const Item& item : items_) {
    if (!on_gpu_->Has(item.record)) {
      on_gpu_->Put(item.record, item.stored.image.data(), stream);
    }
    cuts.push_back(
        {item.record,
         transformer_->Window(item.draws, first_shape_[1], first_shape_[2])});
  }
  on_gpu_->Cut(cuts, &batch->data_, stream);
  if (this->output_labels_) {
    batch->label_.data()->async_gpu_push(stream);
  }
}
#endif

template <typename Dtype>
void MultilabelDataLayer<Dtype>::Forward_cpu(const vector<Blob<Dtype>*>& bottom,
                                             const vector<Blob<Dtype>*>& top) {
  BasePrefetchingDataLayer<Dtype>::Forward_cpu(bottom, top);
  given_ += top[0]->num();
}

template <typename Dtype>
void MultilabelDataLayer<Dtype>::Forward_gpu(const vector<Blob<Dtype>*>& bottom,
                                             const vector<Blob<Dtype>*>& top) {
  BasePrefetchingDataLayer<Dtype>::Forward_gpu(bottom, top);
  given_ += top[0]->num();
}

template <typename Dtype>
void MultilabelDataLayer<Dtype>::GoOnBehind(uint64_t records) {
  this->StopInternalThread();
  Batch<Dtype>* ahead;
  while (this->prefetch_full_.try_pop(&ahead)) {
    if (ahead) this->prefetch_free_.push(ahead);  // none: the thread failed
  }
  position_ = first_;
  StartEpoch();
  for (uint64_t i = 0; i < records; ++i) NextRecord();
  this->data_transformer_->GoOnBehind(records);
  given_ = records;
  this->StartInternalThread();
}

INSTANTIATE_CLASS(MultilabelDataLayer);
REGISTER_LAYER_CLASS(MultilabelData);

}  // namespace caffe
