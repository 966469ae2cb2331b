// SPDX-License-Identifier: Apache-2.0
// keras.ops that order or count numbers, leave NaN out, and build tensors.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "importers/keras/builder.h"
#include "importers/keras/layers/functions.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/function.h"
#include "importers/lowerings/selection.h"
#include "ops/shape_util.h"

namespace octet::importers::keras {
namespace {

Result<Value> Tensor(LayerContext& c, int position = 0) {
  return position == 0 ? Operand(c, 0, {"x", "x1", "a", "array", "y", "inputs"}) : Operand(c, 1, {"x2", "values", "y", "q"});
}
Result<Value> Floats(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  return c.Cast(x, DType::kF32);
}

std::vector<int32_t> Axes(const LayerContext& c, int rank) {
  std::vector<int64_t> axes;
  if (IntsOf(LiteralOf(c, -1, {"axis"}), &axes)) return {axes.begin(), axes.end()};
  std::vector<int32_t> all;
  for (int i = 0; i < rank; ++i) all.push_back(i);
  return all;
}
int64_t Keeps(const LayerContext& c) { return c.Get("keepdims").boolean(); }

// ---------------------------------------------------------------------------------------- order

// All numbers along the axes in one last dimension, and then rising: [..., n].
struct Ordered {
  Value sorted;
  int32_t count = 0;
  std::vector<int32_t> kept;  // The result's dimensions when the axes are kept, as 1.
};
Result<Ordered> Sorted(LayerContext& c, Value x) {
  const Shape s = c.shape(x);
  std::vector<bool> gone(static_cast<size_t>(s.rank()), false);
  for (const int32_t a : Axes(c, s.rank())) {
    int at = 0;
    if (!ops::NormalizeAxis(a, s.rank(), &at)) return c.Fail("axes inside the rank", std::to_string(a), "");
    gone[static_cast<size_t>(at)] = true;
  }
  Ordered out;
  std::vector<int32_t> order, dims;
  int64_t n = 1;
  for (int i = 0; i < s.rank(); ++i) {
    out.kept.push_back(gone[static_cast<size_t>(i)] ? 1 : s[i]);
    if (gone[static_cast<size_t>(i)]) continue;
    order.push_back(i);
    dims.push_back(s[i]);
  }
  for (int i = 0; i < s.rank(); ++i) {
    if (!gone[static_cast<size_t>(i)]) continue;
    order.push_back(i);
    if (s[i] < 1) return c.Fail("axes of known size", s.text(), "give the input's shape");
    n *= s[i];
  }
  if (n > (1 << 20) || std::ranges::count(dims, kUnknown) > 1) return c.Fail("axes of known size", s.text(), "give the input's shape");
  out.count = static_cast<int32_t>(n);
  dims.push_back(out.count);
  if (!std::ranges::is_sorted(order)) {
    OCTET_ASSIGN(x, c.Make("transpose", {x, c.Vector(order)}));
  }
  OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector(dims)}));
  OCTET_ASSIGN(x, c.Make("neg", {x}));
  OCTET_ASSIGN(const std::vector<Value> top, c.EmitNode("topk_v2", std::vector<Value>{x, Int(c, out.count)}, nullptr, {{DType::kF32, c.shape(x), {}}, {DType::kI32, c.shape(x), {}}}));
  OCTET_ASSIGN(out.sorted, c.Make("neg", {top[0]}));
  return out;
}

// The number at share q of the order, between two where it falls between.
Result<Value> AtShare(LayerContext& c, const Ordered& o, double q, const std::string& method) {
  const double place = q * (o.count - 1);
  double low = std::floor(place), high = std::ceil(place), share = place - low;
  if (method == "lower") share = 0;
  else if (method == "higher") share = 1;
  else if (method == "nearest") share = std::nearbyint(place) > low ? 1 : 0;
  else if (method == "midpoint") share = low == high ? 0 : 0.5;
  else if (method != "linear") return c.Fail("a method that octet knows", method, "");
  const int32_t axis = c.rank(o.sorted) - 1;
  const auto at = [&](double i) { return c.Make("gather", {o.sorted, Int(c, static_cast<int32_t>(i))}, {{"axis", axis}}); };
  if (share == 0 || low == high) return at(low);
  if (share == 1) return at(high);
  OCTET_ASSIGN(const Value a, at(low));
  OCTET_ASSIGN(const Value b, at(high));
  OCTET_ASSIGN(Value d, c.Make("sub", {b, a}));
  OCTET_ASSIGN(d, Times(c, d, static_cast<float>(share)));
  return c.Make("add", {a, d});
}

