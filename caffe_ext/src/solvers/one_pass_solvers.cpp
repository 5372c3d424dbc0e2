#include <cmath>
#include <string>
#include <typeinfo>

#include "caffe/sgd_solvers.hpp"
#include "caffe/util/onednn_layers.hpp"
#include "caffe/util/one_pass_update.hpp"

namespace caffe {

// On the CPU, what is smaller stays in the cache between Caffe's passes, which
// then cost nothing. What is larger may round otherwise in a few weights, where
// BLAS would have divided it among threads: it is Caffe's own with Caffe's
// engine.
static const int kLarge = 1 << 16;

template <typename Dtype>
static bool GainsFromOnePass(const Blob<Dtype>& param) {
  return Caffe::mode() == Caffe::GPU ||
         (OneDNNIsDefault() && param.count() >= kLarge);
}

template <typename Dtype>
static RegularizedGradient<Dtype> GradientOf(const SolverParameter& param,
                                             Dtype decay_mult) {
  const Dtype decay = static_cast<Dtype>(param.weight_decay()) * decay_mult;
  const Dtype scale = Dtype(1) / param.iter_size();
  const std::string& type = param.regularization_type();
  LOG_IF(FATAL, decay && type != "L1" && type != "L2")
      << "Unknown regularization type: " << type;
  return {scale, type == "L1" ? decay : 0, type == "L2" ? decay : 0};
}

template <typename Dtype>
bool SGDSolver<Dtype>::UpdateInOnePass(int param_id, Dtype rate) {
  // Other solvers are derived from this one and have rules of their own.
  if (typeid(*this) != typeid(SGDSolver<Dtype>)) return false;
  Blob<Dtype>* param = this->net_->learnable_params()[param_id];
  if (!GainsFromOnePass(*param)) return false;
  Blob<Dtype>* history = history_[param_id].get();
  const auto gradient = GradientOf<Dtype>(
      this->param_, this->net_->params_weight_decay()[param_id]);
  const Dtype local_rate = rate * this->net_->params_lr()[param_id];
  const Dtype momentum = this->param_.momentum();
#ifndef CPU_ONLY
  if (Caffe::mode() == Caffe::GPU) {
    sgd_one_pass_gpu(param->count(), gradient, local_rate, momentum,
                     param->mutable_gpu_data(), param->mutable_gpu_diff(),
                     history->mutable_gpu_data());
    return true;
  }
#endif
  SgdUpdate(param->count(), gradient, local_rate, momentum,
            param->mutable_cpu_data(), param->mutable_cpu_diff(),
            history->mutable_cpu_data());
  return true;
}

template <typename Dtype>
bool AdamSolver<Dtype>::UpdateInOnePass(int param_id, Dtype rate) {
  if (typeid(*this) != typeid(AdamSolver<Dtype>)) return false;
  const auto& params = this->net_->learnable_params();
  Blob<Dtype>* param = params[param_id];
  if (!GainsFromOnePass(*param)) return false;
  const Dtype beta1 = this->param_.momentum();
  const Dtype beta2 = this->param_.momentum2();
  const int t = this->iter_ + 1;
  const Dtype correction =
      std::sqrt(Dtype(1) - pow(beta2, t)) / (Dtype(1) - pow(beta1, t));
  const Dtype local_rate = rate * this->net_->params_lr()[param_id];
  const AdamRule<Dtype> rule = {local_rate * correction, beta1, beta2,
                                static_cast<Dtype>(this->param_.delta())};
  const auto gradient = GradientOf<Dtype>(
      this->param_, this->net_->params_weight_decay()[param_id]);
  Blob<Dtype>* m = this->history_[param_id].get();
  Blob<Dtype>* v = this->history_[param_id + params.size()].get();
#ifndef CPU_ONLY
  if (Caffe::mode() == Caffe::GPU) {
    adam_one_pass_gpu(param->count(), gradient, rule, param->mutable_gpu_data(),
                      param->mutable_gpu_diff(), m->mutable_gpu_data(),
                      v->mutable_gpu_data());
    return true;
  }
#endif
  AdamUpdate(param->count(), gradient, rule, param->mutable_cpu_data(),
             param->mutable_cpu_diff(), m->mutable_cpu_data(),
             v->mutable_cpu_data());
  return true;
}

template bool SGDSolver<float>::UpdateInOnePass(int, float);
template bool SGDSolver<double>::UpdateInOnePass(int, double);
template bool AdamSolver<float>::UpdateInOnePass(int, float);
template bool AdamSolver<double>::UpdateInOnePass(int, double);

}  // namespace caffe
