#include <opencv2/core/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "caffe/blob.hpp"
#include "caffe/common.hpp"
#include "caffe/layer_factory.hpp"
#include "caffe/layers/multilabel_image_data_layer.hpp"
#include "caffe/proto/caffe.pb.h"
#include "caffe/util/format.hpp"
#include "caffe/util/io.hpp"

#include "caffe/test/test_caffe_main.hpp"

namespace caffe {

const int kImages = 5;
const int kLabels = 4;

// What MultilabelDataLayerTest tests, order, crops and mean, is the same code.
template <typename TypeParam>
class MultilabelImageDataLayerTest : public MultiDeviceTest<TypeParam> {
  typedef typename TypeParam::Dtype Dtype;

 protected:
  // Images of 6 x 7 in a folder, and the list "train.txt" beside them.
  MultilabelImageDataLayerTest() {
    Caffe::set_random_seed(1701);
    MakeTempDir(&folder_);
    tops_.push_back(&data_);
    tops_.push_back(&label_);
    param_.set_name("data");
    param_.set_type("MultilabelImageData");
    param_.set_phase(TRAIN);
    ImageDataParameter* image = param_.mutable_image_data_param();
    image->set_source(folder_ + "/train.txt");
    image->set_root_folder(folder_ + "/");
    image->set_batch_size(3);
    image->set_multilabel_num(kLabels);
    string list;
    for (int r = 0; r < kImages; ++r) {
      cv::imwrite(folder_ + "/" + Path(r), Image(r));
      list += Line(r);
    }
    WriteList(list);
  }

  // One name with blanks, as paths may have them.
  static string Path(int r) {
    return r == 1 ? "face  of 1.png" : "face" + format_int(r) + ".png";
  }
  static int Pixel(int r, int c, int h, int w) {
    return 10 * r + 60 * c + 7 * h + w;
  }
  static int Label(int r, int i) { return (r + i) % 3 - 1; }

  static cv::Mat Image(int r) {
    cv::Mat image(6, 7, CV_8UC3);
    for (int h = 0; h < 6; ++h) {
      for (int w = 0; w < 7; ++w) {
        image.at<cv::Vec3b>(h, w) =
            cv::Vec3b(Pixel(r, 0, h, w), Pixel(r, 1, h, w), Pixel(r, 2, h, w));
      }
    }
    return image;
  }

  static string Line(int r) {
    string line = Path(r);
    for (int i = 0; i < kLabels; ++i) line += " " + format_int(Label(r, i));
    return line + "\n";
  }

  void Write(const string& name, const string& content) {
    std::ofstream((folder_ + "/" + name).c_str()) << content;
  }
  void WriteList(const string& content) { Write("train.txt", content); }

  void SetUpAndForward(int batches) {
    layer_ = LayerRegistry<Dtype>::CreateLayer(param_);
    layer_->SetUp(vector<Blob<Dtype>*>(), tops_);
    order_.clear();
    for (int batch = 0; batch < batches; ++batch) {
      layer_->Forward(vector<Blob<Dtype>*>(), tops_);
      for (int n = 0; n < data_.num(); ++n) order_ += ImageAt(n);
    }
  }

  // The image that item n shows, as a digit, by its first pixel.
  string ImageAt(int n) const {
    return format_int(static_cast<int>(data_.data_at(n, 0, 0, 0)) / 10);
  }

  // The images of the first batches, as a string of their numbers.
  string Order(int batches) {
    SetUpAndForward(batches);
    return order_;
  }

  void ExpectDeath(const string& list, const string& sentence) {
    WriteList(list);
    EXPECT_DEATH(SetUpAndForward(2), sentence);
  }

  string folder_, order_;
  shared_ptr<Layer<Dtype> > layer_;  // the tops show its memory
  Blob<Dtype> data_, label_;
  vector<Blob<Dtype>*> tops_;
  LayerParameter param_;
};

TYPED_TEST_CASE(MultilabelImageDataLayerTest, TestDtypesAndDevices);

TYPED_TEST(MultilabelImageDataLayerTest, TestPixelsAndLabels) {
  this->SetUpAndForward(1);
  EXPECT_EQ("3 3 6 7 (378)", this->data_.shape_string());
  EXPECT_EQ("3 4 (12)", this->label_.shape_string());
  for (int n = 0; n < 3; ++n) {
    for (int i = 0; i < kLabels; ++i) {
      EXPECT_EQ(this->Label(n, i), this->label_.cpu_data()[n * kLabels + i]);
    }
    for (int c = 0; c < 3; ++c) {
      for (int h = 0; h < 6; ++h) {
        for (int w = 0; w < 7; ++w) {
          EXPECT_EQ(this->Pixel(n, c, h, w), this->data_.data_at(n, c, h, w));
        }
      }
    }
  }
}

// Several blanks, tabs, an empty line, Windows line ends, none at the end.
TYPED_TEST(MultilabelImageDataLayerTest, TestFormsOfALine) {
  this->WriteList(
      "  face2.png\t+1  -1.0\t0 1 \r\n\r\n\nface  of 1.png 0 0 0 -1");
  EXPECT_EQ("212", this->Order(1));
  const int labels[] = {1, -1, 0, 1, 0, 0, 0, -1, 1, -1, 0, 1};
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(labels[i], this->label_.cpu_data()[i]);
  }
}

