// SPDX-License-Identifier: Apache-2.0
// Complex (TensorFlow's): numbers of a real and an imaginary part; a part of one element stands for all.
#include "ops/element_util.h"
#include "ops/import.h"

namespace octet::ops::flex_complex {
namespace {

constexpr Operand kInputs[] = {{.name = "real"}, {.name = "imag"}};
constexpr Operand kOutputs[] = {{.name = "out", .type = 'C'}};
constexpr TypeRow kTypes[] = {{"T=f32 C=c64"}};

bool IsOne(const Shape& s) { return s.known() && s.elements() == 1; }

Status Check(const OpView& op) {
  const Shape &real = op.in(0)->shape, &imag = op.in(1)->shape;
  if (!real.known() || !imag.known() || real == imag || (IsOne(real) && real.rank() <= imag.rank()) || (IsOne(imag) && imag.rank() <= real.rank())) return {};
  return op.Fail(Code::kUnsupported, "parts of %s and %s; one of them must be a scalar, or both of one shape", real.text().c_str(), imag.text().c_str());
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const bool scalar = IsOne(op.in(0)->shape) && op.in(0)->shape.rank() <= op.in(1)->shape.rank();
  out[0] = {DType::kC64, op.in(scalar ? 1 : 0)->shape};
  return {};
}

struct Params {
  int64_t count;
  bool one_real, one_imag;
};

Status Join(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  for (int64_t i = 0; i < p.count; ++i) run.output<C64>(0)[i] = C64(run.input<float>(0)[p.one_real ? 0 : i], run.input<float>(1)[p.one_imag ? 0 : i]);
  return {};
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<Params>();
  *params = {p.op.out(0)->shape.elements(), IsOne(p.op.in(0)->shape), IsOne(p.op.in(1)->shape)};
  p.SetRun(Join, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_complex", .code = BuiltinCode::kCustom, .custom_name = "FlexComplex",
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_complex
