#include <unistd.h>

#include <opencv2/core/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "boost/scoped_ptr.hpp"
#include "gtest/gtest.h"

#include "caffe/blob.hpp"
#include "caffe/common.hpp"
#include "caffe/layers/multilabel_data_layer.hpp"
#include "caffe/proto/caffe.pb.h"
#include "caffe/util/db.hpp"
#include "caffe/util/io.hpp"

#include "caffe/test/test_caffe_main.hpp"

namespace caffe {

const int kRecords = 5;
const int kLabels = 4;
const int kHeight = 6;
const int kWidth = 7;

template <typename TypeParam>
class MultilabelDataLayerTest : public MultiDeviceTest<TypeParam> {
  typedef typename TypeParam::Dtype Dtype;

 protected:
  MultilabelDataLayerTest() {
    Caffe::set_random_seed(1701);
    MakeTempDir(&folder_);
    tops_.push_back(&data_);
    tops_.push_back(&label_);
    param_.set_name("data");
    param_.set_phase(TRAIN);
    param_.mutable_data_param()->set_source(folder_ + "/lmdb");
    param_.mutable_data_param()->set_batch_size(2);
  }

  // Value of record r, channel c, row h, column w: all different within r.
  static int Pixel(int r, int c, int h, int w) {
    return 10 * r + 60 * c + 7 * h + w;
  }
  static int Label(int r, int i) { return (r + i) % 3 - 1; }

  static Datum Record(int r, bool encoded = true, int height = kHeight,
                      int width = kWidth) {
    Datum datum;
    cv::Mat image(height, width, CV_8UC3);
    for (int h = 0; h < height; ++h) {
      for (int w = 0; w < width; ++w) {
        image.at<cv::Vec3b>(h, w) =
            cv::Vec3b(Pixel(r, 0, h, w), Pixel(r, 1, h, w), Pixel(r, 2, h, w));
      }
    }
    if (encoded) {
      std::vector<uchar> png;
      cv::imencode(".png", image, png);
      datum.set_data(string(png.begin(), png.end()));
      datum.set_encoded(true);
    } else {
      CVMatToDatum(image, &datum);
    }
    for (int i = 0; i < kLabels; ++i) datum.add_float_data(Label(r, i));
    return datum;
  }

  static vector<Datum> Records(bool encoded = true) {
    vector<Datum> records;
    for (int r = 0; r < kRecords; ++r) records.push_back(Record(r, encoded));
    return records;
  }

  void Write(const vector<Datum>& records) {
    boost::scoped_ptr<db::DB> db(db::GetDB("lmdb"));
    db->Open(param_.data_param().source(), db::NEW);
    boost::scoped_ptr<db::Transaction> transaction(db->NewTransaction());
    for (int r = 0; r < records.size(); ++r) {
      transaction->Put("key" + format_int(r), records[r].SerializeAsString());
    }
    transaction->Commit();
  }

  void WriteMean(int height) {
    BlobProto mean;
    const int shape[] = {1, 3, height, kWidth};
    Blob<Dtype> blob(vector<int>(shape, shape + 4));
    for (int i = 0; i < blob.count(); ++i) {
      blob.mutable_cpu_data()[i] = 0.25 * i;
    }
    blob.ToProto(&mean);
    const string path = folder_ + "/mean.binaryproto";
    WriteProtoToBinaryFile(mean, path);
    param_.mutable_transform_param()->set_mean_file(path);
  }

  // The record that item n of the batch shows, by its first pixel and labels.
  int RecordAt(int n) {
    const int r = (data_.data_at(n, 0, 0, 0) - Pixel(0, 0, 0, 0)) / 10;
    for (int i = 0; i < kLabels; ++i) {
      EXPECT_EQ(Label(r, i), label_.cpu_data()[n * kLabels + i]);
    }
    return r;
  }

  // The records of the first batches, as a string of their numbers.
  string Order(int batches) {
    MultilabelDataLayer<Dtype> layer(param_);
    layer.SetUp(vector<Blob<Dtype>*>(), tops_);
    string order;
    for (int batch = 0; batch < batches; ++batch) {
      layer.Forward(vector<Blob<Dtype>*>(), tops_);
      for (int n = 0; n < data_.num(); ++n) {
        order += format_int(RecordAt(n));
      }
    }
    return order;
  }

