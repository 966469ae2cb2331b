// SPDX-License-Identifier: Apache-2.0
// TensorFlow's functions that ask for a tensor's dimensions or make tensors of given ones: TFOpLambda layers of tf_keras.
#include <algorithm>
#include <utility>

#include "importers/keras/builder.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/selection.h"
#include "ops/keras_conv_util.h"

namespace octet::importers::keras {
namespace {

Status ConvertShape(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const DType type, CountType(c));
  OCTET_ASSIGN(const Value dims, DimensionsOf(c, x));
  OCTET_ASSIGN(const Value y, c.Cast(dims, type));
  const Shape s = c.shape(x);
  c.builder().SetElements(y, {s.dims().begin(), s.dims().end()});
  return Set(c, y);
}

// How many numbers there are: the product of the dimensions.
Status ConvertSize(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const DType type, CountType(c));
  OCTET_ASSIGN(const Value dims, DimensionsOf(c, x));
  OCTET_ASSIGN(const Value y, c.Make("reduce_prod", {dims, c.Vector({0})}, {{"keep_dims", 0}}));
  return Set(c, c.Cast(y, type));
}

Status ConvertRank(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  return Set(c, Int(c, c.rank(x)));
}

Status Fill(LayerContext& c, Value value) {
  OCTET_ASSIGN(const WholeNumbers dims, WholeNumbersAt(c, 0, {"shape", "dims"}));
  if (c.data(dims.vector) && std::ranges::any_of(dims.known, [](int32_t d) { return d < 0; })) return c.Fail("dimensions of zero or more", "others", "");
  const Value inputs[] = {dims.vector, value};
  return Set(c, c.EmitAs("fill", inputs, nullptr, {c.type(value).dtype, dims.shape(), {}}));
}

template <int Number> Status ConvertAll(LayerContext& c) {
  OCTET_ASSIGN(const DType type, NamedType(c, 1, DType::kF32));
  return Fill(c, NumberOf(c, Number, type));
}

Status ConvertFill(LayerContext& c) {
  const Json& literal = LiteralOf(c, 1, {"value"});
  OCTET_ASSIGN(const Value value, Operand(c, 1, {"value"}, literal.is_null() ? DType::kF32 : PythonType(literal)));
  return Fill(c, value);
}

// What of a range's start, limit and step is given; the type that holds all of them unless one is named.
struct Range {
  Value start, limit, step;
};
Result<Range> RangeOf(LayerContext& c) {
  const auto given = [&](int position, std::string_view name) -> Result<Value> {
    const Json& literal = LiteralOf(c, position, {name});
    const Argument* a = FindArgument(c, position, {name});
    if (literal.is_null() && !c.TensorOf(a)) return Value{};
    return Operand(c, position, {name}, literal.is_null() ? DType::kI32 : PythonType(literal));
  };
  Range r;
  OCTET_ASSIGN(r.start, given(0, "start"));
  OCTET_ASSIGN(r.limit, given(1, "limit"));
  OCTET_ASSIGN(r.step, given(2, "delta"));
  if (!r.start) return Result<Range>(c.Fail("a start", "none", ""));
  DType common = c.type(r.start).dtype;
  for (const Value v : {r.limit, r.step})
    if (v) common = CommonType(common, c.type(v).dtype);
  OCTET_ASSIGN(const DType type, NamedType(c, 3, common));
  if (!r.limit) r.limit = std::exchange(r.start, NumberOf(c, 0, type));
  if (!r.step) r.step = NumberOf(c, 1, type);
  for (Value* v : {&r.start, &r.limit, &r.step}) {
    if (c.rank(*v) != 0) return Result<Range>(c.Fail("numbers", "tensors of more dimensions", ""));
    OCTET_ASSIGN(*v, c.Cast(*v, type));
  }
  return r;
}

