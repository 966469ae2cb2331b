// SPDX-License-Identifier: Apache-2.0
// FakeQuant ops: weights become their rounded values, activations QUANTIZE and DEQUANTIZE.
#include <limits>

#include "importers/lowerings/fake_quant.h"
#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

// Limits: attributes, or inputs of one value or one per channel of the last axis.
Status ReadLimits(NodeContext& c, std::vector<float>* min, std::vector<float>* max) {
  if (c.kind() == "FakeQuantWithMinMaxArgs") {
    *min = {static_cast<float>(c.Number("min", -6))};
    *max = {static_cast<float>(c.Number("max", 6))};
    return {};
  }
  for (const auto& [i, to] : {std::pair(1, min), std::pair(2, max)}) {
    const Value v = c.Input(i);
    if (!v) return {};
    const std::span<const float> values = c.data_as<float>(v);
    if (values.empty()) return c.Fail("constant limits", "computed ones", "");
    to->assign(values.begin(), values.end());
  }
  return min->size() == max->size() ? Status() : c.Fail("as many minima as maxima", "others", "");
}

// What QuantizeAndDequantize scales by: to whichever end of the range needs the smaller factor, so that zero stays zero.
Result<Value> ScaleOf(NodeContext& c, Value min, Value max, float lowest, float highest) {
  const Value far = c.Scalar(std::numeric_limits<float>::max()), zero = c.Scalar(0);
  const auto factor = [&](Value end, float level, const char* side) -> Result<Value> {
    if (level == 0) return far;
    OCTET_ASSIGN(const Value counts, c.Make(side, {end, zero}));
    OCTET_ASSIGN(const Value f, c.Make("div", {c.Scalar(level), end}));
    return c.Make("select_v2", {counts, f, far});
  };
  OCTET_ASSIGN(const Value down, factor(min, lowest, "less"));
  OCTET_ASSIGN(const Value up, factor(max, highest, "greater"));
  return c.Make("minimum", {down, up});
}

// QuantizeAndDequantizeV2 to V4: round(x * scale) / scale, with the range given or that of x.
Status ConvertRoundTrip(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  std::vector<int64_t> bits = {c.Int("num_bits", 8)};
  if (c.kind() == "QuantizeAndDequantizeV3" && !c.IntsOf(3, &bits)) return c.Fail("known bits", "computed ones", "");
  const bool given = c.Bool("range_given", c.kind() == "QuantizeAndDequantizeV3");
  if (bits.size() != 1 || bits[0] < 2 || bits[0] > 16 || c.Int("axis", -1) != -1) return c.Fail("one range, and 2 to 16 bits", "others", "");
  const bool sign = c.Bool("signed_input", true);
  const auto highest = static_cast<float>((int64_t{1} << (sign ? bits[0] - 1 : bits[0])) - 1),
             lowest = sign ? (c.Bool("narrow_range", false) ? -highest : -highest - 1) : 0.0f;
  std::vector<int32_t> all;
  for (int i = 0; i < c.rank(x); ++i) all.push_back(i);
  const auto end = [&](int input, const char* of) {
    return given || all.empty() ? Result<Value>(c.Input(input)) : c.Make(of, {x, c.Vector(all)}, {{"keep_dims", 0}});
  };
  OCTET_ASSIGN(const Value min, end(1, "reduce_min"));
  OCTET_ASSIGN(const Value max, end(2, "reduce_max"));
  if (!min || !max) return {};
  OCTET_ASSIGN(const Value scale, ScaleOf(c, min, max, lowest, highest));
  OCTET_ASSIGN(Value y, c.Make("mul", {x, scale}));
  if (given) {
    OCTET_ASSIGN(y, c.Make("minimum", {y, c.Scalar(highest)}));
    OCTET_ASSIGN(y, c.Make("maximum", {y, c.Scalar(lowest)}));
  }
  if (c.Text("round_mode", "HALF_TO_EVEN") == "HALF_UP") {
    OCTET_ASSIGN(y, c.Make("add", {y, c.Scalar(0.5f)}));
    OCTET_ASSIGN(y, c.Make("floor", {y}));
  } else {
    OCTET_ASSIGN(y, c.Make("round", {y}));
  }
  return Set(c, c.Make("div", {y, scale}));
}

Status ConvertFakeQuant(NodeContext& c) {
  const Value x = c.Input(0);
  std::vector<float> min, max;
  if (!x) return {};
  OCTET_TRY(ReadLimits(c, &min, &max));
  if (min.empty() || max.empty()) return {};
  const auto bits = static_cast<int>(c.Int("num_bits", 8));
  const bool narrow = c.Bool("narrow_range", false);
  if (bits < 2 || bits > 16) return c.Fail("2 to 16 bits", std::to_string(bits), "");
  std::vector<Levels> levels;
  for (size_t k = 0; k < min.size(); ++k) levels.push_back(MakeLevels(min[k], max[k], bits, narrow));
  const std::span<const float> stored = c.data_as<float>(x);
  if (stored.empty()) {
    return Set(c, levels.size() == 1 ? RoundToLevels(c, x, levels[0]) : RoundInFloat(c, x, levels));
  }
  const Shape s = c.shape(x);
  if (min.size() > 1 && (s.rank() < 1 || s.back() != static_cast<int32_t>(min.size())))
    return c.Fail("limits per channel of the last axis", Format("%zu", min.size()), "");
  std::vector<float> values(stored.begin(), stored.end());
  const bool per_channel = c.kind() == "FakeQuantWithMinMaxVarsPerChannel";
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t k = i % levels.size();
    values[i] = per_channel ? levels[k].RoundOfChannel(values[i], min[k], max[k]) : levels[k].Round(values[i]);
  }
  const TensorType type{DType::kF32, s, GridOf(levels, s.rank() - 1)};  // Remembers its grid: the integers come back from it exactly.
  c.builder().session().fake_quantized = true;
  c.SetOutput(0, c.Constant(type, std::as_bytes(std::span<const float>(values))));
  return {};
}

constexpr NodeRule kRules[] = {{"QuantizeAndDequantizeV2", ConvertRoundTrip}, {"QuantizeAndDequantizeV3", ConvertRoundTrip},
                               {"QuantizeAndDequantizeV4", ConvertRoundTrip}, {"FakeQuantWithMinMaxArgs", ConvertFakeQuant},
                               {"FakeQuantWithMinMaxVars", ConvertFakeQuant}, {"FakeQuantWithMinMaxVarsPerChannel", ConvertFakeQuant}};

}  // namespace

const std::span<const NodeRule> kQuantizedRules = kRules;

}  // namespace octet::importers::savedmodel
