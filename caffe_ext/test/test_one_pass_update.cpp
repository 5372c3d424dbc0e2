#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

#include "caffe/blob.hpp"
#include "caffe/filler.hpp"
#include "caffe/sgd_solvers.hpp"
#include "caffe/util/math_functions.hpp"
#include "caffe/util/one_pass_update.hpp"

#include "caffe/test/test_caffe_main.hpp"

namespace caffe {

// A parameter (data: weights, diff: gradient) and two histories (data).
template <typename Dtype>
struct Parameter {
  explicit Parameter(int n) : w({n}), history({n}), squares({n}) {
    FillerParameter param;
    GaussianFiller<Dtype> filler(param);
    filler.Fill(&w);
    filler.Fill(&history);
    filler.Fill(&squares);
    caffe_rng_gaussian<Dtype>(n, 0, 1, w.mutable_cpu_diff());
    caffe_abs(n, squares.cpu_data(), squares.mutable_cpu_data());
  }
  explicit Parameter(const Parameter& other) {
    w.CopyFrom(other.w, false, true);
    w.CopyFrom(other.w, true);
    history.CopyFrom(other.history, false, true);
    squares.CopyFrom(other.squares, false, true);
  }
  Blob<Dtype> w, history, squares;
};

template <typename Dtype>
class OnePassUpdateTest : public ::testing::Test {
 protected:
  static const int kCount = 10007;  // no multiple of any vector or thread count

  OnePassUpdateTest()
      : threads_(omp_get_max_threads()),
        sign_(vector<int>{kCount}),
        root_(sign_.shape()) {
    Caffe::set_mode(Caffe::CPU);
    Caffe::set_random_seed(1701);
    start_.reset(new Parameter<Dtype>(kCount));
    start_->w.mutable_cpu_data()[0] = 0;  // whose sign is 0
  }

  ~OnePassUpdateTest() {
    omp_set_num_threads(threads_);
    Caffe::set_mode(Caffe::CPU);
  }

  void Sgd(Parameter<Dtype>* p) {
    SgdUpdate<Dtype>(kCount, gradient_, 0.01, 0.9, p->w.mutable_cpu_data(),
                     p->w.mutable_cpu_diff(), p->history.mutable_cpu_data());
  }

  void Adam(Parameter<Dtype>* p) {
    const AdamRule<Dtype> rule = {0.01, 0.9, 0.99, 1e-4};
    AdamUpdate<Dtype>(kCount, gradient_, rule, p->w.mutable_cpu_data(),
                      p->w.mutable_cpu_diff(), p->history.mutable_cpu_data(),
                      p->squares.mutable_cpu_data());
  }

  // Caffe's Normalize and Regularize, operation by operation.
  void CaffeGradient(Parameter<Dtype>* p) {
    Dtype* diff = p->w.mutable_cpu_diff();
    const Dtype* w = p->w.cpu_data();
    caffe_scal(kCount, gradient_.scale, diff);
    if (gradient_.l2) caffe_axpy(kCount, gradient_.l2, w, diff);
    if (gradient_.l1) {
      caffe_cpu_sign(kCount, w, sign_.mutable_cpu_data());
      caffe_axpy(kCount, gradient_.l1, sign_.cpu_data(), diff);
    }
  }

  // Its SGDSolver::ComputeUpdateValue and Net::Update.
  void CaffeSgd(Parameter<Dtype>* p) {
    CaffeGradient(p);
    caffe_cpu_axpby(kCount, Dtype(0.01), p->w.cpu_diff(), Dtype(0.9),
                    p->history.mutable_cpu_data());
    caffe_copy(kCount, p->history.cpu_data(), p->w.mutable_cpu_diff());
    p->w.Update();
  }

  // Its AdamSolver::ComputeUpdateValue and Net::Update.
  void CaffeAdam(Parameter<Dtype>* p) {
    CaffeGradient(p);
    Dtype* diff = p->w.mutable_cpu_diff();
    Dtype* m = p->history.mutable_cpu_data();
    Dtype* v = p->squares.mutable_cpu_data();
    Dtype* root = root_.mutable_cpu_data();
    caffe_cpu_axpby(kCount, 1 - Dtype(0.9), diff, Dtype(0.9), m);
    caffe_mul(kCount, diff, diff, root);
    caffe_cpu_axpby(kCount, 1 - Dtype(0.99), root, Dtype(0.99), v);
    caffe_powx(kCount, v, Dtype(0.5), root);
    caffe_add_scalar(kCount, Dtype(1e-4), root);
    caffe_div(kCount, m, root, root);
    caffe_cpu_scale(kCount, Dtype(0.01), root, diff);
    p->w.Update();
  }

