// SPDX-License-Identifier: Apache-2.0
// select and select_v2: y = condition ? a : b.
#pragma once
#include "ops/import.h"
#include "ops/element_util.h"
#include "ops/shape_util.h"

namespace octet::ops {

inline constexpr Operand kSelectInputs[] = {{.name = "condition", .type = 'C'}, {.name = "a"}, {.name = "b"}};
inline constexpr Operand kSelectOutputs[] = {{.name = "output"}};
inline constexpr QuantRow kSelectQuant[] = {{.operand = 1, .kind = QuantKind::kSameAs, .other = ~0}, {.operand = 2, .kind = QuantKind::kSameAs, .other = ~0}};

// When all three are single elements the output keeps the shape that the file declares, as in LiteRT.
inline bool KeepsDeclaredShape(const OpView& op) {
  const auto single = [](const TensorType* t) { return t && t->shape.known() && t->shape.elements() == 1; };
  return single(op.in(0)) && single(op.in(1)) && single(op.in(2)) && single(op.out(0));
}

// The condition counts as one of shape `condition`, with as many elements; all three broadcast.
Status PrepareSelect(Prepare& p, const Shape& condition);

}  // namespace octet::ops
