// SPDX-License-Identifier: Apache-2.0
// keras.ops that turn, join and pick parts of tensors.
#include <algorithm>

#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/axes.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/selection.h"
#include "ops/shape_util.h"

namespace octet::importers::keras {
namespace {

Status ConvertRavel(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  return Set(c, c.Make("reshape", {x, c.Vector({-1})}));
}

Status ConvertMoveaxis(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  std::vector<int64_t> from, to;
  if (!IntsOf(LiteralOf(c, 1, {"source"}), &from) || !IntsOf(LiteralOf(c, 2, {"destination"}), &to) || from.size() != to.size())
    return c.Fail("axes", "none", "");
  std::vector<int32_t> order(static_cast<size_t>(c.rank(x)), -1);
  std::vector<bool> moved(order.size(), false);
  for (size_t i = 0; i < from.size(); ++i) {
    OCTET_ASSIGN(const int a, AxisOf(c, from[i], c.rank(x)));
    OCTET_ASSIGN(const int b, AxisOf(c, to[i], c.rank(x)));
    order[static_cast<size_t>(b)] = a;
    moved[static_cast<size_t>(a)] = true;
  }
  int32_t next = 0;
  for (int32_t& o : order) {
    if (o >= 0) continue;
    while (next < c.rank(x) && moved[static_cast<size_t>(next)]) ++next;
    o = next++;
  }
  return Set(c, c.Make("transpose", {x, c.Vector(order)}));
}

Status ConvertBroadcastTo(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const WholeNumbers to, WholeNumbersAt(c, 1, {"shape"}));
  if (c.data(to.vector)) return Set(c, c.Make("broadcast_to", {x, to.vector}));
  const Value inputs[] = {x, to.vector};
  return Set(c, c.EmitAs("broadcast_to", inputs, nullptr, {c.type(x).dtype, to.shape(), {}}));
}

Status ConvertUnstack(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  (void)c.Named("num");  // As many as the axis has.
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", 0), c.rank(x)));
  const int32_t n = c.shape(x)[axis];
  if (n < 1 || n > kMostParts) return c.Fail(Format("an axis of 1 to %d", static_cast<int>(kMostParts)), c.shape(x).text(), "give the input's shape");
  const bool has_kernel = c.type(x).dtype != DType::kI64;
  OCTET_ASSIGN(std::vector<Value> y, has_kernel ? c.MakeMany("unpack", {x}, {{"num", n}, {"axis", axis}}, n)
                                                : c.MakeMany("split", {Int(c, axis), x}, {{"num_splits", n}}, n));
  for (int32_t i = 0; i < n; ++i) {
    Value& part = y[static_cast<size_t>(i)];
    OCTET_ASSIGN(part, has_kernel ? Result<Value>(part) : c.Make("squeeze", {part}, {{"squeeze_dims", std::vector<int32_t>{axis}}}));
    c.SetOutput(i, part);
  }
  return {};
}

// Lists joined along the second, first or third axis.
template <int Axis> Status ConvertStacked(LayerContext& c) {
  OCTET_TRY(c.InputsToOneType());
  std::vector<Value> values;
  for (int i = 0; i < c.num_inputs(); ++i) values.push_back(c.Input(i));
  if (values.empty()) return c.Fail("tensors", "none", "");
  const int axis = Axis == 1 && c.rank(values[0]) == 1 ? 0 : Axis;
  if (c.rank(values[0]) <= axis) return c.Fail(Format("tensors of rank %d or more", axis + 1), c.shape(values[0]).text(), "");
  return Set(c, c.Make("concatenation", values, {{"axis", axis}}));
}

Status ConvertAppend(LayerContext& c) {
  OCTET_ASSIGN(Pair p, Operands(c, Literals::kOwn));
  if (c.Has("axis")) {
    OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", 0), c.rank(p.a)));
    return Set(c, c.Make("concatenation", {p.a, p.b}, {{"axis", axis}}));
  }
  OCTET_ASSIGN(p.a, c.Make("reshape", {p.a, c.Vector({-1})}));
  OCTET_ASSIGN(p.b, c.Make("reshape", {p.b, c.Vector({-1})}));
  return Set(c, c.Make("concatenation", {p.a, p.b}, {{"axis", 0}}));
}

template <int Back> Status ConvertFlipped(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  return Set(c, c.Make("reverse_v2", {x, c.Vector({Back})}));
}

// Turned by k quarter turns in the plane of two axes.
Status ConvertRot90(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  const std::vector<int64_t> plane = c.Ints("axes", {0, 1});
  int a = 0, b = 0;
  if (plane.size() != 2 || !ops::NormalizeAxis(plane[0], c.rank(x), &a) || !ops::NormalizeAxis(plane[1], c.rank(x), &b) || a == b)
    return c.Fail("two axes", "others", "");
  const int64_t k = ((c.Int("k", 1) % 4) + 4) % 4;
  if (k == 0) return Set(c, x);
  if (k == 2) return Set(c, Reversed(c, x, {a, b}));
  std::vector<int32_t> order;
  for (int i = 0; i < c.rank(x); ++i) order.push_back(i == a ? b : i == b ? a : i);
  if (k == 1) {
    OCTET_ASSIGN(x, c.Make("reverse_v2", {x, c.Vector({b})}));
    return Set(c, c.Make("transpose", {x, c.Vector(order)}));
  }
  OCTET_ASSIGN(x, c.Make("transpose", {x, c.Vector(order)}));
  return Set(c, c.Make("reverse_v2", {x, c.Vector({b})}));
}

// Behind the axis the indices are one for all elements, or the axis changes places with the last one.
Status ConvertTakeAlongAxis(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  OCTET_ASSIGN(Value at, Operand(c, 1, {"indices"}, DType::kI32));
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", -1), c.rank(x)));
  OCTET_ASSIGN(at, c.Cast(at, DType::kI32));
  const Shape s = c.shape(x), picked = c.shape(at);
  const int last = s.rank() - 1;
  if (picked.rank() != s.rank()) return c.Fail("indices of the same rank", picked.text(), "");
  for (int i = 0; i < axis; ++i)
    if (s[i] != picked[i]) return c.Fail("indices for all elements before the axis", picked.text(), "broadcast before");
  const auto behind = picked.dims().subspan(static_cast<size_t>(axis) + 1), all = s.dims().subspan(static_cast<size_t>(axis) + 1);
  if (axis < last && std::ranges::all_of(behind, [](int32_t d) { return d == 1; })) {
    std::vector<int32_t> ones;
    for (int i = axis + 1; i <= last; ++i) ones.push_back(i);
    OCTET_ASSIGN(at, c.Make("squeeze", {at}, {{"squeeze_dims", ones}}));
    return Set(c, c.Make("gather", {x, at}, {{"axis", axis}, {"batch_dims", axis}}));
  }
  if (!std::ranges::equal(behind, all)) return c.Fail("indices for all elements or one for all behind the axis", picked.text(), "broadcast before");
  OCTET_ASSIGN(x, Exchanged(c, x, axis));
  OCTET_ASSIGN(at, Exchanged(c, at, axis));
  OCTET_ASSIGN(const Value y, c.Make("gather", {x, at}, {{"axis", last}, {"batch_dims", last}}));
  return Set(c, Exchanged(c, y, axis));
}

// The choice of the first condition that holds.
Status ConvertSelect(LayerContext& c) {
  const Argument *conditions = FindArgument(c, 0, {"condlist"}), *choices = FindArgument(c, 1, {"choicelist"});
  if (!conditions || !choices || conditions->items.size() != choices->items.size() || choices->items.empty())
    return c.Fail("as many choices as conditions", "others", "");
  const Argument* otherwise = FindArgument(c, 2, {"default"});
  const Value rest = otherwise ? c.TensorOf(otherwise) : Value{};
  DType type = rest ? c.type(rest).dtype : DType::kBool;
  for (size_t i = 0; i < choices->items.size(); ++i) {
    const Value choice = c.TensorOf(&choices->items[i]);
    if (!c.TensorOf(&conditions->items[i]) || !choice) return c.Fail("tensors", "numbers", "");
    type = CommonType(type, c.type(choice).dtype);
  }
  Value y = NumberOf(c, 0, type);
  if (otherwise) {
    OCTET_ASSIGN(y, Operand(c, 2, {"default"}, type));
    OCTET_ASSIGN(y, c.Cast(y, type));
  }
  for (size_t i = conditions->items.size(); i-- > 0;) {
    OCTET_ASSIGN(const Value condition, c.Cast(c.TensorOf(&conditions->items[i]), DType::kBool));
    OCTET_ASSIGN(const Value choice, c.Cast(c.TensorOf(&choices->items[i]), type));
    OCTET_ASSIGN(y, c.Make("select_v2", {condition, choice, y}));
  }
  return Set(c, y);
}

Status ConvertFullLike(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const DType type, NamedType(c, 2, c.type(x).dtype));
  OCTET_ASSIGN(Value value, Operand(c, 1, {"fill_value"}, type));
  OCTET_ASSIGN(value, c.Cast(value, type));
  OCTET_ASSIGN(const Value shape, DimensionsOf(c, x));
  return Set(c, c.Make("broadcast_to", {value, shape}));
}

