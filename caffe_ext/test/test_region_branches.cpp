#include <google/protobuf/text_format.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "caffe/common.hpp"
#include "caffe/net.hpp"
#include "caffe/util/math_functions.hpp"

#include "caffe/test/test_caffe_main.hpp"

namespace caffe {

// One Region layer and the authors' graph of Box, Batch, ReLU, Convolution,
// Splice and Eltwise are the same function with the same gradients.
template <typename TypeParam>
class RegionBranchesTest : public MultiDeviceTest<TypeParam> {
  typedef typename TypeParam::Dtype Dtype;

 protected:
  // Patches of 4 x 5 pixels in a grid of 2 x 3: nothing square.
  RegionBranchesTest()
      : rows_(2), columns_(3), height_(4), width_(5), global_stats_("false") {}

  // 3 images of 4 channels, and gradients down to them.
  string InputText() const {
    std::ostringstream text;
    text << "force_backward: true layer { name: 'x' type: 'Input' top: 'x' "
         << "input_param { shape { dim: 3 dim: 4 dim: " << rows_ * height_
         << " dim: " << columns_ * width_ << " } } } ";
    return text.str();
  }

  string RegionText() const {
    std::ostringstream text;
    text << "layer { name: 'y' type: 'Region' bottom: 'x' top: 'y' "
         << "region_param { grid_h: " << rows_ << " grid_w: " << columns_
         << " weight_filler { type: 'msra' } bias_filler { type: 'gaussian' }"
         << " use_global_stats: " << global_stats_ << " } } ";
    return text.str();
  }

  string BranchesText() const {
    std::ostringstream boxes, layers, results, corners;
    for (int k = 0; k < rows_ * columns_; ++k) {
      boxes << "top: 'box" << k << "' ";
      layers << "layer { name: 'bn" << k << "' type: 'Batch' bottom: 'box" << k
             << "' top: 'bn" << k
             << "' batch_param { use_global_stats: " << global_stats_ << " } } "
             << "layer { name: 'relu" << k << "' type: 'ReLU' bottom: 'bn" << k
             << "' top: 'bn" << k << "' } "
             << "layer { name: 'conv" << k << "' type: 'Convolution' "
             << "bottom: 'bn" << k << "' top: 'conv" << k << "' "
             << "convolution_param { num_output: 4 kernel_size: 3 pad: 1 } } ";
      results << "bottom: 'conv" << k << "' ";
      corners << "xcoord: " << k % columns_ * width_
              << " ycoord: " << k / columns_ * height_ << " ";
    }
    std::ostringstream text;
    text << "layer { name: 'box' type: 'Box' bottom: 'x' " << boxes.str()
         << "box_param { width: " << width_ << " height: " << height_ << " "
         << corners.str() << "} } " << layers.str()
         << "layer { name: 'splice' type: 'Splice' " << results.str()
         << "top: 'splice' splice_param { " << corners.str() << "} } "
         << "layer { name: 'y' type: 'Eltwise' bottom: 'x' bottom: 'splice' "
         << "top: 'y' }";
    return text.str();
  }

  shared_ptr<Net<Dtype> > Load(const string& layers) const {
    NetParameter param;
    CHECK(google::protobuf::TextFormat::ParseFromString(InputText() + layers,
                                                        &param));
    return shared_ptr<Net<Dtype> >(new Net<Dtype>(param));
  }

  static Blob<Dtype>* Parameter(Net<Dtype>* net, const string& layer, int i) {
    return net->layer_by_name(layer)->blobs()[i].get();
  }

  // Part k of a blob that has a part a patch.
  static void CopyPart(const Blob<Dtype>& whole, int k, Blob<Dtype>* part) {
    caffe_copy(part->count(), whole.cpu_data() + k * part->count(),
               part->mutable_cpu_data());
  }

  void CopyWeights(Net<Dtype>* region, Net<Dtype>* branches) const {
    for (int k = 0; k < rows_ * columns_; ++k) {
      const string number = std::to_string(k);
      for (int i = 0; i < 5; ++i) {
        Blob<Dtype>* to = i < 2 ? Parameter(branches, "conv" + number, i)
                                : Parameter(branches, "bn" + number, i - 2);
        CopyPart(*Parameter(region, "y", i), i < 4 ? k : 0, to);
      }
    }
  }

