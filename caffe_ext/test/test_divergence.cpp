#include <cmath>
#include <limits>
#include <string>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

#include "caffe/sgd_solvers.hpp"
#include "caffe/util/divergence.hpp"

#include "caffe/test/test_caffe_main.hpp"

namespace caffe {

template <typename Dtype>
class DivergenceTest : public CPUDeviceTest<Dtype> {
 protected:
  // y = w x, x = 1, towards 3: a rate over 2 makes it swing further each time.
  static SolverParameter Parameter(const string& rate) {
    SolverParameter param;
    CHECK(google::protobuf::TextFormat::ParseFromString(
        "base_lr: " + rate +
            " lr_policy: 'fixed' max_iter: 2000 snapshot_after_train: false "
            "solver_mode: CPU net_param { "
            "layer { name: 'data' type: 'DummyData' top: 'x' top: 'y' "
            "  dummy_data_param { shape { dim: 2 dim: 1 } "
            "    data_filler { value: 1 } data_filler { value: 3 } } } "
            "layer { name: 'w' type: 'InnerProduct' bottom: 'x' top: 'wx' "
            "  inner_product_param { num_output: 1 bias_term: false } } "
            "layer { name: 'loss' type: 'EuclideanLoss' "
            "  bottom: 'wx' bottom: 'y' top: 'loss' } }",
        &param));
    return param;
  }

  static void Train(const string& rate) {
    SGDSolver<Dtype> solver(Parameter(rate));
    EndAtNaN<Dtype> end(&solver, "");
    solver.add_callback(&end);
    solver.Solve();
  }
};

TYPED_TEST_CASE(DivergenceTest, TestDtypes);

TYPED_TEST(DivergenceTest, TestFirstNotFinite) {
  SGDSolver<TypeParam> solver(this->Parameter("0.1"));
  Net<TypeParam>& net = *solver.net();
  net.Forward();
  EXPECT_EQ("", FirstNotFinite(net));
  const TypeParam infinity = std::numeric_limits<TypeParam>::infinity();
  net.blob_by_name("wx")->mutable_cpu_data()[1] = -infinity;
  EXPECT_EQ("layer 'w' (its output)", FirstNotFinite(net));
  net.layer_by_name("w")->blobs()[0]->mutable_cpu_data()[0] = NAN;
  EXPECT_EQ("layer 'w' (its weights)", FirstNotFinite(net));
  net.blob_by_name("y")->mutable_cpu_data()[0] = infinity;
  EXPECT_EQ("layer 'data' (its output)", FirstNotFinite(net));
}

TYPED_TEST(DivergenceTest, TestFiniteTrainingGoesOn) {
  this->Train("0.1");
}

TYPED_TEST(DivergenceTest, TestDeathTest) {
  ::testing::FLAGS_gtest_death_test_style = "fast";
  EXPECT_EXIT(this->Train("20"), ::testing::ExitedWithCode(1),
              "Iteration [0-9]+: the loss is inf.*those of layer 'loss' .*"
              "There is no snapshot from before");
}

}  // namespace caffe
