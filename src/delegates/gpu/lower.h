// SPDX-License-Identifier: Apache-2.0
// What operators become on the device. An operator that cannot is an error whose text is the reason.
#pragma once
#include <bit>

#include "delegates/gpu/builder.h"

namespace octet::gpu {

Status Lower(const Node& node, Builder& b);

// By kind of operator; null where the name is not of this kind.
using LowerFn = Status (*)(const Node&, Builder&);
LowerFn FindProduct(std::string_view op);
LowerFn FindReduction(std::string_view op);  // Pools, reductions, softmax.
LowerFn FindImage(std::string_view op);      // Resizing.

// Element by element, broadcast: floats by formula, 8-bit integers by tables that the reference kernel fills.
Status LowerMap(const Node& node, Builder& b);
bool HasMap(const Node& node);
// What only moves elements: the reference kernel moves their numbers, which tells where each comes from.
Status LowerMove(const Node& node, Builder& b);

// How an operand of this shape is read for a result of that shape.
Operand ReadAs(ValueId value, const Shape& shape, const Shape& result);
// Rows of `channels` elements with room for whole quads, filled up with `fill`; the value itself where they are whole.
ValueId PadChannels(Builder& b, int node, ValueId value, int64_t rows, int32_t channels, int32_t fill);
// What computes padded rows writes to Padded's value; Unpad moves it to `out` where that is another.
ValueId PaddedOutput(Builder& b, ValueId out, int64_t rows, int32_t channels);
void Unpad(Builder& b, int node, ValueId padded, ValueId out, int64_t rows, int32_t channels);

// y[e] = a[sum of tables[d] over e's coordinates], innermost dimension first; a negative entry: fill, or what is there.
struct MoveSpec {
  std::vector<std::vector<int32_t>> tables;
  bool keeps = false;
  int32_t fill = 0;
};
void EmitMove(Builder& b, int node, ValueId from, ValueId to, MoveSpec spec);

inline int32_t Quads(int64_t n) { return static_cast<int32_t>((n + 3) / 4); }
inline int32_t FloatBits(float f) { return std::bit_cast<int32_t>(f); }

}  // namespace octet::gpu
