#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "caffe/util/math_functions.hpp"
#include "caffe/util/winograd_convolution.hpp"
#include "caffe/util/winograd_kernels.hpp"

namespace caffe {

// Against sums in double, one tap at a time; by all kernels of this build.
class WinogradConvolutionTest
    : public ::testing::TestWithParam<const winograd::Kernels*> {
 protected:
  typedef WinogradConvolution::Shape Shape;
  typedef WinogradConvolution::Layout Layout;
  typedef winograd::Buffer Values;

  virtual void SetUp() { Caffe::set_random_seed(1701); }

  // Whether the processor has what the kernels want.
  bool IsHere() const {
    if (winograd::Runs(*GetParam())) return true;
    printf("skipped: this processor has no %s\n", GetParam()->name);
    return false;
  }
  int lanes() const { return GetParam()->lanes; }

  static Values Random(int count) {
    Values values(count);
    caffe_rng_gaussian(count, 0.f, 1.f, values.data());
    return values;
  }

  void Create(const Shape& shape, int num) {
    shape_ = shape;
    num_ = num;
    convolution_.reset(new WinogradConvolution(shape, *GetParam()));
    from_ = WinogradConvolution::Dense(shape.channels, shape.height,
                                       shape.width, convolution_->block());
    to_ = WinogradConvolution::Dense(shape.outputs, shape.out_height(),
                                     shape.out_width(), lanes());
    x_ = Random(num * from_.image);
    y_.resize(num * to_.image);
    filters_ = Random(shape.outputs * shape.channels * shape.kernel_h *
                      shape.kernel_w);
    bias_ = Random(shape.outputs);
    convolution_->Transform(filters_.data(), bias_.data(), &transformed_);
  }

  void Forward(bool past_cache = false) {
    y_.assign(y_.size(), NAN);  // all of it is to be overwritten
    convolution_->Forward(transformed_, x_.data(), from_, num_, NULL, y_.data(),
                          to_, past_cache);
  }

  static int Offset(const Layout& layout, int block, int n, int c, int h,
                    int w) {
    return n * layout.image + c / block * layout.block + h * layout.row +
           w * block + c % block;
  }
  int Output(int n, int o, int h, int w) const {
    return Offset(to_, lanes(), n, o, h, w);
  }

  double Expected(int n, int o, int h, int w) const {
    double sum = bias_[o];
    const float* filter = filters_.data() + o * shape_.channels *
                                                shape_.kernel_h *
                                                shape_.kernel_w;
    for (int c = 0; c < shape_.channels; ++c) {
      for (int i = 0; i < shape_.kernel_h; ++i) {
        for (int j = 0; j < shape_.kernel_w; ++j, ++filter) {
          const int y = h + i - shape_.pad_h, x = w + j - shape_.pad_w;
          if (y < 0 || y >= shape_.height || x < 0 || x >= shape_.width) {
            continue;
          }
          const int block = convolution_->block();
          sum += static_cast<double>(*filter) *
                 x_[Offset(from_, block, n, c, y, x)];
        }
      }
    }
    return sum;
  }

  // To 3e-5 of their standard deviation; identity NULL: 0.
  void ExpectRight(const float* identity = NULL) const {
    const double tolerance =
        3e-5 * std::sqrt(shape_.channels * shape_.kernel_h * shape_.kernel_w);
    for (int n = 0; n < num_; ++n) {
      for (int o = 0; o < shape_.outputs; ++o) {
        for (int h = 0; h < shape_.out_height(); ++h) {
          for (int w = 0; w < shape_.out_width(); ++w) {
            const int at = Output(n, o, h, w);
            ASSERT_NEAR(Expected(n, o, h, w) + (identity ? identity[at] : 0),
                        y_[at], tolerance)
                << "image " << n << ", output " << o << " at " << h << ", "
                << w;
          }
        }
      }
    }
  }

  bool Pays(const Shape& shape, int num, bool kept = false) const {
    return WinogradConvolution::Pays(shape, num, kept, *GetParam());
  }

  static double Dot(const Values& a, const Values& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      sum += static_cast<double>(a[i]) * b[i];
    }
    return sum;
  }

  Shape shape_;
  int num_;
  shared_ptr<WinogradConvolution> convolution_;
  WinogradConvolution::Filters transformed_;
  Layout from_, to_;
  Values x_, y_, filters_, bias_;
};