  // `ulps` of the largest term that may be in a sum here, about 4; 0: the same
  // bits.
  void ExpectEqual(const Blob<Dtype>& a, const Blob<Dtype>& b, int ulps) {
    const Dtype error = 4 * ulps * std::numeric_limits<Dtype>::epsilon();
    for (int i = 0; i < kCount; ++i) {
      ASSERT_NEAR(a.cpu_data()[i], b.cpu_data()[i], error) << i;
      ASSERT_NEAR(a.cpu_diff()[i], b.cpu_diff()[i], error) << i;
    }
  }

  void ExpectEqual(const Parameter<Dtype>& a, const Parameter<Dtype>& b,
                   int ulps) {
    ExpectEqual(a.w, b.w, ulps);
    ExpectEqual(a.history, b.history, ulps);
    ExpectEqual(a.squares, b.squares, ulps);
  }

  const int threads_;
  RegularizedGradient<Dtype> gradient_ = {1, 0, 0};
  shared_ptr<Parameter<Dtype> > start_;
  Blob<Dtype> sign_, root_;
};

TYPED_TEST_CASE(OnePassUpdateTest, TestDtypes);

template <typename Dtype>
vector<RegularizedGradient<Dtype> > Gradients() {
  return {{1, 0, 0}, {Dtype(1) / 3, 0, 0.5}, {Dtype(1) / 3, 0.5, 0}};
}

// On one thread, since BLAS may round otherwise where threads' parts meet.
TYPED_TEST(OnePassUpdateTest, TestSgdIsCaffesBitByBit) {
  omp_set_num_threads(1);
  for (const auto& gradient : Gradients<TypeParam>()) {
    this->gradient_ = gradient;
    Parameter<TypeParam> ours(*this->start_), caffes(*this->start_);
    this->Sgd(&ours);
    this->CaffeSgd(&caffes);
    this->ExpectEqual(ours, caffes, 0);
    EXPECT_NE(ours.w.cpu_data()[1], this->start_->w.cpu_data()[1]);
  }
}

TYPED_TEST(OnePassUpdateTest, TestAdamIsCaffes) {
  for (const auto& gradient : Gradients<TypeParam>()) {
    this->gradient_ = gradient;
    Parameter<TypeParam> ours(*this->start_), caffes(*this->start_);
    this->Adam(&ours);
    this->CaffeAdam(&caffes);
    this->ExpectEqual(ours, caffes, 2);
    EXPECT_NE(ours.w.cpu_data()[1], this->start_->w.cpu_data()[1]);
  }
}

TYPED_TEST(OnePassUpdateTest, TestThreadsDoNotMatter) {
  Parameter<TypeParam> one(*this->start_), three(*this->start_);
  omp_set_num_threads(1);
  this->Sgd(&one);
  this->Adam(&one);
  omp_set_num_threads(3);
  this->Sgd(&three);
  this->Adam(&three);
  this->ExpectEqual(one, three, 0);
}

// CAFFE_ENGINE in the environment, while one of these lives.
class EngineInEnvironment {
 public:
  explicit EngineInEnvironment(const char* engine) {
    const char* before = getenv("CAFFE_ENGINE");
    if (before) before_.reset(new string(before));
    setenv("CAFFE_ENGINE", engine, 1);
  }
  ~EngineInEnvironment() {
    if (before_) {
      setenv("CAFFE_ENGINE", before_->c_str(), 1);
    } else {
      unsetenv("CAFFE_ENGINE");
    }
  }

