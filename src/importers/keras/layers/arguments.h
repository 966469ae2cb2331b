// SPDX-License-Identifier: Apache-2.0
// Arguments of keras.ops and TensorFlow functions that a model calls directly: tensors or literals, by position or by name.
#pragma once
#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "importers/keras/context.h"

namespace octet::importers::keras {

inline constexpr int64_t kMostParts = 1 << 16;  // Outputs of one call.

// An operator's or activation's name as a template argument.
template <size_t N> struct OpName {
  char text[N];
  constexpr OpName(const char (&s)[N]) { std::copy_n(s, N, text); }
  constexpr operator std::string_view() const { return {text, N - 1}; }
};

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
// A literal in an element type; in float32 where integers would cut its numbers.
Result<Value> ConstantAs(LayerContext& c, const Json& literal, DType type);
// The element type of a stored tensor, if the literal is one.
DType StoredType(const Json& literal);
// The element type of Python's numbers.
DType PythonType(const Json& literal);
DType PythonType(const Argument& numbers);
// One number of an element type.
Value NumberOf(LayerContext& c, double v, DType type);
// The element type that a dtype of a config or a call is; kNone when there is none of that name.
DType TypeOf(const Json& dtype);
// The element type that the argument `dtype` at `position` names, halves and doubles as float32; `fallback` where it names none.
Result<DType> NamedType(LayerContext& c, int position, DType fallback);
// The element type of sizes and places that the argument `out_type` names: int32 or int64.
Result<DType> CountType(LayerContext& c);
// An operand, whether tensor or literal.
Result<Value> Operand(LayerContext& c, int position, std::initializer_list<std::string_view> names, DType like = DType::kF32);
// The tensors and literals of the argument at `position`, which is a list of them, in one element type.
Result<std::vector<Value>> ListAt(LayerContext& c, int position, std::initializer_list<std::string_view> names);
// Whole numbers, whether a literal, a tensor or a list of both: an int32 vector, and what is known of its elements (else kUnknown).
struct WholeNumbers {
  Value vector;
  std::vector<int32_t> known;
  bool complete() const { return std::ranges::find(known, kUnknown) == known.end(); }
  Shape shape() const;  // Whose dimensions they are.
};
Result<WholeNumbers> WholeNumbersAt(LayerContext& c, int position, std::initializer_list<std::string_view> names);
// The first operand, by whatever name functions give it; the same as float32.
Result<Value> Tensor(LayerContext& c);
Result<Value> FloatTensor(LayerContext& c);

}  // namespace octet::importers::keras