// Channels of one and several blocks and of fewer than one; outputs of one and
// two registers; one to four segments; outputs that do and don't fill their
// tiles; rows of more tiles than a product takes; several images, of which the
// last shapes are worked on in several passes.
TEST_P(WinogradConvolutionTest, Shapes) {
  if (!IsHere()) return;
  const struct {
    Shape shape;
    int num;
  } cases[] = {
      {{16, 3, 3, 16, 3, 3, 0, 0}, 1},    {{16, 5, 9, 32, 3, 3, 1, 1}, 2},
      {{3, 19, 17, 32, 11, 11, 0, 0}, 2}, {{1, 7, 50, 16, 3, 3, 0, 0}, 1},
      {{5, 14, 9, 48, 4, 7, 2, 1}, 3},    {{48, 13, 11, 32, 5, 5, 2, 2}, 2},
      {{32, 12, 20, 16, 8, 8, 0, 0}, 2},  {{16, 9, 9, 16, 3, 1, 3, 2}, 2},
      {{16, 8, 9, 32, 1, 6, 0, 0}, 2},    {{16, 2, 2, 16, 3, 3, 2, 2}, 3},
      {{32, 21, 21, 64, 3, 3, 1, 1}, 9},  {{16, 26, 8, 64, 7, 5, 0, 0}, 40},
      {{2, 30, 30, 32, 5, 4, 1, 1}, 9}};
  for (const auto& test : cases) {
    const Shape& s = test.shape;
    SCOPED_TRACE(::testing::Message()
                 << test.num << " images of " << s.channels << " x " << s.height
                 << " x " << s.width << ", " << s.outputs << " filters of "
                 << s.kernel_h << " x " << s.kernel_w);
    Create(s, test.num);
    for (bool past_cache : {false, true}) {
      Forward(past_cache);
      ExpectRight();
    }
  }
}

TEST_P(WinogradConvolutionTest, WithoutBias) {
  if (!IsHere()) return;
  Create({16, 9, 9, 16, 3, 3, 1, 1}, 2);
  convolution_->Transform(filters_.data(), NULL, &transformed_);
  bias_.assign(bias_.size(), 0);
  Forward();
  ExpectRight();
}

TEST_P(WinogradConvolutionTest, AddsTheIdentity) {
  if (!IsHere()) return;
  Create({32, 10, 7, 32, 3, 3, 1, 1}, 2);
  const Values identity = Random(y_.size());
  y_.assign(y_.size(), NAN);
  convolution_->Forward(transformed_, x_.data(), from_, num_, identity.data(),
                        y_.data(), to_, false);
  ExpectRight(identity.data());
  y_ = identity;  // in place
  convolution_->Forward(transformed_, x_.data(), from_, num_, y_.data(),
                        y_.data(), to_, true);
  ExpectRight(identity.data());
}

// A part of larger images, at both ends; the rest must stay as it is.
TEST_P(WinogradConvolutionTest, PartOfAnImage) {
  if (!IsHere()) return;
  const Shape part = {16, 7, 8, 32, 3, 3, 1, 1};
  Create(part, 2);
  from_ = WinogradConvolution::Dense(part.channels, 20, 30, lanes());
  to_ = WinogradConvolution::Dense(part.outputs, 9, 11, lanes());
  x_ = Random(num_ * from_.image);
  y_.resize(num_ * to_.image);
  Forward();
  ExpectRight();
  for (int n = 0; n < num_; ++n) {
    for (int o = 0; o < part.outputs; ++o) {
      for (int h = 0; h < 9; ++h) {
        for (int w = 0; w < 11; ++w) {
          if (h < part.out_height() && w < part.out_width()) continue;
          EXPECT_TRUE(std::isnan(y_[Output(n, o, h, w)]));
        }
      }
    }
  }
}

