#ifndef CAFFE_LAYERS_MULTILABEL_DATA_LAYER_HPP_
#define CAFFE_LAYERS_MULTILABEL_DATA_LAYER_HPP_

#include <string>
#include <vector>

#include "caffe/blob.hpp"
#include "caffe/data_transformer.hpp"
#include "caffe/layer.hpp"
#include "caffe/layers/base_data_layer.hpp"
#include "caffe/proto/caffe.pb.h"
#include "caffe/util/image_transformer.hpp"
#include "caffe/util/images_on_gpu.hpp"
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
 * Images are decoded by several threads: by all on a GPU, where the CPU has
 * little else to do, otherwise by a 16th. On a GPU, a training's decoded images
 * are kept there if they have one shape and fit (multilabel_data_param {
 * gpu_memory }). Neither changes a bit of what comes out.
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
#ifndef CPU_ONLY
  virtual void PushBatch(Batch<Dtype>* batch, cudaStream_t stream);
#endif
  virtual shared_ptr<LabelledImages> OpenRecords() const;

 private:
  // What is to become an image of a batch.
  struct Item {
    int record;
    ImageDraws draws;
    LabelledImage stored;
  };

  string Name() const;  // for messages
  string Where(int record) const;
  void ReadMeanShape();
  // Moves to the next record of this solver and returns its number.
  int NextRecord();
  void StartEpoch();
  void CheckImage(const vector<int>& shape, int record) const;
  void CheckMeanValues() const;
  void CopyLabels(const vector<float>& from, int record, Dtype* labels) const;
  // Items and their labels: all that has an order.
  void ReadItems(Dtype* labels);
  void DecodeItem(Item* item) const;
  int Threads() const;  // that decode
#ifndef CPU_ONLY
  void KeepOnGpu();  // the images, if they fit
  // Decodes what is not there; gives up where an image has another shape.
  void DecodeForGpu();
#endif

  shared_ptr<LabelledImages> records_;
  shared_ptr<ImageTransformer<Dtype>> transformer_;
  vector<Item> items_;  // of the batch that is being loaded
#ifndef CPU_ONLY
  shared_ptr<ImagesOnGpu<Dtype>> on_gpu_;
#endif
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
