#ifndef CAFFE_LAYERS_MULTILABEL_DATA_LAYER_HPP_
#define CAFFE_LAYERS_MULTILABEL_DATA_LAYER_HPP_

#include <string>
#include <vector>

#include "caffe/blob.hpp"
#include "caffe/data_transformer.hpp"
#include "caffe/layer.hpp"
#include "caffe/layers/base_data_layer.hpp"
#include "caffe/proto/caffe.pb.h"
#include "caffe/util/labelled_images.hpp"
#include "caffe/util/training_position.hpp"

namespace caffe {

/**
 * @brief Faces and their AU labels from an LMDB, prefetched on a thread.
 *
 * A record is a Datum with the image in `data` (encoded, or C x H x W bytes)
 * and one label an AU in `float_data`: +1 present, -1 absent, 0 unknown. All
 * records hold as many labels as the first.
 *
 * @param top
 *   -# (N, C, H, W) images, BGR, 0 to 255 before transform_param's crop,
 *      mirror, mean and scale; N is data_param.batch_size
 *   -# (N, labels), optional
 *
 * Records come in the order of their keys, or, with multilabel_data_param
 * { shuffle: true }, in a new random order each epoch. A batch that reaches
 * the epoch's end goes on with the next epoch's first records. Training starts
 * at a random record below data_param.rand_skip. Several solvers, which must
 * be given one multilabel_data_param { seed }, each read their own records. A
 * damaged record, one with a wrong number of labels or a label other than -1, 0
 * and 1 ends the program and is named by its key.
 *
 * A training that goes on from a snapshot goes on in the records' order, and
 * with the same crops and mirror images, if its solver has a random_seed.
 */
template <typename Dtype>
class MultilabelDataLayer : public BasePrefetchingDataLayer<Dtype>,
                            public ResumableData {
 public:
  explicit MultilabelDataLayer(const LayerParameter& param);
  virtual ~MultilabelDataLayer();
  virtual void LayerSetUp(const vector<Blob<Dtype>*>& bottom,
                          const vector<Blob<Dtype>*>& top);
  virtual void DataLayerSetUp(const vector<Blob<Dtype>*>& bottom,
                              const vector<Blob<Dtype>*>& top);

  virtual inline const char* type() const { return "MultilabelData"; }
  virtual inline int ExactNumBottomBlobs() const { return 0; }
  virtual inline int MinTopBlobs() const { return 1; }
  virtual inline int MaxTopBlobs() const { return 2; }

  uint64_t records() const override { return given_; }
  void GoOnBehind(uint64_t records) override;

 protected:
  virtual void Forward_cpu(const vector<Blob<Dtype>*>& bottom,
                           const vector<Blob<Dtype>*>& top);
  virtual void Forward_gpu(const vector<Blob<Dtype>*>& bottom,
                           const vector<Blob<Dtype>*>& top);
  virtual void load_batch(Batch<Dtype>* batch);
  virtual shared_ptr<LabelledImages> OpenRecords() const;

 private:
  string Name() const;  // for messages
  string Where(int record) const;
  void ReadMeanShape();
  // Moves to the next record of this solver and returns its number.
  int NextRecord();
  void StartEpoch();
  void CheckImage(const vector<int>& shape, int record) const;
  void CopyLabels(const vector<float>& from, int record, Dtype* labels) const;

  shared_ptr<LabelledImages> records_;
  int num_labels_;
  vector<int> first_shape_;  // (C, H, W) of the first record
  vector<int> mean_shape_;   // (C, H, W), empty without a mean file
  vector<int> order_;        // of the current epoch
  uint64_t first_;           // position_ at the start
  uint64_t position_;        // records passed since the first epoch's start
  uint64_t given_;           // records that Forward has given out
  unsigned int seed_;
};

}  // namespace caffe

#endif  // CAFFE_LAYERS_MULTILABEL_DATA_LAYER_HPP_