Status ConvertQuantile(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Floats(c));
  OCTET_ASSIGN(const Ordered o, Sorted(c, x));
  std::vector<float> shares = {0.5f};
  bool scalar = true;
  if (c.kind() != "Median") {
    OCTET_ASSIGN(const Value q, Operand(c, 1, {"q"}));
    const std::span<const float> known = c.data_as<float>(q);
    if (known.empty() || known.size() > 64) return c.Fail("1 to 64 constant shares", "others", "");
    shares.assign(known.begin(), known.end());
    scalar = c.rank(q) == 0;
  }
  std::vector<Value> values;
  for (const float q : shares) {
    OCTET_ASSIGN(Value v, AtShare(c, o, c.kind() == "Percentile" ? q / 100.0 : q, c.Text("method", "linear")));
    if (Keeps(c)) {
      OCTET_ASSIGN(v, c.Make("reshape", {v, c.Vector(o.kept)}));
    }
    values.push_back(v);
  }
  if (scalar) return Set(c, values[0]);
  return Set(c, c.Make("pack", values, {{"values_count", static_cast<int64_t>(values.size())}, {"axis", 0}}));
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

// ------------------------------------------------------------------------------------------ NaN

// What stands for NaN in a reduction: what it starts from.
Result<Value> Replaced(LayerContext& c, Value x, Value good, float by) { return c.Make("select_v2", {good, x, c.Scalar(by)}); }

// ------------------------------------------------------------------------------------ functions

// |a - b| <= atol + rtol * |b|; whole numbers are equal or not.
Result<Value> Close(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Operands(c, Literals::kOwn));
  if (!IsFloat(c.type(p.a).dtype)) return c.Make("equal", {p.a, p.b});
  const Json &rtol = LiteralOf(c, 2, {"rtol"}), &atol = LiteralOf(c, 3, {"atol"});
  if (c.Bool("equal_nan", false)) return c.Fail("equal_nan=False", "True", "");
  const double relative = rtol.is_number() ? rtol.number() : 1e-5, absolute = atol.is_number() ? atol.number() : 1e-8;
  OCTET_ASSIGN(Value d, c.Make("sub", {p.a, p.b}));
  OCTET_ASSIGN(d, c.Make("abs", {d}));
  OCTET_ASSIGN(Value most, c.Make("abs", {p.b}));
  OCTET_ASSIGN(most, Times(c, most, static_cast<float>(relative)));
  OCTET_ASSIGN(most, Plus(c, most, static_cast<float>(absolute)));
  return c.Make("less_equal", {d, most});
}
Status ConvertClose(LayerContext& c) {
  OCTET_ASSIGN(const Value close, Close(c));
  if (c.kind() == "Isclose") return Set(c, close);
  std::vector<int32_t> all;
  for (int i = 0; i < c.rank(close); ++i) all.push_back(i);
  return Set(c, c.Make("reduce_all", {close, c.Vector(all)}, {{"keep_dims", 0}}));
}

Status ConvertSignbit(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Floats(c));
  return Set(c, c.Make("less", {x, c.Scalar(0)}));
}
// Of a real number: 0, or pi below zero.
Status ConvertAngle(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Floats(c));
  OCTET_ASSIGN(Value below, c.Make("less", {x, c.Scalar(0)}));
  OCTET_ASSIGN(below, c.Cast(below, DType::kF32));
  return Set(c, Times(c, below, static_cast<float>(std::numbers::pi)));
}
Status ConvertImag(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const Value whole, Widened(c, x));
  OCTET_ASSIGN(const Value y, c.Make("zeros_like", {whole}));
  return Set(c, c.Cast(y, c.type(x).dtype));
}
// log2(2^x + 2^y)
Status ConvertLogaddexp2(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, FloatOperands(c));
  constexpr auto ln2 = static_cast<float>(std::numbers::ln2);
  OCTET_ASSIGN(const Value a, Times(c, p.a, ln2));
  OCTET_ASSIGN(const Value b, Times(c, p.b, ln2));
  OCTET_ASSIGN(const Value y, LogAddExp(c, a, b));
  return Set(c, Times(c, y, 1 / ln2));
}
Status ConvertVdot(LayerContext& c) {
  OCTET_ASSIGN(const Factors p, ProductOperands(c));
  OCTET_ASSIGN(const Value a, c.Make("reshape", {p.a, c.Vector({-1})}));
  OCTET_ASSIGN(const Value b, c.Make("reshape", {p.b, c.Vector({-1})}));
  OCTET_ASSIGN(Value y, c.Make("mul", {a, b}));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector({0})}, {{"keep_dims", 0}}));
  return Set(c, Narrowed(c, y, p.result));
}

