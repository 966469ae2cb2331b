// SPDX-License-Identifier: Apache-2.0
// arg_max and arg_min: the position of the extreme element along one axis; the first among equals.
#pragma once
#include "ops/import.h"
#include "ops/operand_util.h"

namespace octet::ops {

struct ArgAttrs {
  DType output_type = DType::kF32;  // The schema's default; files say i32 or i64.
};
inline constexpr AttrRow kArgRows[] = {Attr<&ArgAttrs::output_type>("output_type", 0)};
inline constexpr Operand kArgInputs[] = {{.name = "input"}, {.name = "axis", .type = 'A', .role = Role::kShape}};
inline constexpr Operand kArgOutputs[] = {{.name = "output", .type = 'O'}};
inline constexpr TypeRow kArgTypes[] = {
    {"T=f32|u8|i32 A=i32|i64 O=i32|i64"}, {"T=i8 A=i32|i64 O=i32|i64", 2}, {"T=bool A=i32|i64 O=i32|i64", 3}};
inline constexpr QuantRow kArgQuant[] = {{.operand = 0, .kind = QuantKind::kFree},
                                         {.operand = ~0, .kind = QuantKind::kNone},
                                         {.operand = 1, .kind = QuantKind::kNone}};

Status CheckArg(const OpView& op);
Status InferArg(const OpView& op, std::span<OutputType> out);
Status PrepareArg(Prepare& p, bool largest);

}  // namespace octet::ops
