// SPDX-License-Identifier: Apache-2.0
// What rules of functions share: arguments of keras.ops and TensorFlow functions that a model calls directly: tensors or literals, by position or by name.
#pragma once
#include <initializer_list>
#include <string_view>

#include "importers/keras/context.h"

namespace octet::importers::keras {

inline constexpr int64_t kMostParts = 1 << 16;  // Outputs of one call.

// The one output.
Status Set(LayerContext& c, Result<Value> y);
Value Int(LayerContext& c, int32_t v);

// The first of `names` that the call passes, or its argument at `position`; null when there is none.
const Argument* FindArgument(const LayerContext& c, int position, std::initializer_list<std::string_view> names);
// The literal of such an argument, or of the config; null Json when there is none.
const Json& LiteralOf(const LayerContext& c, int position, std::initializer_list<std::string_view> names);
// The whole numbers of a literal: a number, a list or a tuple.
bool IntsOf(const Json& literal, std::vector<int64_t>* out);
// The numbers of a literal: a number, nested lists of them, or a stored tensor.
bool NumbersOf(const Json& literal, std::vector<double>* out);
// Such a literal as a constant. With `like`'s element type unless the literal has its own.
Result<Value> ConstantOf(LayerContext& c, const Json& literal, DType like);
// One number of an element type.
Value NumberOf(LayerContext& c, double v, DType type);
// The element type that a dtype of a config or a call is; kNone when there is none of that name.
DType TypeOf(const Json& dtype);
// The element type that the argument `dtype` at `position` names, halves and doubles as float32; `fallback` where it names none.
Result<DType> NamedType(LayerContext& c, int position, DType fallback);
// An operand, whether tensor or literal.
Result<Value> Operand(LayerContext& c, int position, std::initializer_list<std::string_view> names, DType like = DType::kF32);

// ---- element types, as Keras promotes them

bool IsUnsigned(DType t);
// The least type that holds the numbers of both.
DType CommonType(DType a, DType b);
// What sums and products of such numbers have.
DType SumType(DType t);
// Truths and integers of 8 and 16 bits as int32, uint32 as int64: operators take them for quantized numbers, or not at all.
Result<Value> Widened(LayerContext& c, Value x);
// Numbers cut to integers of few bits, as casts in integers wrap around.
Result<Value> Narrowed(LayerContext& c, Value x, DType type);

// Numbers cut at what a type holds, as saturate_cast does.
Result<Value> Saturated(LayerContext& c, Value x, DType type);

// Two operands of one element type.
struct Pair {
  Value a, b;
};
// What a Python number among the operands is: one of its neighbour's type where that can hold it, or one of its own type.
enum class Literals : uint8_t { kFollow, kOwn };
Result<Pair> Operands(LayerContext& c, Literals literals = Literals::kFollow);
Result<Pair> OperandsAt(LayerContext& c, int first, Literals literals);
// Factors of products of matrices, as float32, and what the product has: Keras computes those of whole numbers so, too.
struct Factors {
  Value a, b;
  DType result = DType::kF32;
};
Result<Factors> ProductOperands(LayerContext& c);
// Reductions of floats that leave NaN out: statistics.cc
Status ConvertNanReduction(LayerContext& c);
// Both as float32: of a truth, a literal is a number, too.
Result<Pair> FloatOperands(LayerContext& c);

}  // namespace octet::importers::keras