// Vectors of three along the last axis; of two: the third number of their product.
Status ConvertCross(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Operands(c, Literals::kOwn));
  const int32_t last = c.rank(p.a) - 1;
  if (last >= 0 && c.rank(p.b) > 0 && c.shape(p.a).back() == 2 && c.shape(p.b).back() == 2) {
    const Value other = c.Vector({1, 0});
    OCTET_ASSIGN(Value y, c.Make("gather", {p.b, other}, {{"axis", c.rank(p.b) - 1}}));
    OCTET_ASSIGN(y, c.Make("mul", {p.a, y}));  // a0 b1, a1 b0
    OCTET_ASSIGN(const std::vector<Value> parts, c.MakeMany("split", {Int(c, c.rank(y) - 1), y}, {{"num_splits", 2}}, 2));
    OCTET_ASSIGN(y, c.Make("sub", {parts[0], parts[1]}));
    return Set(c, c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{c.rank(y) - 1}}}));
  }
  if (last < 0 || c.rank(p.b) == 0 || c.shape(p.a).back() != 3 || c.shape(p.b).back() != 3)
    return c.Fail("vectors of three numbers along the last axis", c.shape(p.a).text(), "");
  const auto turned = [&](Value v, std::initializer_list<int32_t> order) { return c.Make("gather", {v, c.Vector(order)}, {{"axis", last}}); };
  OCTET_ASSIGN(const Value a1, turned(p.a, {1, 2, 0}));
  OCTET_ASSIGN(const Value b2, turned(p.b, {2, 0, 1}));
  OCTET_ASSIGN(const Value a2, turned(p.a, {2, 0, 1}));
  OCTET_ASSIGN(const Value b1, turned(p.b, {1, 2, 0}));
  OCTET_ASSIGN(const Value x, c.Make("mul", {a1, b2}));
  OCTET_ASSIGN(const Value y, c.Make("mul", {a2, b1}));
  return Set(c, c.Make("sub", {x, y}));
}

// (y[1:] + y[:-1]) / 2 * dx, summed
Status ConvertTrapezoid(LayerContext& c) {
  OCTET_ASSIGN(const Value y, Floats(c));
  int axis = 0;
  if (!c.Get("x").is_null()) return c.Fail("equal distances", "an x", "");
  if (!ops::NormalizeAxis(c.Int("axis", -1), c.rank(y), &axis) || c.shape(y)[axis] < 1) return c.Fail("an axis of known size", c.shape(y).text(), "");
  const int32_t n = c.shape(y)[axis];
  std::vector<float> weights(static_cast<size_t>(n), static_cast<float>(c.Number("dx", 1)));
  weights.front() /= 2, weights.back() /= 2;
  std::vector<int32_t> dims(static_cast<size_t>(c.rank(y)), 1);
  dims[static_cast<size_t>(axis)] = n;
  OCTET_ASSIGN(const Value v, c.Make("mul", {y, c.Constant<float>(Shape(dims), weights)}));
  return Set(c, c.Make("sum", {v, c.Vector({axis})}, {{"keep_dims", 0}}));
}

