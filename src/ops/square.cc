// SPDX-License-Identifier: Apache-2.0
// y = x * x.
#include "ops/unary_util.h"

namespace octet::ops::square {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}};
float Apply(float x) { return x * x; }

Status RunVectors(const void* params, const Run& run) {
  constexpr float kNone = std::numeric_limits<float>::infinity();
  const auto multiply = kernels::Vectors().binary_f32[static_cast<int>(kernels::Binary::kMultiply)];
  ForChunks(run, static_cast<const UnaryParams*>(params)->count, [&](int64_t begin, int64_t end) {
    const float* x = run.input<float>(0) + begin;
    multiply(x, 1, x, 1, end - begin, -kNone, kNone, run.output<float>(0) + begin);
  });
  return {};
}
Status PrepareVectors(Prepare& p) {
  auto* params = p.Params<UnaryParams>();
  params->count = CountOf(p.op);
  p.SetRun(RunVectors, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesFunctionF32, .prepare = PrepareVectors},
                                 {.name = "reference", .prepare = PrepareUnary<Apply>}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "square",
    .code = BuiltinCode::kSquare,
    .attrs = Layout<NoAttrs>(OptionsTable::kSquare, {}),
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary,
    .check = CheckUnary,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::square