TEST_P(WinogradConvolutionTest, SameBitsForAnyThreadsAndImages) {
  if (!IsHere()) return;
  const int threads = omp_get_max_threads();
  for (const Shape& shape : {Shape{32, 24, 22, 32, 3, 3, 1, 1},
                             Shape{3, 24, 22, 16, 11, 11, 0, 0}}) {
    Create(shape, 7);
    omp_set_num_threads(1);
    Forward();
    const Values expected = y_;
    for (int n : {2, 5}) {
      omp_set_num_threads(n);
      Forward();
      EXPECT_TRUE(expected == y_) << n << " threads";
    }
    y_.assign(y_.size(), NAN);
    for (int n = 0; n < num_; ++n) {
      convolution_->Forward(transformed_, x_.data() + n * from_.image, from_, 1,
                            NULL, y_.data() + n * to_.image, to_, false);
    }
    EXPECT_TRUE(expected == y_) << "an image at a time";
    omp_set_num_threads(threads);
  }
}

TEST_P(WinogradConvolutionTest, NewFiltersTakeTheOldOnesPlace) {
  if (!IsHere()) return;
  Create({16, 9, 9, 32, 3, 3, 1, 1}, 2);
  Forward();
  filters_ = Random(filters_.size());
  bias_ = Random(bias_.size());
  convolution_->Transform(filters_.data(), bias_.data(), &transformed_);
  Forward();
  ExpectRight();
}

// y and x of a convolution without bias are dual to their gradients: y . g is
// x . dx for any g.
TEST_P(WinogradConvolutionTest, GradientOfTheBottom) {
  if (!IsHere()) return;
  for (const Shape& shape :
       {Shape{32, 13, 11, 16, 8, 8, 0, 0}, Shape{16, 9, 14, 48, 3, 5, 1, 2},
        Shape{16, 10, 10, 64, 3, 3, 2, 0}}) {
    Create(shape, 3);
    convolution_->Transform(filters_.data(), NULL, &transformed_);
    Forward();
    const double expected = Dot(y_, y_);  // g = y
    WinogradConvolution gradient(WinogradConvolution::GradientOf(shape),
                                 *GetParam());
    ASSERT_EQ(shape.height, gradient.shape().out_height());
    ASSERT_EQ(shape.width, gradient.shape().out_width());
    gradient.TransformTransposed(filters_.data(), &transformed_);
    Values dx = Random(x_.size());
    gradient.Forward(transformed_, y_.data(), to_, num_, NULL, dx.data(), from_,
                     false);
    EXPECT_NEAR(expected, Dot(x_, dx), 1e-5 * expected);
  }
}

TEST_P(WinogradConvolutionTest, Pays) {
  if (!IsHere()) return;
  const Shape drml_conv1 = {3, 170, 170, 32, 11, 11, 0, 0};
  const Shape patch = {32, 20, 20, 32, 3, 3, 1, 1};
  const Shape alexnet_conv3 = {256, 13, 13, 384, 3, 3, 1, 1};
  EXPECT_TRUE(Pays(drml_conv1, 1));
  EXPECT_TRUE(Pays(patch, 16));
  EXPECT_TRUE(Pays(alexnet_conv3, 16));
  // Transforming the filters takes as long as using them once.
  EXPECT_FALSE(Pays(alexnet_conv3, 1));
  // Kept ones do not, but those have to be read from memory.
  EXPECT_FALSE(Pays(alexnet_conv3, 1, true));
  EXPECT_FALSE(Pays(patch, 1));
  EXPECT_TRUE(Pays(patch, 1, true));
  // They would take 1.9 GB.
  EXPECT_FALSE(Pays({512, 40, 40, 4096, 7, 7, 0, 0}, 16));
  // A thread's buffer would be 427 MB.
  EXPECT_FALSE(Pays({64, 6, 100000, 64, 3, 3, 1, 1}, 1));
  // Not of a gradient whose bottom's padding is wider than its kernel.
  const Shape padded = {16, 30, 30, 16, 3, 3, 3, 3};
  EXPECT_TRUE(Pays(padded, 16));
  EXPECT_FALSE(Pays(WinogradConvolution::GradientOf(padded), 16));
  EXPECT_FALSE(Pays({32, 20, 20, 32, 1, 1, 0, 0}, 16));
  EXPECT_FALSE(Pays({32, 20, 20, 36, 3, 3, 0, 0}, 16));
  EXPECT_FALSE(Pays({36, 20, 20, 32, 3, 3, 0, 0}, 16));
}

INSTANTIATE_TEST_CASE_P(Kernels, WinogradConvolutionTest,
                        ::testing::ValuesIn(winograd::All()));

}  // namespace caffe
