// SPDX-License-Identifier: Apache-2.0
// keras.ops that order numbers or compare them with a given order.
#include "importers/keras/layers/order.h"

#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/axes.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/selection.h"
#include "ops/keras_conv_util.h"

namespace octet::importers::keras {
namespace {

Result<std::vector<Value>> Top(LayerContext& c, Value x, Value k, int32_t known) {
  Shape s = c.shape(x);
  s[s.rank() - 1] = known;
  return c.EmitNode("topk_v2", std::vector<Value>{x, k}, nullptr, {{c.type(x).dtype, s, {}}, {DType::kI32, s, {}}});
}

// The largest of what is negated first.
Result<std::vector<Value>> Rising(LayerContext& c, Value x) {
  const int last = c.rank(x) - 1;
  OCTET_ASSIGN(x, c.Make("neg", {x}));
  OCTET_ASSIGN(const Value n, ops::DimensionOf(c, x, last));
  return Top(c, x, n, c.shape(x)[last]);
}

Status ConvertTopK(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const Value wide, Widened(c, x));
  (void)c.Named("sorted");  // In order is one of the orders that False allows.
  const auto k = static_cast<int32_t>(c.Int("k", 1));
  OCTET_ASSIGN(const std::vector<Value> y, Top(c, wide, Int(c, k), k));
  OCTET_ASSIGN(const Value numbers, c.Cast(y[0], c.type(x).dtype));
  c.SetOutput(0, numbers);
  c.SetOutput(1, y[1]);
  return {};
}

// Along an axis, which changes places with the last one; without one all numbers in a row.
Status ConvertSort(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  const DType own = c.type(x).dtype;
  if (!c.Has("axis")) {
    OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector({-1})}));
  }
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", -1), c.rank(x)));
  OCTET_ASSIGN(x, Exchanged(c, x, axis));
  OCTET_ASSIGN(x, Widened(c, x));
  OCTET_ASSIGN(x, c.kind() == "Argsort" ? SortedPlaces(c, x) : Sorted(c, x));
  OCTET_ASSIGN(x, c.Cast(x, c.kind() == "Argsort" ? DType::kI32 : own));
  return Set(c, Exchanged(c, x, axis));
}

// The places of the k + 1 least, rising, then those of the others, falling: as Keras with TensorFlow has them where its numbers are whole and above zero,
// and one of the answers that it may give where they are not.
Status ConvertArgPartition(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  if (!c.Has("axis")) {
    OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector({-1})}));
  }
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", -1), c.rank(x)));
  OCTET_ASSIGN(x, Exchanged(c, x, axis));
  const int32_t n = c.shape(x).back();
  const int64_t given = c.Int("kth", 0), k = given + (given < 0 ? n : 0);
  if (n < 1 || k < 0 || k >= n) return c.Fail("an axis of known size, and a place on it", Format("%d and %lld", n, static_cast<long long>(given)), "");
  OCTET_ASSIGN(x, Widened(c, x));
  OCTET_ASSIGN(const Value places, SortedPlaces(c, x));
  const auto least = static_cast<int32_t>(k + 1), last = static_cast<int32_t>(c.rank(x) - 1);
  if (least == n) return Set(c, Exchanged(c, places, axis));
  const Value sizes = c.Vector({least, n - least});
  OCTET_ASSIGN(const std::vector<Value> parts, c.MakeMany("split_v", {places, sizes, Int(c, last)}, {{"num_splits", 2}}, 2));
  OCTET_ASSIGN(const Value falling, c.Make("reverse_v2", {parts[1], c.Vector({last})}));
  OCTET_ASSIGN(const Value y, c.Make("concatenation", {parts[0], falling}, {{"axis", last}}));
  return Set(c, Exchanged(c, y, axis));
}

Status ConvertDigitize(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  OCTET_ASSIGN(x, Widened(c, x));
  std::vector<double> limits;
  if (!NumbersOf(LiteralOf(c, 1, {"bins"}), &limits)) return c.Fail("bins of numbers", "another kind of argument", "");
  return Set(c, Bucketize(c, x, {limits.begin(), limits.end()}));
}

Status ConvertSearchSorted(LayerContext& c) {
  OCTET_ASSIGN(Value limits, Operand(c, 0, {"sorted_sequence"}));
  OCTET_ASSIGN(Value x, Operand(c, 1, {"values"}));
  const DType common = CommonType(c.type(limits).dtype, c.type(x).dtype);
  OCTET_ASSIGN(limits, c.Cast(limits, common));
  OCTET_ASSIGN(x, c.Cast(x, common));
  if (c.rank(limits) != 1) return c.Fail("a sequence", c.shape(limits).text(), "");
  OCTET_ASSIGN(const Value each, c.Make("expand_dims", {x, c.Vector({-1})}));
  OCTET_ASSIGN(Value below, c.Make(c.Text("side", "left") == "left" ? "less" : "less_equal", {limits, each}));
  OCTET_ASSIGN(below, c.Cast(below, DType::kI32));
  return Set(c, c.Make("sum", {below, c.Vector({c.rank(x)})}, {{"keep_dims", 0}}));
}

// Whether fewer than k classes score higher than the target.
Status ConvertInTopK(LayerContext& c) {
  OCTET_ASSIGN(Value targets, Operand(c, 0, {"targets"}, DType::kI32));
  OCTET_ASSIGN(const Value scores, Operand(c, 1, {"predictions"}));
  if (c.rank(targets) != 1 || c.rank(scores) != 2) return c.Fail("targets [batch] and predictions [batch, classes]", c.shape(scores).text(), "");
  OCTET_ASSIGN(targets, c.Cast(targets, DType::kI32));
  OCTET_ASSIGN(targets, c.Make("expand_dims", {targets, c.Vector({1})}));
  OCTET_ASSIGN(const Value own, c.Make("gather", {scores, targets}, {{"axis", 1}, {"batch_dims", 1}}));
  OCTET_ASSIGN(Value y, c.Make("greater", {scores, own}));
  OCTET_ASSIGN(y, c.Cast(y, DType::kI32));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector({1})}, {{"keep_dims", 0}}));
  return Set(c, c.Make("less", {y, Int(c, static_cast<int32_t>(c.Int("k", 1)))}));
}

constexpr LayerRule kRules[] = {
    {"ops.TopK", ConvertTopK}, {"tf.math.top_k", ConvertTopK}, {"ops.Sort", ConvertSort}, {"ops.Argsort", ConvertSort}, {"ops.Digitize", ConvertDigitize},
    {"ops.SearchSorted", ConvertSearchSorted}, {"ops.InTopK", ConvertInTopK}, {"ops.Argpartition", ConvertArgPartition}};

}  // namespace

Result<Value> Sorted(LayerContext& c, Value x) {
  OCTET_ASSIGN(const std::vector<Value> y, Rising(c, x));
  return c.Make("neg", {y[0]});
}

Result<Value> SortedPlaces(LayerContext& c, Value x) {
  OCTET_ASSIGN(const std::vector<Value> y, Rising(c, x));
  return y[1];
}

const std::span<const LayerRule> kOrderRules = kRules;

}  // namespace octet::importers::keras
