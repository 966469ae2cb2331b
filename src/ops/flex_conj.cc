// SPDX-License-Identifier: Apache-2.0
// Conj (TensorFlow's): complex numbers with their imaginary parts negated.
#include "ops/fourier_util.h"
#include "ops/import.h"

namespace octet::ops::flex_conj {
namespace {

struct Params {
  int64_t count;
};

Status Negate(const void* params, const Run& run) {
  for (int64_t i = 0; i < static_cast<const Params*>(params)->count; ++i) run.output<C64>(0)[i] = std::conj(run.input<C64>(0)[i]);
  return {};
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<Params>();
  *params = {p.op.in(0)->shape.elements()};
  p.SetRun(Negate, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_conj", .code = BuiltinCode::kCustom, .custom_name = "FlexConj",
    .inputs = kFourierInputs, .outputs = kFourierOutputs, .types = kFourierTypes, .infer = InferFourier};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_conj
