// SPDX-License-Identifier: Apache-2.0
// Element types, as Keras promotes them.
#pragma once
#include "importers/keras/context.h"

namespace octet::importers::keras {

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
// Two operands that are floats: differences of whole numbers wrap around in Keras, which no one means.
Result<Pair> Fractions(LayerContext& c);
// Both as float32: of a truth, a literal is a number, too.
Result<Pair> FloatOperands(LayerContext& c);

}  // namespace octet::importers::keras
