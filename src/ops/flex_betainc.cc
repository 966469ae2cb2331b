// SPDX-License-Identifier: Apache-2.0
// Betainc (TensorFlow's): the share of the beta distribution of a and b below x; operands of one shape, or scalars.
#include "ops/import.h"
#include "ops/incomplete_util.h"

namespace octet::ops::flex_betainc {
namespace {

constexpr Operand kInputs[] = {{.name = "a"}, {.name = "b"}, {.name = "x"}};
constexpr Operand kOutputs[] = {{.name = "z"}};
constexpr TypeRow kTypes[] = {{"T=f32|f64"}};

// The shape that is none of a scalar.
const Shape& Widest(const OpView& op) {
  for (int i = 0; i < 3; ++i)
    if (op.in(i)->shape.rank() > 0) return op.in(i)->shape;
  return op.in(0)->shape;
}

Status Check(const OpView& op) {
  const Shape& wide = Widest(op);
  for (int i = 0; i < 3; ++i) {
    const Shape& s = op.in(i)->shape;
    if (s.rank() != 0 && s.known() && wide.known() && !(s == wide))
      return op.Fail(Code::kInvalidModel, "operands of %s and %s; expected one shape, or scalars", wide.text().c_str(), s.text().c_str());
  }
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0] = {op.in(0)->dtype, Widest(op)};
  return {};
}

struct Params {
  int64_t count;
  int64_t step[3];  // 0: a scalar.
};

template <class T> Status Compute(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const auto at = [&](int operand, int64_t i) { return static_cast<double>(run.input<T>(operand)[i * p.step[operand]]); };
  for (int64_t i = 0; i < p.count; ++i) run.output<T>(0)[i] = static_cast<T>(IncompleteBeta(at(0, i), at(1, i), at(2, i)));
  return {};
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<Params>();
  params->count = p.op.out(0)->shape.elements();
  for (int i = 0; i < 3; ++i) params->step[i] = p.op.in(i)->shape.rank() > 0;
  p.SetRun(p.op.in(0)->dtype == DType::kF32 ? Compute<float> : Compute<double>, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_betainc", .code = BuiltinCode::kCustom, .custom_name = "FlexBetainc",
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_betainc
