// SPDX-License-Identifier: Apache-2.0
// y = the sum of all inputs, which have one shape; integers wrap.
#include "ops/unary_util.h"

namespace octet::ops::add_n {
namespace {

constexpr Operand kInputs[] = {{.name = "inputs", .arity = Arity::kMany}};
constexpr TypeRow kTypes[] = {{"T=f32|i32", 1}};

struct Params {
  int64_t count;
  int inputs;
};

Status Check(const OpView& op) {
  if (op.num_inputs() < 1) return op.Fail(Code::kInvalidModel, "no inputs");
  for (int i = 1; i < op.num_inputs(); ++i)
    if (!(op.in(i)->shape == op.in(0)->shape))
      return op.Fail(Code::kInvalidModel, "input %d has shape %s, expected %s", i, op.in(i)->shape.text().c_str(), op.in(0)->shape.text().c_str());
  return {};
}

template <class T> Status RunSum(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  using Sum = std::conditional_t<std::is_integral_v<T>, uint32_t, T>;
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) {
    constexpr int64_t kBlock = 512;  // The output may lie where an input does: it is written last.
    Sum sum[kBlock];
    for (int64_t at = begin; at < end; at += kBlock) {
      const int64_t n = std::min(kBlock, end - at);
      std::copy_n(run.input<T>(0) + at, n, sum);
      for (int k = 1; k < p.inputs; ++k) {
        const T* x = run.input<T>(k) + at;
        for (int64_t i = 0; i < n; ++i) sum[i] += static_cast<Sum>(x[i]);
      }
      std::copy_n(sum, n, run.output<T>(0) + at);
    }
  });
  return {};
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<Params>();
  *params = {CountOf(p.op), p.op.num_inputs()};
  p.SetRun(p.op.in(0)->dtype == DType::kF32 ? RunSum<float> : RunSum<int32_t>, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "add_n",
    .code = BuiltinCode::kAddN,
    .attrs = Layout<NoAttrs>(OptionsTable::kAddN, {}),
    .inputs = kInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kJointlyHomogeneous,
    .check = Check,
    .infer = InferUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::add_n