// Numbers from start (or 0) to below a limit.
Status ConvertRange(LayerContext& c) {
  OCTET_ASSIGN(const Range r, RangeOf(c));
  const Value inputs[] = {r.start, r.limit, r.step};
  if (c.data(r.start) && c.data(r.limit) && c.data(r.step)) return Set(c, c.Make("range", inputs));
  return Set(c, c.EmitAs("range", inputs, nullptr, {c.type(r.start).dtype, Shape{kUnknown}, {}}));
}

// A part by where it begins and how much it holds; -1 is all the rest.
Status ConvertSlice(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"input_"}));
  OCTET_ASSIGN(const WholeNumbers begin, WholeNumbersAt(c, 1, {"begin"}));
  OCTET_ASSIGN(const WholeNumbers size, WholeNumbersAt(c, 2, {"size"}));
  if (begin.complete() && c.data(size.vector)) return Set(c, c.Make("slice", {x, begin.vector, size.vector}));
  if (static_cast<int>(size.known.size()) != c.rank(x)) return c.Fail("a begin and a size for each axis", "others", "");
  const Value inputs[] = {x, begin.vector, size.vector};
  return Set(c, c.EmitAs("slice", inputs, nullptr, {c.type(x).dtype, size.shape(), {}}));
}

// Numbers where each axis begins and ends, and steps.
Status ConvertStridedSlice(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"input_"}));
  OCTET_ASSIGN(const WholeNumbers begin, WholeNumbersAt(c, 1, {"begin"}));
  OCTET_ASSIGN(const WholeNumbers end, WholeNumbersAt(c, 2, {"end"}));
  Value steps = c.Vector(std::vector<int32_t>(begin.known.size(), 1));
  if (!LiteralOf(c, 3, {"strides"}).is_null()) {
    OCTET_ASSIGN(const WholeNumbers given, WholeNumbersAt(c, 3, {"strides"}));
    steps = given.vector;
  }
  if (!c.data(begin.vector) || !c.data(end.vector) || !c.data(steps)) return c.Fail("numbers", "tensors", "use slices");
  return Set(c, c.Make("strided_slice", {x, begin.vector, end.vector, steps},
                       {{"begin_mask", c.Int("begin_mask", 0)}, {"end_mask", c.Int("end_mask", 0)}, {"ellipsis_mask", c.Int("ellipsis_mask", 0)},
                        {"new_axis_mask", c.Int("new_axis_mask", 0)}, {"shrink_axis_mask", c.Int("shrink_axis_mask", 0)}}));
}

// Updates, added up where they meet, in a tensor of zeros.
Status ConvertScatterNd(LayerContext& c) {
  OCTET_ASSIGN(Value at, Operand(c, 0, {"indices"}, DType::kI32));
  OCTET_ASSIGN(const Value updates, Operand(c, 1, {"updates"}));
  OCTET_ASSIGN(const WholeNumbers dims, WholeNumbersAt(c, 2, {"shape"}));
  if (!c.Text("bad_indices_policy", "").empty()) return c.Fail("no policy for indices outside", "one", "");
  OCTET_ASSIGN(at, c.Cast(at, DType::kI32));
  if (dims.complete()) return Set(c, c.Make("scatter_nd", {at, updates, dims.vector}));
  const Value inputs[] = {at, updates, dims.vector};
  return Set(c, c.EmitAs("scatter_nd", inputs, nullptr, {c.type(updates).dtype, dims.shape(), {}}));
}

constexpr LayerRule kRules[] = {
    {"tf.compat.v1.shape", ConvertShape}, {"tf.shape", ConvertShape}, {"tf.compat.v1.size", ConvertSize}, {"tf.size", ConvertSize}, {"tf.rank", ConvertRank},
    {"tf.zeros", ConvertAll<0>}, {"tf.ones", ConvertAll<1>}, {"tf.fill", ConvertFill}, {"tf.range", ConvertRange}, {"tf.slice", ConvertSlice},
    {"tf.strided_slice", ConvertStridedSlice}, {"tf.scatter_nd", ConvertScatterNd}};

}  // namespace

const std::span<const LayerRule> kShapeRules = kRules;

}  // namespace octet::importers::keras
