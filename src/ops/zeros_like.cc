// SPDX-License-Identifier: Apache-2.0
// y = zeros of the input's shape and type. Never reads the input's data.
#include <cstring>

#include "ops/unary_util.h"

namespace octet::ops::zeros_like {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|i32|i64", 1}};

Status RunZeros(const void* params, const Run& run) {
  const int64_t bytes = *static_cast<const int64_t*>(params);
  if (bytes > 0) std::memset(run.out[0], 0, static_cast<size_t>(bytes));
  return {};
}

Status PrepareReference(Prepare& p) {
  auto* bytes = p.Params<int64_t>();
  *bytes = CountOf(p.op) * (BitsOf(p.op.out(0)->dtype) / 8);
  p.SetRun(RunZeros, bytes);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "zeros_like",
    .code = BuiltinCode::kZerosLike,
    .attrs = Layout<NoAttrs>(OptionsTable::kZerosLike, {}),
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::zeros_like
