// SPDX-License-Identifier: Apache-2.0
// y = x * Phi(x) with the normal distribution's Phi; `approximate` takes tanh for it.
#include "ops/unary_util.h"

namespace octet::ops::gelu {
namespace {

struct Attrs {
  bool approximate = false;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::approximate>("approximate", 0)};
constexpr TypeRow kTypes[] = {{"T=f32", 1}, {"T=u8|i8|i16", 2}, {"T=f16", 3}};

float Exact(float x) { return 0.5f * x * std::erfc(x * -0.70710678118654752440f); }
float Approximate(float x) {
  constexpr float kSqrt2OverPi = 0.79788456080286535588f;
  return 0.5f * x * (1.0f + std::tanh(kSqrt2OverPi * (x + 0.044715f * x * x * x)));
}

kernels::Function VectorsOf(const OpView& op) { return op.attrs<Attrs>().approximate ? kernels::Function::kNormalGateTanh : kernels::Function::kNormalGate; }
Status PrepareVectors(Prepare& p) { return PrepareFunctionF32(p, VectorsOf(p.op)); }
Status PrepareReference(Prepare& p) {
  return p.op.attrs<Attrs>().approximate ? PrepareUnary<Approximate>(p, VectorsOf(p.op)) : PrepareUnary<Exact>(p, VectorsOf(p.op));
}
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesFunctionF32, .prepare = PrepareVectors},
                                 {.name = "reference", .prepare = PrepareReference}};

Status FromKeras(ImportContext& c) {
  OCTET_ASSIGN(Value y, c.Emit("gelu", {c.Input(0)}, Attrs{c.Bool("approximate", false)}));
  c.SetOutput(0, y);
  return {};
}
Status FromOnnx(ImportContext& c) {
  OCTET_ASSIGN(Value y, c.Emit("gelu", {c.Input(0)}, Attrs{c.Text("approximate", "none") == "tanh"}));
  c.SetOutput(0, y);
  return {};
}
constexpr ImportRule kRules[] = {
    {Source::kKerasActivation, "gelu", 0, FromKeras},
    {Source::kOnnx, "Gelu", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "gelu",
    .code = BuiltinCode::kGelu,
    .attrs = Layout<Attrs>(OptionsTable::kGelu, kRows),
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary,
    .check = CheckUnary,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::gelu
