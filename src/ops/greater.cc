// SPDX-License-Identifier: Apache-2.0
// y = a > b, broadcast.
#include "ops/add_sub_util.h"
#include "ops/simple_binary_util.h"

namespace octet::ops::greater {
namespace {

constexpr Operand kOutputs[] = {{.name = "output", .type = 'O'}};
constexpr TypeRow kTypes[] = {{"T=f32|i32|i64 O=bool", 1}};

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = DType::kBool;
  return InferBinary(op, out);
}

struct Apply {
  template <class T> bool operator()(T a, T b) const { return a > b; }
};

Status PrepareReference(Prepare& prepare) {
  auto* p = prepare.Params<SimpleParams>();
  p->shape = CollapseBroadcast(prepare.op.in(0)->shape, prepare.op.in(1)->shape, prepare.op.out(0)->shape);
  const DType t = prepare.op.in(0)->dtype;
  prepare.SetRun(t == DType::kF32 ? RunComparison<float, Apply> : t == DType::kI32 ? RunComparison<int32_t, Apply> : RunComparison<int64_t, Apply>, p);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

Status FromOnnx(ImportContext& c) { return MergeInputs(c, "greater"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Greater", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "greater",
    .code = BuiltinCode::kGreater,
    .attrs = Layout<NoAttrs>(OptionsTable::kGreater, {}),
    .inputs = kBinaryInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .traits = kElementwise,
    .check = CheckBinary,
    .infer = Infer,
    .cost = CostOfElementwise,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::greater
