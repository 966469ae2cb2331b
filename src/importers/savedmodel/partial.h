// SPDX-License-Identifier: Apache-2.0
// Small tensors whose elements are known, or known to be some dimension, while the model is imported. TensorFlow
// computes shapes by operators: Shape, StridedSlice, Prod, Pack, Reshape. With a free batch size all elements but one
// are known, which suffices to write the reshape with a constant; the operators are then read by nobody.
#pragma once
#include <optional>
#include <vector>

#include "importers/savedmodel/functions.h"

namespace octet::importers::savedmodel {

struct Number {
  enum class Kind : uint8_t { kUnknown, kKnown, kSymbol };
  Kind kind = Kind::kUnknown;
  int64_t i = 0;   // Of whole numbers and truth; of a symbol, which one.
  double f = 0;    // Of floating point.
  bool known() const { return kind == Kind::kKnown; }
  bool operator==(const Number&) const = default;
  static Number Of(int64_t v) { return {Kind::kKnown, v, 0}; }
  static Number Of(double v) { return {Kind::kKnown, 0, v}; }
  static Number Symbol(int64_t id) { return {Kind::kSymbol, id, 0}; }
};

struct Partial {
  DType dtype = DType::kI32;
  Shape shape;
  std::vector<Number> v;

  bool known() const;                        // All elements are.
  bool whole() const { return !IsFloat(dtype); }
  std::vector<std::byte> bytes() const;      // Of a known one, as dtype stores it.
  // As dimensions: kUnknown where not known.
  std::vector<int32_t> dims() const;
  static std::optional<Partial> FromBytes(DType dtype, const Shape& shape, const std::byte* bytes);
};

// Larger ones are the operators' business.
constexpr int64_t kMaxPartial = 4096;

// Outputs of a node from what is known of its inputs (null: nothing); empty where the op is not known here.
std::vector<std::optional<Partial>> Evaluate(const NodeDef& node, std::span<const Partial* const> inputs);

}  // namespace octet::importers::savedmodel
