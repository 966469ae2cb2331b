// SPDX-License-Identifier: Apache-2.0
// keras.ops and TensorFlow functions that reduce axes: sums and their like, also without NaN; the place of the largest.
#include <limits>

#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/axes.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"

namespace octet::importers::keras {
namespace {

template <OpName Op> Status Reduced(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x", "input_tensor"}));
  if (c.kind() == "Mean") {  // Of keras.ops: a float, whatever the numbers are.
    OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  }
  const DType own = c.type(x).dtype;
  const bool sums = c.kind() == "Sum" || c.kind() == "Prod" || c.kind() == "Nansum" || c.kind() == "Nanprod";
  OCTET_ASSIGN(const DType result, sums ? NamedType(c, -1, SumType(own)) : Result<DType>(own));
  if (sums) {  // A sum of uint32 has the bits of one of int32.
    OCTET_ASSIGN(x, c.Cast(x, result == DType::kU32 ? DType::kI32 : result));
  }
  if (std::string_view(Op) == "reduce_any" || std::string_view(Op) == "reduce_all") {
    OCTET_ASSIGN(x, c.Cast(x, DType::kBool));
  }
  OCTET_ASSIGN(Value y, c.Make(Op, {x, c.Vector(AxesOf(c, c.rank(x)))}, {{"keep_dims", Keeps(c)}}));
  if (const Json& initial = c.Get("initial"); initial.is_number()) {
    OCTET_ASSIGN(y, Widened(c, y));
    OCTET_ASSIGN(y, c.Make(std::string_view(Op) == "reduce_min" ? "minimum" : "maximum", {y, NumberOf(c, initial.number(), c.type(y).dtype)}));
    OCTET_ASSIGN(y, c.Cast(y, own));
  }
  return Set(c, sums ? c.Cast(y, result) : Result<Value>(y));
}

// The place of the largest or least number; keras.ops: over all numbers where no axis is named.
template <OpName Op> Status ConvertArg(LayerContext& c) {
  constexpr float kBeyond = std::string_view(Op) == "arg_max" ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity();
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x", "input"}));
  const bool whole = !c.Has("axis") && !c.kind().starts_with("TFOp"), keeps = c.Bool("keepdims", false);
  const std::vector<int32_t> ones(static_cast<size_t>(c.rank(x)), 1);
  if (whole) {
    OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector({-1})}));
  }
  const auto axis = static_cast<int32_t>(c.Int("axis", 0));
  Value numbers;  // Where some may be none.
  if (c.kind().starts_with("Nan") && IsFloat(c.type(x).dtype)) {
    OCTET_ASSIGN(numbers, c.Make("equal", {x, x}));
    OCTET_ASSIGN(x, c.Make("select_v2", {numbers, x, c.Scalar(kBeyond)}));
  }
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));  // As Keras compares.
  OCTET_ASSIGN(Value y, c.Make(Op, {x, Int(c, axis)}, {{"output_type", static_cast<int64_t>(DType::kI32)}}));
  if (numbers) {
    OCTET_ASSIGN(numbers, c.Make("reduce_any", {numbers, c.Vector({axis})}, {{"keep_dims", 0}}));
    OCTET_ASSIGN(y, c.Make("select_v2", {numbers, y, Int(c, -1)}));
  }
  if (keeps) {
    OCTET_ASSIGN(y, whole ? c.Make("reshape", {y, c.Vector(ones)}) : c.Make("expand_dims", {y, c.Vector({axis})}));
  }
  return Set(c, c.kind().starts_with("TFOp") && c.Text("output_type", "int64") == "int64" ? c.Cast(y, DType::kI64) : Result<Value>(y));
}

// max - min
Status ConvertPtp(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  const std::vector<int32_t> axes = AxesOf(c, c.rank(x));
  OCTET_ASSIGN(const Value most, c.Make("reduce_max", {x, c.Vector(axes)}, {{"keep_dims", Keeps(c)}}));
  OCTET_ASSIGN(const Value least, c.Make("reduce_min", {x, c.Vector(axes)}, {{"keep_dims", Keeps(c)}}));
  return Set(c, c.Make("sub", {most, least}));
}

Status ConvertCountNonzero(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  OCTET_ASSIGN(Value y, c.Make("not_equal", {x, c.Scalar(0)}));
  OCTET_ASSIGN(y, c.Cast(y, DType::kI32));
  return Set(c, c.Make("sum", {y, c.Vector(AxesOf(c, c.rank(x)))}, {{"keep_dims", 0}}));
}

// max + log(sum(e^(x - max)))
Status ConvertLogsumexp(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  const std::vector<int32_t> axes = AxesOf(c, c.rank(x));
  OCTET_ASSIGN(const Value most, c.Make("reduce_max", {x, c.Vector(axes)}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(Value y, c.Make("sub", {x, most}));
  OCTET_ASSIGN(y, c.Make("exp", {y}));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector(axes)}, {{"keep_dims", Keeps(c)}}));
  OCTET_ASSIGN(y, c.Make("log", {y}));
  OCTET_ASSIGN(const Value base, Keeps(c) ? Result<Value>(most) : c.Make("reduce_max", {x, c.Vector(axes)}, {{"keep_dims", 0}}));
  return Set(c, c.Make("add", {y, base}));
}

