// SPDX-License-Identifier: Apache-2.0
#include "runtime/shadow.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

#include "runtime/shared_model.h"

namespace octet::runtime {
namespace {

// The largest difference, as a share of the largest magnitude of b.
template <class T> double Relative(const TensorRef& a, const TensorRef& b) {
  const std::span x(reinterpret_cast<const T*>(a.data), a.bytes / sizeof(T)), y(reinterpret_cast<const T*>(b.data), b.bytes / sizeof(T));
  double largest = 1e-6, worst = 0;
  for (T v : y)
    if (std::isfinite(static_cast<double>(v))) largest = std::max(largest, std::abs(static_cast<double>(v)));
  for (size_t i = 0; i < y.size(); ++i) {
    const double p = static_cast<double>(x[i]), q = static_cast<double>(y[i]);
    if (p == q || (std::isnan(p) && std::isnan(q))) continue;
    if (!std::isfinite(p) || !std::isfinite(q)) return INFINITY;
    worst = std::max(worst, std::abs(p - q));
  }
  return worst / largest;
}

// Of quantized values, by the numbers of steps there are; one step is none.
template <class T> double Steps(const TensorRef& a, const TensorRef& b) {
  const std::span x(reinterpret_cast<const T*>(a.data), a.bytes / sizeof(T)), y(reinterpret_cast<const T*>(b.data), b.bytes / sizeof(T));
  int worst = 0;
  for (size_t i = 0; i < y.size(); ++i) worst = std::max(worst, std::abs(static_cast<int>(x[i]) - static_cast<int>(y[i])));
  return worst <= 1 ? 0 : worst / (sizeof(T) == 1 ? 256.0 : 65536.0);
}

Status CheckStateless(const SharedModel& model) {
  for (const tflite::SubgraphInfo& g : model.view().subgraphs()) {
    for (const tflite::TensorInfo& t : g.tensors)
      if (t.is_variable)
        return Error(Code::kInvalidArgument, "the shadow check needs a model without state: '%s' is kept between runs", std::string(t.name).c_str());
    for (const tflite::OperatorInfo& op : g.operators) {
      if (!op.op || op.op->code == ops::BuiltinCode::kCustom || !(op.op->traits & (ops::kSideEffects | ops::kRandom))) continue;
      if (ops::CalledSubgraphs(op.op->attrs, op.attributes.data()).empty() || op.op->code == ops::BuiltinCode::kCallOnce)
        return Error(Code::kInvalidArgument, "the shadow check needs a model without state or random numbers: it has %s", std::string(op.op->name).c_str());
    }
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ShadowCheck>> ShadowCheck::Make(std::shared_ptr<const Model> model, const Options& options) {
  OCTET_TRY(CheckStateless(static_cast<const SharedModel&>(*model)));
  return std::unique_ptr<ShadowCheck>(new ShadowCheck(std::move(model), options));
}

ShadowCheck::ShadowCheck(std::shared_ptr<const Model> model, const Options& options)
    : model_(std::move(model)), with_(options.delegates.shadow), options_(options), due_(1 - with_.share) {
  options_.delegates = {};
}

bool ShadowCheck::Due() {
  due_ += with_.share;
  if (due_ < 1) return false;
  due_ -= 1;
  return true;
}

Status ShadowCheck::Ready(const Interpreter& main, std::string_view signature) {
  if (!cpu_) {
    OCTET_ASSIGN(cpu_, Interpreter::Create(model_, options_));
  }
  OCTET_TRY(cpu_->Select(signature));
  for (int i = 0; i < main.num_inputs(); ++i) OCTET_TRY(cpu_->Resize(i, main.input(i).type->shape));
  OCTET_TRY(cpu_->Allocate());
  for (int i = 0; i < main.num_inputs(); ++i) {
    const TensorRef from = main.input(i), to = cpu_->input(i);
    if (from.data && from.bytes > 0) std::memcpy(to.data, from.data, from.bytes);
  }
  return {};
}

double ShadowCheck::Difference(const TensorRef& a, const TensorRef& b) const {
  if (!(a.type->shape == b.type->shape) || a.type->dtype != b.type->dtype) return INFINITY;
  if (!a.data || !b.data || a.bytes == 0) return 0;
  switch (a.type->dtype) {
    case DType::kF32: return Relative<float>(a, b);
    case DType::kF64: return Relative<double>(a, b);
    case DType::kI8: return Steps<int8_t>(a, b);
    case DType::kU8: return Steps<uint8_t>(a, b);
    case DType::kI16: return Steps<int16_t>(a, b);
    default: return std::memcmp(a.data, b.data, a.bytes) == 0 ? 0 : INFINITY;
  }
}

Status ShadowCheck::Compare(Interpreter& main, std::string_view signature, std::string* failed) {
  OCTET_TRY(Ready(main, signature));
  OCTET_TRY(cpu_->Invoke());
  ++report_.checked;
  double worst = 0;
  int where = 0;
  for (int i = 0; i < main.num_outputs(); ++i) {
    const double difference = Difference(main.output(i), cpu_->output(i));
    if (difference > worst) worst = difference, where = i;
  }
  report_.worst = std::max(report_.worst, worst);
  if (worst <= with_.tolerance) return {};
  ++report_.mismatches;
  for (int i = 0; i < main.num_outputs(); ++i) {
    const TensorRef to = main.output(i), from = cpu_->output(i);
    if (to.data && !to.constant && to.bytes == from.bytes && to.type->shape == from.type->shape) std::memcpy(to.data, from.data, from.bytes);
  }
  if (report_.mismatches <= with_.max_mismatches) return {};
  report_.switched_off = true;
  *failed = Format("the shadow check found %lld of %lld inferences different from the CPU's, at most by %.3g of output %d's largest value; %.3g is allowed",
                   static_cast<long long>(report_.mismatches), static_cast<long long>(report_.checked), report_.worst, where, with_.tolerance);
  return {};
}

}  // namespace octet::runtime