// Turned by k quarter turns in the plane of two axes.
Status ConvertRot90(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  const std::vector<int64_t> plane = c.Ints("axes", {0, 1});
  int a = 0, b = 0;
  if (plane.size() != 2 || !ops::NormalizeAxis(plane[0], c.rank(x), &a) || !ops::NormalizeAxis(plane[1], c.rank(x), &b) || a == b) return c.Fail("two axes", "others", "");
  const int64_t k = ((c.Int("k", 1) % 4) + 4) % 4;
  if (k == 0) return Set(c, x);
  if (k == 2) return Set(c, c.Make("reverse_v2", {x, c.Vector({a, b})}));
  std::vector<int32_t> order;
  for (int i = 0; i < c.rank(x); ++i) order.push_back(i == a ? b : i == b ? a : i);
  if (k == 1) {
    OCTET_ASSIGN(x, c.Make("reverse_v2", {x, c.Vector({b})}));
    return Set(c, c.Make("transpose", {x, c.Vector(order)}));
  }
  OCTET_ASSIGN(x, c.Make("transpose", {x, c.Vector(order)}));
  return Set(c, c.Make("reverse_v2", {x, c.Vector({b})}));
}

Status ConvertFullLike(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const DType type, NamedType(c, 2, c.type(x).dtype));
  OCTET_ASSIGN(Value value, Operand(c, 1, {"fill_value"}, type));
  OCTET_ASSIGN(value, c.Cast(value, type));
  OCTET_ASSIGN(const Value shape, DimensionsOf(c, x));
  return Set(c, c.Make("broadcast_to", {value, shape}));
}

// Real numbers, all of them.
Status ConvertIsReal(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const Value shape, DimensionsOf(c, x));
  return Set(c, c.Make("broadcast_to", {NumberOf(c, 1, DType::kBool), shape}));
}

// Whether a number is among those of another tensor.
Status ConvertIsIn(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Operands(c, Literals::kOwn));
  OCTET_ASSIGN(const Value each, c.Make("expand_dims", {p.a, c.Vector({-1})}));
  OCTET_ASSIGN(const Value all, c.Make("reshape", {p.b, c.Vector({-1})}));
  OCTET_ASSIGN(Value y, c.Make("equal", {each, all}));
  OCTET_ASSIGN(y, c.Make("reduce_any", {y, c.Vector({c.rank(p.a)})}, {{"keep_dims", 0}}));
  return Set(c, c.Bool("invert", false) ? c.Make("logical_not", {y}) : Result<Value>(y));
}

// Two operands that are floats: differences of whole numbers wrap around in Keras, which no one means.
Result<Pair> Fractions(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Operands(c, Literals::kOwn));
  const DType own = c.type(p.a).dtype;
  return IsFloat(own) ? Result<Pair>(p) : c.Fail("floats", std::string(NumpyName(own)), "cast the inputs to float32 before");
}

// Distances between all rows of one and of the other.
Status ConvertDistances(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Fractions(c));
  OCTET_ASSIGN(const Value x, c.Make("expand_dims", {p.a, c.Vector({-2})}));
  OCTET_ASSIGN(Value y, c.Make("expand_dims", {p.b, c.Vector({-3})}));
  OCTET_ASSIGN(y, c.Make("squared_difference", {x, y}));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector({c.rank(y) - 1})}, {{"keep_dims", 0}}));
  return Set(c, c.Make("sqrt", {y}));
}

// 20 log10(largest / root of the mean squared error), of all numbers.
Status ConvertPsnr(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Fractions(c));
  OCTET_ASSIGN(Value y, c.Make("squared_difference", {p.a, p.b}));
  std::vector<int32_t> all;
  for (int i = 0; i < c.rank(y); ++i) all.push_back(i);
  OCTET_ASSIGN(y, c.Make("mean", {y, c.Vector(all)}, {{"keep_dims", 0}}));
  OCTET_ASSIGN(y, c.Make("log", {y}));
  OCTET_ASSIGN(y, Times(c, y, static_cast<float>(-10 / std::numbers::ln10)));
  return Set(c, Plus(c, y, static_cast<float>(20 * std::log10(c.Number("max_val", 1)))));
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