 private:
  shared_ptr<string> before_;
};

// Solvers derived from Caffe's do their update in its steps.
template <typename Solver>
class InSteps : public Solver {
 public:
  explicit InSteps(const SolverParameter& param) : Solver(param) {}
};

// The weights (300, 301), which are enough for one pass, after some training.
template <typename Solver, typename Dtype>
vector<Dtype> Trained(const string& options, const char* engine = "ONEDNN") {
  const EngineInEnvironment environment(engine);
  const string net =
      "net_param { "
      "layer { name: 'x' type: 'DummyData' top: 'x' dummy_data_param { "
      "shape { dim: 2 dim: 301 } data_filler { type: 'gaussian' } } } "
      "layer { name: 'y' type: 'InnerProduct' bottom: 'x' top: 'y' "
      "param { lr_mult: 2 decay_mult: 3 } inner_product_param { "
      "num_output: 300 engine: CAFFE weight_filler { type: 'gaussian' } } } "
      "layer { name: 'l' type: 'Reduction' bottom: 'y' top: 'l' "
      "loss_weight: 0.01 reduction_param { operation: SUMSQ } } } "
      "base_lr: 0.01 lr_policy: 'fixed' weight_decay: 0.1 iter_size: 2 "
      "random_seed: 3 solver_mode: CPU ";
  SolverParameter param;
  CHECK(google::protobuf::TextFormat::ParseFromString(net + options, &param));
  Solver solver(param);
  solver.Step(3);
  const Blob<Dtype>& weights = *solver.net()->learnable_params()[0];
  return vector<Dtype>(weights.cpu_data(),
                       weights.cpu_data() + weights.count());
}

TYPED_TEST(OnePassUpdateTest, TestSolverIsCaffesBitByBit) {
  omp_set_num_threads(1);
  typedef SGDSolver<TypeParam> Solver;
  for (const string options :
       {"momentum: 0.9", "momentum: 0.5 regularization_type: 'L1'",
        "clip_gradients: 0.1"}) {
    const vector<TypeParam> one_pass = Trained<Solver, TypeParam>(options);
    EXPECT_EQ((Trained<InSteps<Solver>, TypeParam>(options)), one_pass);
  }
}

// On two threads, where BLAS divides the work otherwise than one pass does.
TYPED_TEST(OnePassUpdateTest, TestWithCaffesEngineSolversAreCaffesBitByBit) {
  omp_set_num_threads(2);
  const string momentum = "momentum: 0.9 ", adam = momentum + "momentum2: 0.99";
  EXPECT_EQ((Trained<SGDSolver<TypeParam>, TypeParam>(momentum, "CAFFE")),
            (Trained<InSteps<SGDSolver<TypeParam> >, TypeParam>(momentum)));
  EXPECT_EQ((Trained<AdamSolver<TypeParam>, TypeParam>(adam, "CAFFE")),
            (Trained<InSteps<AdamSolver<TypeParam> >, TypeParam>(adam)));
}

TYPED_TEST(OnePassUpdateTest, TestAdamSolverIsCaffes) {
  typedef AdamSolver<TypeParam> Solver;
  const string options = "momentum: 0.9 momentum2: 0.99 delta: 1e-4";
  const vector<TypeParam> one_pass = Trained<Solver, TypeParam>(options);
  const vector<TypeParam> steps = Trained<InSteps<Solver>, TypeParam>(options);
  // Weights of about 1 gained some 0.02 in each of three steps.
  const TypeParam error = 8 * std::numeric_limits<TypeParam>::epsilon();
  for (size_t i = 0; i < steps.size(); ++i) {
    ASSERT_NEAR(one_pass[i], steps[i],
                error * std::max<TypeParam>(1, steps[i]));
  }
}

#ifndef CPU_ONLY
TYPED_TEST(OnePassUpdateTest, TestOnGPUSolversAreCaffes) {
  typedef SGDSolver<TypeParam> Sgd;
  typedef AdamSolver<TypeParam> Adam;
  Caffe::set_mode(Caffe::GPU);
  for (const string options :
       {"momentum: 0.9", "momentum: 0.5 regularization_type: 'L1'",
        "clip_gradients: 0.1"}) {
    const vector<TypeParam> steps = Trained<InSteps<Sgd>, TypeParam>(options);
    const vector<TypeParam> one_pass = Trained<Sgd, TypeParam>(options);
    const TypeParam error = 8 * std::numeric_limits<TypeParam>::epsilon();
    for (size_t i = 0; i < steps.size(); ++i) {
      ASSERT_NEAR(one_pass[i], steps[i], error) << options;
    }
  }
  const string adam = "momentum: 0.9 momentum2: 0.99 delta: 1e-4";
  const vector<TypeParam> steps = Trained<InSteps<Adam>, TypeParam>(adam);
  const vector<TypeParam> one_pass = Trained<Adam, TypeParam>(adam);
  const TypeParam error = 8 * std::numeric_limits<float>::epsilon();
  for (size_t i = 0; i < steps.size(); ++i) {
    ASSERT_NEAR(one_pass[i], steps[i], error);
  }
}
#endif

}  // namespace caffe