TYPED_TEST(MultilabelImageDataLayerTest, TestOrder) {
  EXPECT_EQ("012340123401", this->Order(4));
}

TYPED_TEST(MultilabelImageDataLayerTest, TestSolverSeedDecidesTheOrder) {
  this->param_.mutable_image_data_param()->set_shuffle(true);
  std::set<string> orders;
  for (int seed = 0; seed < 8; ++seed) {
    Caffe::set_random_seed(seed);
    const string order = this->Order(5);
    Caffe::set_random_seed(seed);
    EXPECT_EQ(order, this->Order(5));
    orders.insert(order);
    string epoch = order.substr(kImages, kImages);
    std::sort(epoch.begin(), epoch.end());
    EXPECT_EQ("01234", epoch);  // each once
  }
  EXPECT_GT(orders.size(), 4);
}

TYPED_TEST(MultilabelImageDataLayerTest, TestEitherShuffleShuffles) {
  this->param_.mutable_multilabel_data_param()->set_seed(5);
  this->param_.mutable_image_data_param()->set_shuffle(true);
  const string order = this->Order(5);
  EXPECT_NE("012340123401234", order);
  this->param_.mutable_image_data_param()->clear_shuffle();
  this->param_.mutable_multilabel_data_param()->set_shuffle(true);
  EXPECT_EQ(order, this->Order(5));
}

TYPED_TEST(MultilabelImageDataLayerTest, TestRandSkip) {
  this->param_.mutable_image_data_param()->set_rand_skip(kImages);
  std::set<string> orders;
  for (int i = 0; i < 40; ++i) {
    const string order = this->Order(2);
    EXPECT_EQ(order, string("01234012340").substr(order[0] - '0', 6));
    orders.insert(order);
  }
  EXPECT_EQ(kImages, orders.size());
}

TYPED_TEST(MultilabelImageDataLayerTest, TestSolversShareTheImages) {
  this->param_.mutable_multilabel_data_param()->set_seed(5);
  Caffe::set_solver_count(2);
  EXPECT_EQ("024130", this->Order(2));
  Caffe::set_solver_rank(1);
  EXPECT_EQ("130241", this->Order(2));
  Caffe::set_solver_rank(0);
  Caffe::set_solver_count(1);
}

TYPED_TEST(MultilabelImageDataLayerTest, TestNewSize) {
  this->param_.mutable_image_data_param()->set_new_height(3);
  this->param_.mutable_image_data_param()->set_new_width(7);
  this->SetUpAndForward(1);
  EXPECT_EQ("3 3 3 7 (189)", this->data_.shape_string());
  // Bilinear at half the height: the mean of rows 2 h and 2 h + 1, rounded.
  for (int h = 0; h < 3; ++h) {
    EXPECT_NEAR(this->Pixel(2, 1, 2 * h, 4) + 3.5,
                this->data_.data_at(2, 1, h, 4), 0.5);
  }
}

TYPED_TEST(MultilabelImageDataLayerTest, TestGray) {
  this->param_.mutable_image_data_param()->set_is_color(false);
  this->SetUpAndForward(1);
  EXPECT_EQ("3 1 6 7 (126)", this->data_.shape_string());
  // 0.114 B + 0.587 G + 0.299 R with G = B + 60 and R = B + 120.
  EXPECT_NEAR(this->Pixel(2, 0, 3, 4) + 0.587 * 60 + 0.299 * 120,
              this->data_.data_at(2, 0, 3, 4), 1);
}

TYPED_TEST(MultilabelImageDataLayerTest, TestCentreCropMeanAndScale) {
  BlobProto mean;
  mean.set_num(1);
  mean.set_channels(3);
  mean.set_height(6);
  mean.set_width(7);
  for (int i = 0; i < 3 * 6 * 7; ++i) mean.add_data(0.25 * i);
  WriteProtoToBinaryFile(mean, this->folder_ + "/mean.binaryproto");
  this->param_.set_phase(TEST);
  TransformationParameter* transform = this->param_.mutable_transform_param();
  transform->set_mean_file(this->folder_ + "/mean.binaryproto");
  transform->set_crop_size(4);
  transform->set_scale(0.5);
  this->SetUpAndForward(1);
  EXPECT_EQ("3 3 4 4 (144)", this->data_.shape_string());
  // The crop starts at ((6 - 4) / 2, (7 - 4) / 2) = (1, 1).
  const double value = 0.25 * ((2 * 6 + 3 + 1) * 7 + 2 + 1);
  EXPECT_EQ((this->Pixel(1, 2, 4, 3) - value) / 2,
            this->data_.data_at(1, 2, 3, 2));
}