Status ConvertSize(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const Value shape, c.Make("shape", {x}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  return Set(c, c.Make("reduce_prod", {shape, c.Vector({0})}, {{"keep_dims", 0}}));
}

// How often each whole number occurs along the last axis.
Status ConvertBincount(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const auto n = static_cast<int32_t>(c.Int("minlength", 0));
  if (n < 1 || !c.Get("weights").is_null()) return c.Fail("a minlength that no number reaches, without weights", std::to_string(n), "");
  OCTET_ASSIGN(const Value ids, c.Cast(x, DType::kI32));
  OCTET_ASSIGN(const Value hot, c.Make("one_hot", {ids, Int(c, n), Int(c, 1), Int(c, 0)}, {{"axis", -1}}));
  return Set(c, c.Make("sum", {hot, c.Vector({c.rank(x) - 1})}, {{"keep_dims", 0}}));
}

constexpr LayerRule kRules[] = {
    {"ops.Median", ConvertQuantile}, {"ops.Quantile", ConvertQuantile}, {"ops.Percentile", ConvertQuantile}, {"ops.SearchSorted", ConvertSearchSorted},
    
    {"ops.Nanmean", ConvertNanReduction}, {"ops.Nanvar", ConvertNanReduction}, {"ops.Nanstd", ConvertNanReduction}, {"ops.Isclose", ConvertClose},
    {"ops.AllClose", ConvertClose}, {"ops.Signbit", ConvertSignbit}, {"ops.Angle", ConvertAngle}, {"ops.Imag", ConvertImag}, {"ops.Logaddexp2", ConvertLogaddexp2},
    {"ops.Vdot", ConvertVdot}, {"ops.Cross", ConvertCross}, {"ops.Trapezoid", ConvertTrapezoid}, {"ops.Rot90", ConvertRot90},
    {"ops.Isreal", ConvertIsReal}, {"ops.IsIn", ConvertIsIn}, {"ops.CDist", ConvertDistances}, {"ops.PSNR", ConvertPsnr}, {"ops.InTopK", ConvertInTopK},
    {"ops.FullLike", ConvertFullLike}, {"ops.EmptyLike", ConvertImag}, {"ops.Size", ConvertSize}, {"ops.Bincount", ConvertBincount}};

}  // namespace

Status ConvertNanReduction(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Floats(c));
  OCTET_ASSIGN(const Value good, c.Make("equal", {x, x}));
  const Value axes = c.Vector(Axes(c, c.rank(x)));
  const std::string_view kind = c.kind();
  constexpr float kMost = std::numeric_limits<float>::infinity();
  const auto reduce = [&](const char* op, float by) -> Result<Value> {
    OCTET_ASSIGN(const Value v, Replaced(c, x, good, by));
    return c.Make(op, {v, axes}, {{"keep_dims", Keeps(c)}});
  };
  if (kind == "Nansum") return Set(c, reduce("sum", 0));
  if (kind == "Nanprod") return Set(c, reduce("reduce_prod", 1));
  if (kind == "Nanmax") return Set(c, reduce("reduce_max", -kMost));
  if (kind == "Nanmin") return Set(c, reduce("reduce_min", kMost));
  OCTET_ASSIGN(const Value ones, c.Cast(good, DType::kF32));
  OCTET_ASSIGN(const Value count, c.Make("sum", {ones, axes}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(const Value safe, Replaced(c, x, good, 0));
  OCTET_ASSIGN(const Value sum, c.Make("sum", {safe, axes}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(Value y, c.Make("div", {sum, count}));
  if (kind != "Nanmean") {
    OCTET_ASSIGN(Value d, c.Make("sub", {safe, y}));
    OCTET_ASSIGN(d, c.Make("mul", {d, d}));
    OCTET_ASSIGN(d, c.Make("mul", {d, ones}));
    OCTET_ASSIGN(d, c.Make("sum", {d, axes}, {{"keep_dims", 1}}));
    OCTET_ASSIGN(y, c.Make("div", {d, count}));
    if (kind == "Nanstd") {
      OCTET_ASSIGN(y, c.Make("sqrt", {y}));
    }
  }
  if (Keeps(c)) return Set(c, y);
  std::vector<int32_t> gone;
  for (const int32_t a : Axes(c, c.rank(x))) gone.push_back(a < 0 ? a + c.rank(x) : a);
  return Set(c, c.Make("squeeze", {y}, {{"squeeze_dims", gone}}));
}

const std::span<const LayerRule> kStatisticRules = kRules;

}  // namespace octet::importers::keras