// ------------------------------------------------------------------------------------ without NaN

// What stands for NaN in a reduction: what it starts from.
Result<Value> Replaced(LayerContext& c, Value x, Value good, float by) { return c.Make("select_v2", {good, x, c.Scalar(by)}); }

Status ConvertNanReduction(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  OCTET_ASSIGN(const Value good, c.Make("equal", {x, x}));
  const Value axes = c.Vector(AxesOf(c, c.rank(x)));
  const std::string_view kind = c.kind();
  constexpr float kMost = std::numeric_limits<float>::infinity();
  const auto reduce = [&](const char* op, float by) -> Result<Value> {
    OCTET_ASSIGN(const Value v, Replaced(c, x, good, by));
    return c.Make(op, {v, axes}, {{"keep_dims", Keeps(c)}});
  };
  if (kind == "Nansum") return Set(c, reduce("sum", 0));
  if (kind == "Nanprod") return Set(c, reduce("reduce_prod", 1));
  if (kind == "Nanmax") return Set(c, reduce("reduce_max", -kMost));
  if (kind == "Nanmin") return Set(c, reduce("reduce_min", kMost));
  OCTET_ASSIGN(const Value ones, c.Cast(good, DType::kF32));
  OCTET_ASSIGN(const Value count, c.Make("sum", {ones, axes}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(const Value safe, Replaced(c, x, good, 0));
  OCTET_ASSIGN(const Value sum, c.Make("sum", {safe, axes}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(Value y, c.Make("div", {sum, count}));
  if (kind != "Nanmean") {
    OCTET_ASSIGN(Value d, c.Make("sub", {safe, y}));
    OCTET_ASSIGN(d, c.Make("mul", {d, d}));
    OCTET_ASSIGN(d, c.Make("mul", {d, ones}));
    OCTET_ASSIGN(d, c.Make("sum", {d, axes}, {{"keep_dims", 1}}));
    OCTET_ASSIGN(y, c.Make("div", {d, count}));
    if (kind == "Nanstd") {
      OCTET_ASSIGN(y, c.Make("sqrt", {y}));
    }
  }
  if (Keeps(c)) return Set(c, y);
  std::vector<int32_t> gone;
  for (const int32_t a : AxesOf(c, c.rank(x))) gone.push_back(a < 0 ? a + c.rank(x) : a);
  return Set(c, c.Make("squeeze", {y}, {{"squeeze_dims", gone}}));
}

// Whole numbers are all numbers.
template <OpName Op> Status NanReduced(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  return IsFloat(c.type(x).dtype) ? ConvertNanReduction(c) : Reduced<Op>(c);
}

constexpr LayerRule kRules[] = {
    {"ops.Mean", Reduced<"mean">}, {"tf.math.reduce_mean", Reduced<"mean">}, {"ops.Sum", Reduced<"sum">}, {"tf.math.reduce_sum", Reduced<"sum">},
    {"ops.Max", Reduced<"reduce_max">}, {"ops.Amax", Reduced<"reduce_max">}, {"tf.math.reduce_max", Reduced<"reduce_max">}, {"ops.Min", Reduced<"reduce_min">},
    {"ops.Amin", Reduced<"reduce_min">}, {"tf.math.reduce_min", Reduced<"reduce_min">}, {"ops.Prod", Reduced<"reduce_prod">},
    {"tf.math.reduce_prod", Reduced<"reduce_prod">}, {"ops.Any", Reduced<"reduce_any">}, {"ops.All", Reduced<"reduce_all">},
    {"tf.math.reduce_any", Reduced<"reduce_any">}, {"tf.math.reduce_all", Reduced<"reduce_all">},
    {"ops.Argmax", ConvertArg<"arg_max">}, {"tf.math.argmax", ConvertArg<"arg_max">}, {"ops.Argmin", ConvertArg<"arg_min">},
    {"tf.math.argmin", ConvertArg<"arg_min">},
    {"ops.Nanargmax", ConvertArg<"arg_max">}, {"ops.Nanargmin", ConvertArg<"arg_min">}, {"ops.Ptp", ConvertPtp}, {"ops.CountNonzero", ConvertCountNonzero},
    {"ops.Logsumexp", ConvertLogsumexp}, {"tf.math.reduce_logsumexp", ConvertLogsumexp}, {"ops.Nansum", NanReduced<"sum">},
    {"ops.Nanprod", NanReduced<"reduce_prod">},
    {"ops.Nanmax", NanReduced<"reduce_max">}, {"ops.Nanmin", NanReduced<"reduce_min">}, {"ops.Nanmean", ConvertNanReduction},
    {"ops.Nanvar", ConvertNanReduction}, {"ops.Nanstd", ConvertNanReduction}};

}  // namespace

const std::span<const LayerRule> kReductionRules = kRules;

}  // namespace octet::importers::keras
