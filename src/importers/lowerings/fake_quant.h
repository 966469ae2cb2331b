// SPDX-License-Identifier: Apache-2.0
// TensorFlow's FakeQuant, of quantization-aware training: floats rounded to levels between trained limits.
#pragma once
#include "importers/lowering.h"

namespace octet::importers {

// Limits moved so that zero is a value; levels 0 (1 with narrow range) to 2^bits - 1.
struct Levels {
  float scale = 1;
  float zero = 0;  // Level of 0.
  float lowest = 0, highest = 255;
  // To the last bit what TensorFlow's ops compute: the one of limits per channel multiplies where that of two limits divides.
  float Round(float x) const;
  float RoundOfChannel(float x, float min, float max) const;
};
Levels MakeLevels(float min, float max, int bits, bool narrow);

// The grid of a kernel rounded to these levels, one for all or one for each slice of `axis`: none where int8 has too few.
Quant GridOf(std::span<const Levels> levels, int axis);

// One scale for each slice of an axis of a kernel (below 0: one for all): max |w| / 127.
class KernelGrid {
 public:
  KernelGrid(const Shape& shape, std::span<const float> values, int axis);
  const TensorType& type() const { return type_; }
  float& scale(size_t element) { return type_.quant.scale[static_cast<size_t>(static_cast<int64_t>(element) / inner_ % channels_)]; }

 private:
  const int64_t inner_, channels_;
  TensorType type_{DType::kF32, {}, {}};
};

// Float weights of a graph with FakeQuant ops that have none themselves: TensorFlow rounds them like others where the operator
// becomes one of integers, so they get the grid and keep their values.
void GiveGrids(graph::Graph& g);

// The same of activations whose scale the operator says (softmax, logistic, tanh): rounded ones have rounded results.
void GiveFixedScales(graph::Graph& g);

// An activation of 8 bits: QUANTIZE and DEQUANTIZE. One of others: in floats.
Result<Value> RoundToLevels(Lowering& c, Value x, const Levels& levels);
// In float operators, with one entry for all or one for each slice of the last axis.
Result<Value> RoundInFloat(Lowering& c, Value x, std::span<const Levels> levels);

}  // namespace octet::importers