  // What Caffe's own transformer, and its draws, make of records in turn.
  void CheckAsDataTransformer(const vector<Datum>& records) {
    const vector<Blob<Dtype>*> bottom;
    string folder;
    MakeTempDir(&folder);
    param_.mutable_data_param()->set_source(folder + "/lmdb");
    Write(records);
    param_.mutable_multilabel_data_param()->set_seed(5);
    Caffe::set_random_seed(7);
    MultilabelDataLayer<Dtype> layer(param_);
    layer.SetUp(bottom, tops_);
    Caffe::set_random_seed(7);
    DataTransformer<Dtype> transformer(param_.transform_param(), TRAIN);
    transformer.InitRand();  // as a prefetching layer does, twice
    transformer.InitRand();
    Blob<Dtype> expected(1, data_.channels(), data_.height(), data_.width());
    for (int i = 0; i < 20; ++i) {
      if (i % 2 == 0) layer.Forward(bottom, tops_);
      transformer.Transform(records[i % records.size()], &expected);
      const Dtype* data = data_.cpu_data() + i % 2 * expected.count();
      ASSERT_EQ(vector<Dtype>(expected.cpu_data(),
                              expected.cpu_data() + expected.count()),
                vector<Dtype>(data, data + expected.count()));
    }
  }

  void CheckPixels(bool encoded) {
    Write(Records(encoded));
    MultilabelDataLayer<Dtype> layer(param_);
    layer.SetUp(vector<Blob<Dtype>*>(), tops_);
    EXPECT_EQ("2 3 6 7 (252)", data_.shape_string());
    EXPECT_EQ("2 4 (8)", label_.shape_string());
    for (int r = 0; r < 4; r += 2) {
      layer.Forward(vector<Blob<Dtype>*>(), tops_);
      for (int n = 0; n < 2; ++n) {
        EXPECT_EQ(r + n, RecordAt(n));
        for (int c = 0; c < 3; ++c) {
          for (int h = 0; h < kHeight; ++h) {
            for (int w = 0; w < kWidth; ++w) {
              EXPECT_EQ(Pixel(r + n, c, h, w), data_.data_at(n, c, h, w));
            }
          }
        }
      }
    }
  }

