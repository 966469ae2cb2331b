// SPDX-License-Identifier: Apache-2.0
// NumericVerify (custom): how far a quantized tensor is from its float twin. With a tolerance of at least 0.1 scales,
// a larger difference is an error.
#include <cmath>
#include <cstring>

#include "base/float16.h"
#include "ops/flexbuffer_util.h"
#include "ops/import.h"

namespace octet::ops::numeric_verify {
namespace {

constexpr Operand kInputs[] = {{.name = "quantized", .type = 'Q'}, {.name = "reference"}};
constexpr Operand kOutputs[] = {{.name = "difference", .arity = Arity::kOptional}};
constexpr TypeRow kTypes[] = {{"Q=i8|u8|i16|f16 T=f32"}};
constexpr float kLeastChecked = 0.1f;

struct Options {
  float tolerance;
  bool fails;
};

// A map, or in older models just the number.
Options OptionsOf(const OpView& op) {
  const FlexMap map(op.custom_options);
  if (map.Has("tolerance")) return {static_cast<float>(map.Number("tolerance", 0)), map.Int("log_if_failed", 0) != 0};
  float tolerance = 0;
  if (op.custom_options.size() == sizeof tolerance) std::memcpy(&tolerance, op.custom_options.data(), sizeof tolerance);
  return {tolerance, true};
}

Status Check(const OpView& op) {
  const Shape &a = op.in(0)->shape, &b = op.in(1)->shape;
  if (a.known() && b.known() && !(a == b))
    return op.Fail(Code::kInvalidModel, "expected tensors of one shape, found %s and %s", a.text().c_str(), b.text().c_str());
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  if (!out.empty()) out[0] = {DType::kF32, op.in(1)->shape};
  return {};
}

struct Params {
  DType type;
  int64_t count;
  double scale;
  int32_t zero_point;
  float limit;  // Infinite: only the differences are wanted.
};

double Value(const Params& p, const std::byte* data, int64_t i) {
  switch (p.type) {
    case DType::kI8: return p.scale * (reinterpret_cast<const int8_t*>(data)[i] - p.zero_point);
    case DType::kU8: return p.scale * (reinterpret_cast<const uint8_t*>(data)[i] - p.zero_point);
    case DType::kI16: return p.scale * (reinterpret_cast<const int16_t*>(data)[i] - p.zero_point);
    default: return static_cast<double>(F16ToF32(reinterpret_cast<const uint16_t*>(data)[i]));
  }
}

Status Compare(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  for (int64_t i = 0; i < p.count; ++i) {
    const auto value = static_cast<float>(Value(p, run.in[0], i));
    const float reference = run.input<float>(1)[i], difference = value - reference;
    if (run.out[0]) run.output<float>(0)[i] = difference;
    if (std::abs(difference) > p.limit)
      return Error(Code::kInvalidArgument, "numeric_verify: element %lld is %g, its reference %g, further apart than %g", static_cast<long long>(i),
                   static_cast<double>(value), static_cast<double>(reference), static_cast<double>(p.limit));
  }
  return {};
}

Status PrepareReference(Prepare& p) {
  const TensorType& in = *p.op.in(0);
  const Options o = OptionsOf(p.op);
  auto* params = p.Params<Params>();
  *params = {in.dtype, in.shape.elements(), static_cast<double>(in.quant.scale0()), in.quant.zero0(),
             o.fails && o.tolerance >= kLeastChecked ? o.tolerance * in.quant.scale0() : INFINITY};
  p.SetRun(Compare, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "numeric_verify", .code = BuiltinCode::kCustom, .custom_name = "NumericVerify",
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .traits = kSideEffects, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::numeric_verify
