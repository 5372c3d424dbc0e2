#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "caffe/util/math_functions.hpp"
#include "caffe/util/winograd_kernels.hpp"
#include "caffe/util/winograd_weight_gradient.hpp"

namespace caffe {

typedef WinogradWeightGradient::Shape Shape;

// By all kernels of this build.
class WinogradWeightGradientTest
    : public ::testing::TestWithParam<const winograd::Kernels*> {
 protected:
  virtual void SetUp() { Caffe::set_random_seed(1701); }

  // Whether the processor has what the kernels want.
  bool IsHere() const {
    if (winograd::Runs(*GetParam())) return true;
    printf("skipped: this processor has no %s\n", GetParam()->name);
    return false;
  }

  // Where a value of an image is.
  static int At(int block, int height, int width, int c, int h, int w) {
    return ((c / block * height + h) * width + w) * block + c % block;
  }
  int lanes() const { return GetParam()->lanes; }

  double Expected(const Shape& s, const vector<float>& x,
                  const vector<float>& g, int num, int o, int c, int i,
                  int j) const;
};

static vector<float> Random(int count) {
  vector<float> values(count);
  caffe_rng_gaussian(count, 0.f, 1.f, values.data());
  return values;
}

// Of one tap, in double.
double WinogradWeightGradientTest::Expected(const Shape& s,
                                            const vector<float>& x,
                                            const vector<float>& g, int num,
                                            int o, int c, int i, int j) const {
  const int block = s.channels % lanes() == 0 ? lanes() : 1;
  double sum = 0;
  for (int n = 0; n < num; ++n) {
    const float* image = x.data() + n * s.channels * s.height * s.width;
    const float* gradient =
        g.data() + n * s.outputs * s.out_height() * s.out_width();
    for (int h = 0; h < s.out_height(); ++h) {
      for (int w = 0; w < s.out_width(); ++w) {
        const int y = h + i - s.pad_h, z = w + j - s.pad_w;
        if (y < 0 || y >= s.height || z < 0 || z >= s.width) continue;
        sum +=
            static_cast<double>(image[At(block, s.height, s.width, c, y, z)]) *
            gradient[At(lanes(), s.out_height(), s.out_width(), o, h, w)];
      }
    }
  }
  return sum;
}

// Tiles that do and don't fill the image, one register of outputs and two,
// kernels smaller and larger than a tile's, channels of blocks and fewer; the
// last two are worked on in several passes.
TEST_P(WinogradWeightGradientTest, Shapes) {
  if (!IsHere()) return;
  const int num = 3;
  for (const Shape& s :
       {Shape{16, 9, 9, 16, 3, 3, 1, 1}, Shape{32, 20, 20, 32, 3, 3, 1, 1},
        Shape{16, 7, 8, 48, 2, 3, 0, 1}, Shape{48, 5, 13, 64, 3, 1, 2, 0},
        Shape{3, 19, 17, 32, 11, 11, 0, 0}, Shape{1, 7, 9, 16, 4, 20, 2, 9},
        Shape{5, 14, 9, 48, 4, 7, 2, 1}, Shape{32, 12, 20, 16, 8, 8, 0, 0},
        Shape{32, 40, 42, 32, 5, 4, 2, 1},
        Shape{3, 70, 90, 32, 11, 11, 0, 0}}) {
    const int outputs = s.out_height() * s.out_width();
    const vector<float> x = Random(num * s.channels * s.height * s.width);
    const vector<float> g = Random(num * s.outputs * outputs);
    const vector<float> before =
        Random(s.outputs * s.channels * s.kernel_h * s.kernel_w);
    vector<float> weight = before, bias(s.outputs, 1);
    WinogradWeightGradient gradient(s, *GetParam());
    gradient.Add(x.data(), g.data());  // to be forgotten
    gradient.Clear();
    for (int n = 0; n < num; ++n) {
      gradient.Add(x.data() + n * s.channels * s.height * s.width,
                   g.data() + n * s.outputs * outputs);
    }
    gradient.AddTo(weight.data(), NULL);
    gradient.AddTo(NULL, bias.data());
    const double tolerance = 3e-5 * std::sqrt(num * outputs);
    for (int o = 0, at = 0; o < s.outputs; ++o) {
      for (int c = 0; c < s.channels; ++c) {
        for (int i = 0; i < s.kernel_h; ++i) {
          for (int j = 0; j < s.kernel_w; ++j, ++at) {
            ASSERT_NEAR(before[at] + Expected(s, x, g, num, o, c, i, j),
                        weight[at], tolerance)
                << "output " << o << ", channel " << c << ", tap " << i << ", "
                << j;
          }
        }
      }
      double sum = 1;
      for (int n = 0; n < num; ++n) {
        for (int k = 0; k < outputs; ++k) {
          sum += g[n * s.outputs * outputs + At(lanes(), 1, outputs, o, 0, k)];
        }
      }
      ASSERT_NEAR(sum, bias[o], tolerance);
    }
  }
}

// As behind a ReLU, where all values are positive and sums grow.
TEST_P(WinogradWeightGradientTest, RoundingOfManyImagesDoesNotAddUp) {
  if (!IsHere()) return;
  const Shape s = {16, 20, 20, 16, 3, 3, 1, 1};
  const int num = 64, image = 16 * 20 * 20;
  vector<float> x = Random(num * image);
  const vector<float> g = Random(num * image);
  for (float& value : x) value = std::abs(value);
  WinogradWeightGradient gradient(s, *GetParam());
  for (int n = 0; n < num; ++n) {
    gradient.Add(x.data() + n * image, g.data() + n * image);
  }
  vector<float> weight(16 * 16 * 9);
  gradient.AddTo(weight.data(), NULL);
  double largest = 0, error = 0;
  for (int at = 0; at < 16 * 16 * 9; ++at) {
    const double expected =
        Expected(s, x, g, num, at / 144, at / 9 % 16, at / 3 % 3, at % 3);
    largest = std::max(largest, std::abs(expected));
    error = std::max(error, std::abs(expected - weight[at]));
  }
  EXPECT_LT(error, 4e-6 * largest);
}

INSTANTIATE_TEST_CASE_P(Kernels, WinogradWeightGradientTest,
                        ::testing::ValuesIn(winograd::All()));

}  // namespace caffe