Status ConvertSize(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const Value shape, c.Make("shape", {x}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  return Set(c, c.Make("reduce_prod", {shape, c.Vector({0})}, {{"keep_dims", 0}}));
}

constexpr LayerRule kRules[] = {
    {"ops.Ravel", ConvertRavel}, {"ops.Moveaxis", ConvertMoveaxis}, {"ops.BroadcastTo", ConvertBroadcastTo}, {"tf.broadcast_to", ConvertBroadcastTo},
    {"ops.Unstack", ConvertUnstack}, {"tf.unstack", ConvertUnstack},
    {"ops.Hstack", ConvertStacked<1>}, {"ops.Vstack", ConvertStacked<0>}, {"ops.Dstack", ConvertStacked<2>}, {"ops.Append", ConvertAppend},
    {"ops.Flipud", ConvertFlipped<0>}, {"ops.Fliplr", ConvertFlipped<1>}, {"ops.TakeAlongAxis", ConvertTakeAlongAxis}, {"ops.Select", ConvertSelect},
    {"ops.Rot90", ConvertRot90}, {"ops.FullLike", ConvertFullLike}, {"ops.Size", ConvertSize}};

}  // namespace

const std::span<const LayerRule> kArrayRules = kRules;

}  // namespace octet::importers::keras
