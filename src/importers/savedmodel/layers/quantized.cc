// SPDX-License-Identifier: Apache-2.0
// FakeQuant ops: weights become their rounded values, activations QUANTIZE and DEQUANTIZE.
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

Status ConvertFakeQuant(NodeContext& c) {
  const Value x = c.Input(0);
  std::vector<float> min, max;
  if (!x) return {};
  OCTET_TRY(ReadLimits(c, &min, &max));
  if (min.empty() || max.empty()) return {};
  const auto bits = static_cast<int>(c.Int("num_bits", 8));
  const bool narrow = c.Bool("narrow_range", false);
  if (bits < 2 || bits > 16) return c.Fail("2 to 16 bits", std::to_string(bits), "");
  const std::span<const float> stored = c.data_as<float>(x);
  if (stored.empty()) {
    if (bits != 8 || min.size() != 1) return c.Fail("activations of 8 bits with one pair of limits", Format("%d bits, %zu pairs", bits, min.size()), "");
    OCTET_ASSIGN(const Value y, RoundToLevels(c, x, MakeLevels(min[0], max[0], bits, narrow)));
    c.SetOutput(0, y);
    return {};
  }
  const Shape s = c.shape(x);
  if (min.size() > 1 && (s.rank() < 1 || s.back() != static_cast<int32_t>(min.size()))) return c.Fail("limits per channel of the last axis", Format("%zu", min.size()), "");
  std::vector<float> values(stored.begin(), stored.end());
  std::vector<Levels> levels;
  for (size_t k = 0; k < min.size(); ++k) levels.push_back(MakeLevels(min[k], max[k], bits, narrow));
  for (size_t i = 0; i < values.size(); ++i) values[i] = levels[i % levels.size()].Round(values[i]);
  TensorType type{DType::kF32, s, {}};  // Remembers its grid: the integers come back from it exactly.
  for (const Levels& l : levels) {
    if (bits != 8) break;
    type.quant.scale.push_back(l.scale);
    type.quant.zero_point.push_back(static_cast<int32_t>(l.zero) - 128);
  }
  type.quant.axis = levels.size() > 1 ? s.rank() - 1 : 0;
  c.builder().session().fake_quantized = true;
  c.SetOutput(0, c.Constant(type, std::as_bytes(std::span<const float>(values))));
  return {};
}

constexpr NodeRule kRules[] = {{"FakeQuantWithMinMaxArgs", ConvertFakeQuant}, {"FakeQuantWithMinMaxVars", ConvertFakeQuant}, {"FakeQuantWithMinMaxVarsPerChannel", ConvertFakeQuant}};

}  // namespace

const std::span<const NodeRule> kQuantizedRules = kRules;

}  // namespace octet::importers::savedmodel