TYPED_TEST(MultilabelImageDataLayerTest, TestMirror) {
  this->param_.mutable_transform_param()->set_mirror(true);
  std::set<int> seen;
  for (int i = 0; i < 20; ++i) {
    this->SetUpAndForward(1);
    seen.insert(this->data_.data_at(1, 0, 2, 0));
  }
  EXPECT_EQ(2, seen.size());
  EXPECT_EQ(1, seen.count(this->Pixel(1, 0, 2, 0)));
  EXPECT_EQ(1, seen.count(this->Pixel(1, 0, 2, 6)));
}

// A GPU has them all once they were all given out; ten batches are more than a
// prefetch thread has ready.
TYPED_TEST(MultilabelImageDataLayerTest, TestImagesStayOnTheGPU) {
  if (Caffe::mode() != Caffe::GPU) return;
  this->SetUpAndForward(2);
  for (int r = 0; r < kImages; ++r) {
    ASSERT_EQ(0, std::remove((this->folder_ + "/" + this->Path(r)).c_str()));
  }
  string order;
  for (int batch = 0; batch < 10; ++batch) {
    this->layer_->Forward(vector<Blob<typename TypeParam::Dtype>*>(),
                          this->tops_);
    for (int n = 0; n < 3; ++n) order += this->ImageAt(n);
  }
  EXPECT_EQ("123401234012340123401234012340", order);
}

TYPED_TEST(MultilabelImageDataLayerTest, TestBadListDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const string good = this->Line(0);
  this->ExpectDeath(good + "face2.png 1 -1 0\n",
                    "line 2 of .*/train.txt: 'face2.png' is no label .* a line "
                    "is a path and 4 of them .image_data_param");
  this->ExpectDeath("\n" + good + "1 -1 0 1\n",
                    "line 3 of .*/train.txt is too short; a line is a path");
  this->ExpectDeath(good + "-1\n", "line 2 of .*/train.txt is too short");
  this->ExpectDeath(good + "face2.png 1 x1 0 1\n",
                    "line 2 of .*/train.txt: 'x1' is no label");
  this->ExpectDeath(good + "face2.png 1 1 9 1\n",
                    "line 2 of .*/train.txt: '9' is no label .1 present");
  this->ExpectDeath(good + "face2.png 1 1 nan 1\n", "'nan' is no label");
  this->ExpectDeath("\n \n", "Image list .*/train.txt holds no line; write a");
}

TYPED_TEST(MultilabelImageDataLayerTest, TestBadImageDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const string good = this->Line(0);
  const string labels = " 1 -1 0 1\n";
  this->ExpectDeath(good + "no face.png" + labels,
                    "line 2 of .*/train.txt: '.*/no face.png' is missing or "
                    "damaged; correct the list");
  this->Write("damaged.png", "no image");
  this->ExpectDeath(good + "damaged.png" + labels,
                    "line 2 of .*damaged.png' is missing or damaged");
  std::vector<uchar> jpeg;  // OpenCV itself would read one that is cut off
  cv::imencode(".jpg", this->Image(1), jpeg);
  this->Write("cut.jpg", string(jpeg.begin(), jpeg.end() - 60));
  this->ExpectDeath(good + "cut.jpg" + labels,
                    "line 2 of .*cut.jpg' is missing or damaged");
  this->Write("empty.png", "");
  this->ExpectDeath(good + "empty.png" + labels,
                    "line 2 of .*empty.png' is missing or damaged");
  this->ExpectDeath(good + "." + labels, "line 2 of .*' is missing or damaged");
  cv::imwrite(this->folder_ + "/small.png", cv::Mat(3, 3, CV_8UC3));
  this->ExpectDeath(good + "small.png" + labels,
                    "MultilabelImageData layer 'data': line 2 of .*/train.txt "
                    ".small.png. is an image of 3 x 3 x 3 .C x H x W., the "
                    "first record of 3 x 6 x 7 .C x H x W.; make");
}

TYPED_TEST(MultilabelImageDataLayerTest, TestBadOptionDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  ImageDataParameter* image = this->param_.mutable_image_data_param();
  image->set_new_width(7);
  EXPECT_DEATH(this->Order(1), "has new_height 0 and new_width 7; give both");
  image->set_multilabel_num(0);
  EXPECT_DEATH(this->Order(1), "multilabel_num . must be at least 1");
  image->set_batch_size(0);
  EXPECT_DEATH(this->Order(1),
               "MultilabelImageData layer 'data': batch_size is missing");
}

TYPED_TEST(MultilabelImageDataLayerTest, TestMissingListDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  ImageDataParameter* image = this->param_.mutable_image_data_param();
  image->set_source(this->folder_ + "/nowhere.txt");
  EXPECT_DEATH(this->Order(1),
               "Cannot read image list .*/nowhere.txt .No such file or "
               "directory.; correct image_data_param . source .");
  image->set_source(this->folder_);
  EXPECT_DEATH(this->Order(1), "Cannot read image list .*Is a directory");
}

}  // namespace caffe
