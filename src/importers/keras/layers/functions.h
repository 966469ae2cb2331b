// SPDX-License-Identifier: Apache-2.0
// What rules of functions share: arguments of keras.ops and TensorFlow functions that a model calls directly: tensors or literals, by position or by name.
#pragma once
#include <initializer_list>
#include <string_view>

#include "importers/keras/context.h"

namespace octet::importers::keras {

// The one output.
Status Set(LayerContext& c, Result<Value> y);
Value Int(LayerContext& c, int32_t v);

// The first of `names` that the call passes, or its argument at `position`; null when there is none.
const Argument* FindArgument(const LayerContext& c, int position, std::initializer_list<std::string_view> names);
// The literal of such an argument, or of the config; null Json when there is none.
const Json& LiteralOf(const LayerContext& c, int position, std::initializer_list<std::string_view> names);
// The whole numbers of a literal: a number, a list or a tuple.
bool IntsOf(const Json& literal, std::vector<int64_t>* out);
// A literal as a constant: a number, nested lists of numbers, or a stored tensor. With `like`'s element type
// unless the literal has its own.
Result<Value> ConstantOf(LayerContext& c, const Json& literal, DType like);
// An operand, whether tensor or literal.
Result<Value> Operand(LayerContext& c, int position, std::initializer_list<std::string_view> names, DType like = DType::kF32);
// Two operands of one element type.
struct Pair {
  Value a, b;
};
Result<Pair> Operands(LayerContext& c);
// Both as float32: of a truth, a literal is a number, too.
Result<Pair> FloatOperands(LayerContext& c);

}  // namespace octet::importers::keras
