// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/fake_quant.h"

#include <algorithm>
#include <cmath>

namespace octet::importers {

float Levels::Round(float x) const {
  const float low = (lowest - zero) * scale, high = (highest - zero) * scale;
  const float clamped = std::clamp(x, low, high);
  return std::floor((clamped - low) / scale + 0.5f) * scale + low;
}

Levels MakeLevels(float min, float max, int bits, bool narrow) {
  Levels l;
  l.lowest = narrow ? 1.0f : 0.0f;
  l.highest = static_cast<float>((1 << bits) - 1);
  l.scale = (max - min) / (l.highest - l.lowest);
  if (!(l.scale > 0)) l.scale = 1;
  l.zero = std::clamp(std::round(l.lowest - min / l.scale), l.lowest, l.highest);
  return l;
}

Result<Value> RoundToLevels(Lowering& c, Value x, const Levels& l) {
  if (l.lowest > 0) {  // int8 has one level more.
    OCTET_ASSIGN(x, c.Make("maximum", {x, c.Scalar((l.lowest - l.zero) * l.scale)}));
  }
  const TensorType type{DType::kI8, c.shape(x), Quant::PerTensor(l.scale, static_cast<int32_t>(l.zero) - 128)};
  OCTET_ASSIGN(const Value q, c.EmitAs("quantize", std::span(&x, 1), nullptr, type));
  return c.EmitAs("dequantize", std::span(&q, 1), nullptr, {DType::kF32, c.shape(x), {}});
}

}  // namespace octet::importers
