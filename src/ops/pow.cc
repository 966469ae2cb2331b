// SPDX-License-Identifier: Apache-2.0
// y = a to the power of b, broadcast. Integers: the exponent is not negative.
#include "ops/add_sub_util.h"
#include "ops/simple_binary_util.h"

namespace octet::ops::pow {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|i32", 1}};

struct Params {
  Broadcast shape;
  int64_t exponents;
};

Status RunFloat(const void* params, const Run& run) {
  RunBroadcast(static_cast<const Params*>(params)->shape, *run.pool, run.input<float>(0), run.input<float>(1), run.output<float>(0),
               [](float a, float b) { return std::pow(a, b); });
  return {};
}

// By squaring; wraps.
int32_t Power(int32_t base, int32_t exponent) {
  uint32_t result = 1, square = static_cast<uint32_t>(base);
  for (; exponent > 0; exponent >>= 1, square *= square)
    if (exponent & 1) result *= square;
  return static_cast<int32_t>(result);
}

Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const int32_t* exponent = run.input<int32_t>(1);
  for (int64_t i = 0; i < p.exponents; ++i)
    if (exponent[i] < 0) return Error(Code::kInvalidArgument, "pow: the integer exponent %d is negative", exponent[i]);
  RunBroadcast(p.shape, *run.pool, run.input<int32_t>(0), exponent, run.output<int32_t>(0), [](int32_t a, int32_t b) { return Power(a, b); });
  return {};
}

Status PrepareReference(Prepare& p) {
  const OpView& op = p.op;
  auto* params = p.Params<Params>();
  *params = {CollapseBroadcast(op.in(0)->shape, op.in(1)->shape, op.out(0)->shape), op.in(1)->shape.elements()};
  p.SetRun(op.in(0)->dtype == DType::kF32 ? RunFloat : RunInteger, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

Status FromOnnx(ImportContext& c) { return MergeInputs(c, "pow"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Pow", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "pow",
    .code = BuiltinCode::kPow,
    .attrs = Layout<NoAttrs>(OptionsTable::kPow, {}),
    .inputs = kBinaryInputs,
    .outputs = kOneOutput,
    .types = kTypes,
    .traits = kElementwise,
    .check = CheckBinary,
    .infer = InferBinary,
    .cost = CostOfElementwise,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::pow