  string folder_;
  Blob<Dtype> data_, label_;
  vector<Blob<Dtype>*> tops_;
  LayerParameter param_;
};

TYPED_TEST_CASE(MultilabelDataLayerTest, TestDtypesAndDevices);

TYPED_TEST(MultilabelDataLayerTest, TestEncoded) {
  this->CheckPixels(true);
}

TYPED_TEST(MultilabelDataLayerTest, TestPlain) {
  this->CheckPixels(false);
}

TYPED_TEST(MultilabelDataLayerTest, TestBatchGoesOnWithTheNextEpoch) {
  this->Write(this->Records());
  EXPECT_EQ("0123401234", this->Order(5));
}

TYPED_TEST(MultilabelDataLayerTest, TestBatchLargerThanTheData) {
  this->Write(this->Records());
  this->param_.mutable_data_param()->set_batch_size(12);
  EXPECT_EQ("012340123401", this->Order(1));
}

TYPED_TEST(MultilabelDataLayerTest, TestDataWithoutLabels) {
  typedef typename TypeParam::Dtype Dtype;
  this->Write(this->Records());
  this->tops_.resize(1);
  MultilabelDataLayer<Dtype> layer(this->param_);
  layer.SetUp(vector<Blob<Dtype>*>(), this->tops_);
  layer.Forward(vector<Blob<Dtype>*>(), this->tops_);
  EXPECT_EQ(this->Pixel(1, 2, 3, 4), this->data_.data_at(1, 2, 3, 4));
}

TYPED_TEST(MultilabelDataLayerTest, TestShuffle) {
  this->Write(this->Records());
  this->param_.mutable_multilabel_data_param()->set_shuffle(true);
  this->param_.mutable_multilabel_data_param()->set_seed(3);
  const string order = this->Order(25);  // 10 epochs
  EXPECT_EQ(order, this->Order(25));
  std::set<string> epochs;
  for (int epoch = 0; epoch < 10; ++epoch) {
    string records = order.substr(epoch * kRecords, kRecords);
    epochs.insert(records);
    std::sort(records.begin(), records.end());
    EXPECT_EQ("01234", records);  // each once
  }
  EXPECT_GT(epochs.size(), 5);  // of 120 orders, ten draws
  this->param_.mutable_multilabel_data_param()->set_seed(4);
  EXPECT_NE(order, this->Order(25));
}

TYPED_TEST(MultilabelDataLayerTest, TestSolverSeedDecidesTheOrder) {
  this->Write(this->Records());
  this->param_.mutable_multilabel_data_param()->set_shuffle(true);
  std::set<string> orders;
  for (int seed = 0; seed < 8; ++seed) {
    Caffe::set_random_seed(seed);
    const string order = this->Order(5);
    Caffe::set_random_seed(seed);
    EXPECT_EQ(order, this->Order(5));
    orders.insert(order);
  }
  EXPECT_GT(orders.size(), 4);
}

TYPED_TEST(MultilabelDataLayerTest, TestRandSkip) {
  this->Write(this->Records());
  this->param_.mutable_data_param()->set_rand_skip(kRecords);
  std::set<string> orders;
  for (int i = 0; i < 40; ++i) {
    const string order = this->Order(3);
    EXPECT_EQ(order, string("01234012340").substr(order[0] - '0', 6));
    orders.insert(order);
  }
  EXPECT_EQ(kRecords, orders.size());
  this->param_.set_phase(TEST);
  EXPECT_EQ("012340", this->Order(3));
}

TYPED_TEST(MultilabelDataLayerTest, TestSolversShareTheRecords) {
  this->Write(this->Records());
  MultilabelDataParameter* param = this->param_.mutable_multilabel_data_param();
  param->set_seed(5);
  Caffe::set_solver_count(2);
  EXPECT_EQ("024130", this->Order(3));
  Caffe::set_solver_rank(1);
  EXPECT_EQ("130241", this->Order(3));
  // Shuffled, the two together still read every record once an epoch.
  param->set_shuffle(true);
  const string odd = this->Order(5);
  Caffe::set_solver_rank(0);
  const string even = this->Order(5);
  string both;
  for (int i = 0; i < kRecords; ++i) both += string(1, even[i]) + odd[i];
  for (int epoch = 0; epoch < 2; ++epoch) {
    string records = both.substr(epoch * kRecords, kRecords);
    std::sort(records.begin(), records.end());
    EXPECT_EQ("01234", records);
  }
  param->set_shuffle(false);
  this->param_.set_phase(TEST);
  EXPECT_EQ("012340", this->Order(3));
  Caffe::set_solver_count(1);
}

TYPED_TEST(MultilabelDataLayerTest, TestCentreCropMeanAndScale) {
  typedef typename TypeParam::Dtype Dtype;
  this->Write(this->Records());
  this->WriteMean(kHeight);
  this->param_.set_phase(TEST);
  this->param_.mutable_transform_param()->set_crop_size(4);
  this->param_.mutable_transform_param()->set_scale(0.5);
  MultilabelDataLayer<Dtype> layer(this->param_);
  layer.SetUp(vector<Blob<Dtype>*>(), this->tops_);
  layer.Forward(vector<Blob<Dtype>*>(), this->tops_);
  EXPECT_EQ("2 3 4 4 (96)", this->data_.shape_string());
  // The crop starts at ((6 - 4) / 2, (7 - 4) / 2) = (1, 1).
  for (int c = 0; c < 3; ++c) {
    for (int h = 0; h < 4; ++h) {
      for (int w = 0; w < 4; ++w) {
        const Dtype mean = 0.25 * ((c * kHeight + h + 1) * kWidth + w + 1);
        EXPECT_EQ((this->Pixel(1, c, h + 1, w + 1) - mean) / 2,
                  this->data_.data_at(1, c, h, w));
      }
    }
  }
}

TYPED_TEST(MultilabelDataLayerTest, TestAsDataTransformer) {
  TransformationParameter* transform = this->param_.mutable_transform_param();
  transform->set_scale(0.3);
  this->CheckAsDataTransformer(this->Records());
  transform->set_mirror(true);
  this->CheckAsDataTransformer(this->Records(false));
  transform->set_crop_size(4);
  this->CheckAsDataTransformer(this->Records());
  transform->add_mean_value(100.1);
  this->CheckAsDataTransformer(this->Records(false));
  transform->add_mean_value(20.2);
  transform->add_mean_value(3.3);
  this->CheckAsDataTransformer(this->Records());
  // A GPU decodes the images anew for each batch.
  this->param_.mutable_multilabel_data_param()->set_gpu_memory(0);
  this->CheckAsDataTransformer(this->Records());
}

TYPED_TEST(MultilabelDataLayerTest, TestMeanFileAsDataTransformer) {
  this->WriteMean(kHeight);
  this->param_.mutable_transform_param()->set_mirror(true);
  this->CheckAsDataTransformer(this->Records());
  this->param_.mutable_transform_param()->set_crop_size(5);
  this->CheckAsDataTransformer(this->Records());
}

TYPED_TEST(MultilabelDataLayerTest, TestSeveralSizesAsDataTransformer) {
  this->param_.mutable_transform_param()->set_mirror(true);
  this->param_.mutable_transform_param()->set_crop_size(5);
  vector<Datum> records = this->Records();
  records[3] = this->Record(3, true, 9, 8);
  this->CheckAsDataTransformer(records);
}

TYPED_TEST(MultilabelDataLayerTest, TestMeanValuesOfOtherChannelsDeathTest) {
  typedef typename TypeParam::Dtype Dtype;
  this->Write(this->Records());
  this->param_.mutable_transform_param()->add_mean_value(1);
  this->param_.mutable_transform_param()->add_mean_value(2);
  MultilabelDataLayer<Dtype> layer(this->param_);
  EXPECT_DEATH(layer.SetUp(vector<Blob<Dtype>*>(), this->tops_),
               "MultilabelData layer 'data': transform_param has 2 mean_values "
               "for images of 3 channels; give one, or one a channel");
}

// In training every crop position and both orientations occur, and no other.
TYPED_TEST(MultilabelDataLayerTest, TestRandomCropAndMirror) {
  typedef typename TypeParam::Dtype Dtype;
  this->Write(vector<Datum>(1, this->Record(0)));
  this->param_.mutable_transform_param()->set_crop_size(5);
  this->param_.mutable_transform_param()->set_mirror(true);
  MultilabelDataLayer<Dtype> layer(this->param_);
  layer.SetUp(vector<Blob<Dtype>*>(), this->tops_);
  std::set<int> seen;
  for (int i = 0; i < 100; ++i) {
    layer.Forward(vector<Blob<Dtype>*>(), this->tops_);
    const bool mirrored =
        this->data_.data_at(0, 0, 0, 0) > this->data_.data_at(0, 0, 0, 1);
    const int corner = this->data_.data_at(0, 0, 0, mirrored ? 4 : 0);
    seen.insert(2 * corner + mirrored);
    for (int h = 0; h < 5; ++h) {
      for (int w = 0; w < 5; ++w) {
        EXPECT_EQ(corner + 7 * h + (mirrored ? 4 - w : w),
                  this->data_.data_at(0, 0, h, w));
      }
    }
  }
  EXPECT_EQ(2 * 2 * 3, seen.size());  // rows 0-1, columns 0-2, two ways
}

// Going on behind some records, wherever the layer was, gives what would have
// come: across epochs, with the same crops and mirror images, and for each
// solver its own.
TYPED_TEST(MultilabelDataLayerTest, TestGoOnBehind) {
  typedef typename TypeParam::Dtype Dtype;
  this->Write(this->Records());
  this->param_.mutable_multilabel_data_param()->set_seed(5);
  this->param_.mutable_multilabel_data_param()->set_shuffle(true);
  this->param_.mutable_data_param()->set_rand_skip(3);
  this->param_.mutable_transform_param()->set_crop_size(4);
  this->param_.mutable_transform_param()->set_mirror(true);
  const vector<Blob<Dtype>*> bottom;
  for (int solvers = 1; solvers <= 2; ++solvers) {
    Caffe::set_solver_count(solvers);
    Caffe::set_solver_rank(solvers - 1);
    MultilabelDataLayer<Dtype> layer(this->param_);
    layer.SetUp(bottom, this->tops_);
    vector<vector<Dtype>> batches;
    for (int i = 0; i < 12; ++i) {
      EXPECT_EQ(2 * i, layer.records());
      layer.Forward(bottom, this->tops_);
      const Dtype* data = this->data_.cpu_data();
      batches.push_back(vector<Dtype>(data, data + this->data_.count()));
    }
    for (int behind : {7, 2, 0}) {
      layer.GoOnBehind(2 * behind);
      for (int i = behind; i < 12; ++i) {
        EXPECT_EQ(2 * i, layer.records());
        layer.Forward(bottom, this->tops_);
        const Dtype* data = this->data_.cpu_data();
        EXPECT_EQ(batches[i], vector<Dtype>(data, data + this->data_.count()));
      }
    }
    EXPECT_NE(batches[0], batches[5]);
  }
  Caffe::set_solver_count(1);
  Caffe::set_solver_rank(0);
}

TYPED_TEST(MultilabelDataLayerTest, TestMissingLmdbDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(this->Order(1),
               "Cannot read LMDB .*/lmdb .No such file or "
               "directory.; make it with");
}

TYPED_TEST(MultilabelDataLayerTest, TestEmptyLmdbDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  this->Write(vector<Datum>());
  EXPECT_DEATH(this->Order(1), "LMDB .*/lmdb holds no record; make it again");
}

TYPED_TEST(MultilabelDataLayerTest, TestCutOffLmdbDeathTest) {
  this->Write(this->Records());
  const string file = this->param_.data_param().source() + "/data.mdb";
  ASSERT_EQ(0, truncate(file.c_str(), 2 * 4096));
  EXPECT_DEATH(this->Order(1), "lmdb is cut off: .*data.mdb has 8192 of 12288");
}

TYPED_TEST(MultilabelDataLayerTest, TestBadRecordDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const char* sentences[] = {
      "record 'key0' of LMDB .*/lmdb[01] has no labels",
      "record 'key4' of LMDB .*/lmdb[01] has 5 labels, the first record 4",
      "record 'key4' of LMDB .*: label 9 of AU column 3 is none of 1",
      "record 'key4' of LMDB .* holds a damaged image; replace",
      "record 'key4' of LMDB .* is an image of 3 x 3 x 3 .C x H x W., smaller "
      "than",
      "record 'key4' of LMDB .* holds a damaged image; replace",
  };
  this->param_.mutable_transform_param()->set_crop_size(4);
  for (int fault = 0; fault < 6; ++fault) {
    vector<Datum> records = this->Records();
    Datum* last = &records.back();
    if (fault == 0) records[0].clear_float_data();
    if (fault == 1) last->add_float_data(1);
    if (fault == 2) last->set_float_data(3, 9);
    if (fault == 3) last->mutable_data()->assign(40, 'x');
    if (fault == 4) {
      CVMatToDatum(cv::Mat(3, 3, CV_8UC3), last);
      for (int i = 0; i < kLabels; ++i) last->add_float_data(0);
    }
    if (fault == 5) last->clear_data();
    this->param_.mutable_data_param()->set_source(this->folder_ + "/lmdb" +
                                                  format_int(fault));
    this->Write(records);
    EXPECT_DEATH(this->Order(9), sentences[fault]);
  }
}

TYPED_TEST(MultilabelDataLayerTest, TestRecordOfAnotherSizeDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  vector<Datum> records = this->Records();
  CVMatToDatum(cv::Mat(kHeight, 9, CV_8UC3), &records.back());
  for (int i = 0; i < kLabels; ++i) records.back().add_float_data(0);
  this->Write(records);
  EXPECT_DEATH(this->Order(9),
               "record 'key4' .* is an image of 3 x 6 x 9 .C x "
               "H x W., the first record of 3 x 6 x 7 .C x H x W.; make");
}

TYPED_TEST(MultilabelDataLayerTest, TestSolversWithoutSeedDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  this->Write(this->Records());
  Caffe::set_solver_count(2);
  EXPECT_DEATH(this->Order(1), "several solvers must agree on the order");
  Caffe::set_solver_count(1);
}

TYPED_TEST(MultilabelDataLayerTest, TestMeanThatIsNoneDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  this->Write(this->Records());
  this->WriteMean(kHeight);
  WriteProtoToBinaryFile(BlobProto(),
                         this->param_.transform_param().mean_file());
  EXPECT_DEATH(this->Order(1), "mean.binaryproto holds no mean image; give");
}

TYPED_TEST(MultilabelDataLayerTest, TestMeanOfAnotherSizeDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  this->Write(this->Records());
  this->WriteMean(kHeight + 1);
  EXPECT_DEATH(this->Order(1),
               "is an image of 3 x 6 x 7 .C x H x W., the mean "
               "file .*mean.binaryproto of 3 x 7 x 7 .C x H x W.; give");
}

}  // namespace caffe