  // Means of -0.3 to 0.3 and variances of 0.5 to 1.5, weighed by 2.
  void FillStatistics(Net<Dtype>* region) const {
    for (int i = 0; i < Parameter(region, "y", 2)->count(); ++i) {
      Parameter(region, "y", 2)->mutable_cpu_data()[i] = 0.6 * std::sin(i);
      Parameter(region, "y", 3)->mutable_cpu_data()[i] = 2 + std::cos(i);
    }
    Parameter(region, "y", 4)->mutable_cpu_data()[0] = 2;
  }

  // The same input and gradient of the output for both nets. The input stays
  // away from its mean, where rounding decides on which side of ReLU's kink
  // a value is.
  void Run(Net<Dtype>* net) const {
    Caffe::set_random_seed(7);
    Blob<Dtype>* x = net->blob_by_name("x").get();
    for (int i = 0; i < x->count(); ++i) {
      const Dtype magnitude = 0.5 + caffe_rng_rand() % 1000 / 1000.;
      x->mutable_cpu_data()[i] = caffe_rng_rand() % 2 ? magnitude : -magnitude;
    }
    net->Forward();
    Blob<Dtype>* y = net->blob_by_name("y").get();
    caffe_rng_gaussian<Dtype>(y->count(), 0, 1, y->mutable_cpu_diff());
    net->ClearParamDiffs();
    net->Backward();
  }

  // Against the largest value: the sums have up to 9 x 4 products in outputs,
  // 3 x 20 x 20 in gradients.
  static void ExpectEqual(int count, const Dtype* a, const Dtype* b) {
    const double tolerance = sizeof(Dtype) == 4 ? 1e-5 : 1e-10;
    double largest = 0;
    for (int i = 0; i < count; ++i) {
      largest = std::max<double>(largest, std::fabs(b[i]));
    }
    EXPECT_GT(largest, 0);
    int wrong = 0;
    for (int i = 0; i < count; ++i) {  // of a NaN each comparison is false
      wrong += !(std::fabs(a[i] - b[i]) <= tolerance * largest);
    }
    EXPECT_EQ(0, wrong) << "of " << count;
  }

  void Compare() const {
    Caffe::set_random_seed(1701);
    shared_ptr<Net<Dtype> > region = Load(RegionText());
    shared_ptr<Net<Dtype> > branches = Load(BranchesText());
    FillStatistics(region.get());
    CopyWeights(region.get(), branches.get());
    Run(region.get());
    Run(branches.get());
    const Blob<Dtype>& y = *region->blob_by_name("y");
    ExpectEqual(y.count(), branches->blob_by_name("y")->cpu_data(),
                y.cpu_data());
    const Blob<Dtype>& x = *region->blob_by_name("x");
    ExpectEqual(x.count(), branches->blob_by_name("x")->cpu_diff(),
                x.cpu_diff());
    for (int k = 0; k < rows_ * columns_; ++k) {
      CompareParameters(region.get(), branches.get(), k);
    }
  }

  void CompareParameters(Net<Dtype>* region, Net<Dtype>* branches,
                         int k) const {
    for (int i = 0; i < 2; ++i) {
      const Blob<Dtype>& conv =
          *Parameter(branches, "conv" + std::to_string(k), i);
      const Blob<Dtype>& bn = *Parameter(branches, "bn" + std::to_string(k), i);
      ExpectEqual(conv.count(), conv.cpu_diff(),
                  Parameter(region, "y", i)->cpu_diff() + k * conv.count());
      ExpectEqual(bn.count(), bn.cpu_data(),
                  Parameter(region, "y", 2 + i)->cpu_data() + k * bn.count());
    }
  }

  int rows_, columns_, height_, width_;
  string global_stats_;
};

TYPED_TEST_CASE(RegionBranchesTest, TestDtypesAndDevices);

TYPED_TEST(RegionBranchesTest, TestBatchStatistics) {
  this->Compare();
}

TYPED_TEST(RegionBranchesTest, TestGlobalStatistics) {
  this->global_stats_ = "true";
  this->Compare();
}

TYPED_TEST(RegionBranchesTest, TestOneRow) {
  this->rows_ = 1;
  this->height_ = 7;
  this->Compare();
}

TYPED_TEST(RegionBranchesTest, TestThePapersGrid) {
  this->rows_ = this->columns_ = 8;
  this->height_ = this->width_ = 20;
  this->Compare();
}

}  // namespace caffe
