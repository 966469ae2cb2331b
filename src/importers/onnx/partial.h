// SPDX-License-Identifier: Apache-2.0
// Whole numbers that are partly known. Exporters compute shapes by operators (Shape, Gather, Concat, Reshape): with
// a free batch size all numbers but one are known, and that suffices to write the reshape with a constant.
#pragma once
#include <cstdint>
#include <vector>

namespace octet::importers::onnx {

struct Number {
  bool known = false;
  int64_t value = 0;
  // Where unknown: the same number as this dimension of this tensor; tensor -1: nothing is known.
  int32_t tensor = -1, axis = 0;
  bool operator==(const Number&) const = default;
  static Number Of(int64_t v) { return {true, v, -1, 0}; }
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

class NodeContext;
// What is known of the numbers that the node just imported makes. Where all are, its output becomes a constant.
void PropagateNumbers(NodeContext& c);

}  // namespace octet::importers::onnx
