// SPDX-License-Identifier: Apache-2.0
// Whole numbers that are partly known. Exporters compute shapes by operators (Shape, Gather, Concat, Reshape): with
// a free batch size all numbers but one are known, and that suffices to write the reshape with a constant.
#pragma once
#include <cstdint>
#include <vector>

#include "base/types.h"

namespace octet::importers::onnx {

struct Number {
  bool known = false;
  int64_t value = 0;
  // Where unknown: `times` this dimension of this tensor; tensor -1: nothing is known.
  int32_t tensor = -1, axis = 0;
  int64_t times = 1;
  bool operator==(const Number&) const = default;
  static Number Of(int64_t v) { return {true, v, -1, 0, 1}; }
  static Number Dimension(int32_t tensor, int32_t axis) { return {false, 0, tensor, axis, 1}; }
  bool Is(int32_t t, int32_t a) const { return !known && tensor == t && axis == a && times == 1; }
};

struct Partial {
  bool valid = false;  // Whether the numbers' count is known: a vector, or a scalar with one entry.
  bool scalar = false;
  std::vector<Number> numbers;

  bool known() const {
    for (const Number& n : numbers)
      if (!n.known) return false;
    return valid;
  }
  int unknown() const {
    int count = 0;
    for (const Number& n : numbers) count += n.known ? 0 : 1;
    return count;
  }
};

// Of a vector of this shape that is data: how many numbers it has, where that is known.
Partial Computed(const Shape& shape);

class NodeContext;
// Arithmetic whose result is known: done, without an operator.
bool ComputeNumbers(NodeContext& c);
// What is known of the numbers that the node just imported makes. Where all are, its output becomes a constant.
void PropagateNumbers(NodeContext& c);
// What is known of the open dimensions of an element-wise node's or a matrix product's output: those of its inputs, where these are one.
void PropagateDimensions(NodeContext& c);

}  // namespace octet::importers::onnx
