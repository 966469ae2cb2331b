// SPDX-License-Identifier: Apache-2.0
// keras.ops of statistics: moments, averages, quantiles, correlation.
#include <algorithm>
#include <cmath>
#include <limits>

#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/axes.h"
#include "importers/keras/layers/order.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/activation.h"
#include "ops/keras_conv_util.h"

namespace octet::importers::keras {
namespace {

Result<Value> Variance(LayerContext& c, Value x, const std::vector<int32_t>& axes, int64_t keep) {
  OCTET_ASSIGN(const Value mean, c.Make("mean", {x, c.Vector(axes)}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(const Value d, c.Make("squared_difference", {x, mean}));
  return c.Make("mean", {d, c.Vector(axes)}, {{"keep_dims", keep}});
}

Status ConvertVar(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  return Set(c, Variance(c, x, AxesOf(c, c.rank(x)), Keeps(c)));
}

Status ConvertStd(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  OCTET_ASSIGN(const Value v, Variance(c, x, AxesOf(c, c.rank(x)), Keeps(c)));
  return Set(c, c.Make("sqrt", {v}));
}

Status ConvertMoments(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  const std::vector<int32_t> axes = AxesOf(c, c.rank(x));
  OCTET_ASSIGN(const Value mean, c.Make("mean", {x, c.Vector(axes)}, {{"keep_dims", Keeps(c)}}));
  OCTET_ASSIGN(const Value v, Variance(c, x, axes, Keeps(c)));
  OCTET_ASSIGN(const Value given, Operand(c, 0, {"x"}));
  OCTET_ASSIGN(const Value first, Narrowed(c, mean, c.type(given).dtype));
  OCTET_ASSIGN(const Value second, Narrowed(c, v, c.type(given).dtype));
  c.SetOutput(0, first);
  c.SetOutput(1, second);
  return {};
}

Status ConvertAverage(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  if (const Argument* weights = FindArgument(c, 1, {"weights"}); weights && (c.TensorOf(weights) || !LiteralOf(c, 1, {"weights"}).is_null())) {
    OCTET_ASSIGN(Value w, Operand(c, 1, {"weights"}));
    OCTET_ASSIGN(w, c.Cast(w, DType::kF32));
    const std::vector<int32_t> axes = AxesOf(c, c.rank(x));
    if (c.rank(w) == 1 && c.rank(x) > 1) {  // Along the one axis.
      if (axes.size() != 1) return c.Fail("weights of the tensor's shape", c.shape(w).text(), "name an axis");
      std::vector<int32_t> dims(static_cast<size_t>(c.rank(x)), 1);
      dims[static_cast<size_t>(axes[0] < 0 ? axes[0] + c.rank(x) : axes[0])] = c.shape(w)[0];
      OCTET_ASSIGN(w, c.Make("reshape", {w, c.Vector(dims)}));
    }
    OCTET_ASSIGN(Value y, c.Make("mul", {x, w}));
    OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector(axes)}, {{"keep_dims", 0}}));
    OCTET_ASSIGN(const Value sum, c.Make("sum", {w, c.Vector(axes)}, {{"keep_dims", 0}}));
    return Set(c, c.Make("div", {y, sum}));
  }
  return Set(c, c.Make("mean", {x, c.Vector(AxesOf(c, c.rank(x)))}, {{"keep_dims", 0}}));
}

// ----------------------------------------------------------------------------------------- quantiles

// All numbers along the axes in one last dimension, and then rising: [..., n]. Without NaN (of the functions that leave it out): those are last.
struct Ordered {
  Value sorted;
  int32_t size = kUnknown;    // n
  Value count;                // How many are numbers, [...]: empty where all are.
  std::vector<int32_t> kept;  // The result's dimensions when the axes are kept, as 1.
};

Result<Ordered> InOrder(LayerContext& c, Value x) {
  const Shape s = c.shape(x);
  std::vector<bool> gone(static_cast<size_t>(s.rank()), false);
  for (const int32_t a : AxesOf(c, s.rank(), -1)) {
    OCTET_ASSIGN(const int at, AxisOf(c, a, s.rank()));
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
    n = n == kUnknown || s[i] == kUnknown ? kUnknown : n * s[i];
  }
  if (n == 0 || n > kMostOrdered) return c.Fail(Format("1 to %d numbers", kMostOrdered), s.text(), "");
  out.size = static_cast<int32_t>(n);
  dims.push_back(out.size);
  if (std::ranges::count(dims, kUnknown) > 1) return c.Fail("at most one dimension of unknown size", s.text(), "give the input's shape");
  if (!std::ranges::is_sorted(order)) {
    OCTET_ASSIGN(x, c.Make("transpose", {x, c.Vector(order)}));
  }
  OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector(dims)}));
  if (c.kind().starts_with("Nan")) {
    OCTET_ASSIGN(const Value good, c.Make("equal", {x, x}));
    OCTET_ASSIGN(x, c.Make("select_v2", {good, x, c.Scalar(std::numeric_limits<float>::infinity())}));
    OCTET_ASSIGN(out.count, c.Cast(good, DType::kI32));
    OCTET_ASSIGN(out.count, c.Make("sum", {out.count, c.Vector({c.rank(x) - 1})}, {{"keep_dims", 0}}));
  }
  OCTET_ASSIGN(out.sorted, Sorted(c, x));
  return out;
}

// Which numbers of the order a share lies between, and how far it is from the first to the second.
struct Place {
  double low = 0, high = 0, share = 0;
};
Result<Place> PlaceOf(LayerContext& c, double at, const std::string& method) {
  Place p{std::floor(at), std::ceil(at), at - std::floor(at)};
  if (method == "lower") p.high = p.low, p.share = 0;
  else if (method == "higher") p.low = p.high, p.share = 0;
  else if (method == "nearest") p.low = p.high = std::nearbyint(at), p.share = 0;
  else if (method == "midpoint") p.share = p.low == p.high ? 0 : 0.5;
  else if (method != "linear") return c.Fail("a method that octet knows", method, "");
  return p;
}

// The same as values.
struct Places {
  Value low, high, share;  // The second and the share are empty where all lie on a number.
};

// For each count of numbers (0 to n) what its place is, looked up: the table holds them as float64 finds them.
Result<Places> PlacesOfCounts(LayerContext& c, const Ordered& o, double q, const std::string& method) {
  std::vector<int32_t> low, high;
  std::vector<float> share;
  for (int32_t n = 0; n <= o.size; ++n) {
    OCTET_ASSIGN(const Place p, PlaceOf(c, q * std::max(n - 1, 0), method));
    low.push_back(static_cast<int32_t>(p.low)), high.push_back(static_cast<int32_t>(p.high)), share.push_back(static_cast<float>(p.share));
  }
  Places y;
  OCTET_ASSIGN(y.low, c.Make("gather", {c.Vector(low), o.count}, {{"axis", 0}}));
  if (low == high) return y;
  OCTET_ASSIGN(y.high, c.Make("gather", {c.Vector(high), o.count}, {{"axis", 0}}));
  OCTET_ASSIGN(y.share, c.Make("gather", {c.Constant<float>(Shape{o.size + 1}, share), o.count}, {{"axis", 0}}));
  return y;
}

// Where only the running model knows how many there are.
Result<Places> ComputedPlaces(LayerContext& c, const Ordered& o, double q, const std::string& method) {
  if (method != "linear" && method != "midpoint" && q * 256 != std::floor(q * 256))  // In float32 it might round to a neighbour.
    return c.Fail("an axis of known size for method '" + method + "'", c.shape(o.sorted).text(), "give the input's shape, or take method='linear'");
  OCTET_TRY(PlaceOf(c, 0, method).status());
  OCTET_ASSIGN(Value n, o.count ? Result<Value>(o.count) : ops::DimensionOf(c, o.sorted, c.rank(o.sorted) - 1));
  OCTET_ASSIGN(n, c.Make("sub", {n, Int(c, 1)}));
  OCTET_ASSIGN(n, c.Make("maximum", {n, Int(c, 0)}));
  OCTET_ASSIGN(Value at, c.Cast(n, DType::kF32));
  OCTET_ASSIGN(at, Times(c, at, static_cast<float>(q)));
  const auto whole = [&](const char* op) -> Result<Value> {
    OCTET_ASSIGN(const Value v, c.Make(op, {at}));
    return c.Cast(v, DType::kI32);
  };
  Places y;
  OCTET_ASSIGN(y.low, whole(method == "higher" ? "ceil" : method == "nearest" ? "round" : "floor"));
  if (method != "linear" && method != "midpoint") return y;
  OCTET_ASSIGN(y.high, whole("ceil"));
  OCTET_ASSIGN(const Value below, c.Make("floor", {at}));
  OCTET_ASSIGN(y.share, c.Make("sub", {at, below}));
  if (method == "midpoint") {  // Halfway, where it is on the way.
    OCTET_ASSIGN(y.share, c.Make("ceil", {y.share}));
    OCTET_ASSIGN(y.share, Times(c, y.share, 0.5f));
  }
  return y;
}

// low + share * (high - low)
Result<Value> Between(LayerContext& c, Value low, Value high, Value share) {
  OCTET_ASSIGN(Value d, c.Make("sub", {high, low}));
  OCTET_ASSIGN(d, c.Make("mul", {d, share}));
  return c.Make("add", {low, d});
}

// The number at share q of the order, between two where it falls between.
Result<Value> AtShare(LayerContext& c, const Ordered& o, double q, const std::string& method) {
  const int32_t axis = c.rank(o.sorted) - 1;
  if (!o.count && o.size != kUnknown) {
    OCTET_ASSIGN(const Place p, PlaceOf(c, q * (o.size - 1), method));
    const auto at = [&](double i) { return c.Make("gather", {o.sorted, Int(c, static_cast<int32_t>(i))}, {{"axis", axis}}); };
    if (p.share == 0 || p.low == p.high) return at(p.low);
    OCTET_ASSIGN(const Value low, at(p.low));
    OCTET_ASSIGN(const Value high, at(p.high));
    return Between(c, low, high, c.Scalar(static_cast<float>(p.share)));
  }
  OCTET_ASSIGN(const Places p, o.size == kUnknown ? ComputedPlaces(c, o, q, method) : PlacesOfCounts(c, o, q, method));
  const auto at = [&](Value i) { return c.Make("gather", {o.sorted, i}, {{"axis", axis}, {"batch_dims", o.count ? axis : 0}}); };
  OCTET_ASSIGN(Value y, at(p.low));
  if (p.high) {
    OCTET_ASSIGN(const Value high, at(p.high));
    OCTET_ASSIGN(y, Between(c, y, high, p.share));
  }
  if (!o.count) return y;
  OCTET_ASSIGN(const Value none, c.Make("equal", {o.count, Int(c, 0)}));
  return c.Make("select_v2", {none, c.Scalar(std::numeric_limits<float>::quiet_NaN()), y});
}

// NaN where one is among the numbers.
Result<Value> WithNan(LayerContext& c, const Ordered& o, Value y) {
  OCTET_ASSIGN(Value bad, c.Make("not_equal", {o.sorted, o.sorted}));
  OCTET_ASSIGN(bad, c.Make("reduce_any", {bad, c.Vector({c.rank(o.sorted) - 1})}, {{"keep_dims", 0}}));
  return c.Make("select_v2", {bad, c.Scalar(std::numeric_limits<float>::quiet_NaN()), y});
}

Status ConvertQuantile(LayerContext& c) {
  OCTET_ASSIGN(const Value given, Tensor(c));
  OCTET_ASSIGN(const Value x, c.Cast(given, DType::kF32));
  OCTET_ASSIGN(const Ordered o, InOrder(c, x));
  std::vector<float> shares = {0.5f};
  bool scalar = true;
  if (!c.kind().ends_with("edian")) {
    OCTET_ASSIGN(const Value q, Operand(c, 1, {"q"}));
    const std::span<const float> known = c.data_as<float>(q);
    if (known.empty() || known.size() > 64) return c.Fail("1 to 64 constant shares", "others", "");
    shares.assign(known.begin(), known.end());
    scalar = c.rank(q) == 0;
  }
  const bool percents = c.kind().ends_with("ercentile");
  const std::string method = c.Text("method", "linear");
  if (c.kind() == "Quantile" && method != "linear")  // Keras forgets it when the model runs: neither answer would be what was meant.
    return c.Fail("method linear, which Keras' models compute whatever is named", method, "take keras.ops.percentile, which keeps the method");
  const bool holes = !o.count && IsFloat(c.type(given).dtype);
  std::vector<Value> values;
  for (const float q : shares) {
    const double share = percents ? q / 100.0 : q;
    if (!(share >= 0 && share <= 1)) return c.Fail("shares from 0 to 1 (percentiles to 100)", std::to_string(q), "");
    OCTET_ASSIGN(Value v, AtShare(c, o, share, method));
    OCTET_ASSIGN(v, holes ? WithNan(c, o, v) : Result<Value>(v));
    if (Keeps(c)) {
      OCTET_ASSIGN(v, c.Make("reshape", {v, c.Vector(o.kept)}));
    }
    values.push_back(v);
  }
  if (scalar) return Set(c, values[0]);
  return Set(c, c.Make("pack", values, {{"values_count", static_cast<int64_t>(values.size())}, {"axis", 0}}));
}

// ------------------------------------------------------------------------------------ correlation

// How alike rows [rows, samples] are: their covariances by the deviations of both.
Status ConvertCorrcoef(LayerContext& c) {
  OCTET_ASSIGN(Value x, FloatTensor(c));
  const Shape s = c.shape(x);
  if (s.rank() != 2 || s[1] < 2) return c.Fail("rows of a known number of samples, 2 or more", s.text(), "give the input's shape");
  OCTET_ASSIGN(const Value mean, c.Make("mean", {x, c.Vector({1})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(x, c.Make("sub", {x, mean}));
  const float share = 1 / static_cast<float>(s[1] - 1);
  OCTET_ASSIGN(Value both, c.Make("batch_matmul", {x, x}, {{"adj_x", 0}, {"adj_y", 1}}));
  OCTET_ASSIGN(both, Times(c, both, share));
  OCTET_ASSIGN(Value own, c.Make("mul", {x, x}));
  OCTET_ASSIGN(own, c.Make("sum", {own, c.Vector({1})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(own, Times(c, own, share));
  OCTET_ASSIGN(own, c.Make("sqrt", {own}));
  OCTET_ASSIGN(const Value across, c.Make("reshape", {own, c.Vector({1, -1})}));
  OCTET_ASSIGN(own, c.Make("mul", {own, across}));
  OCTET_ASSIGN(Value y, c.Make("div", {both, own}));
  OCTET_ASSIGN(y, c.Make("minimum", {y, c.Scalar(1)}));
  return Set(c, c.Make("maximum", {y, c.Scalar(-1)}));
}

constexpr LayerRule kRules[] = {
    {"ops.Var", ConvertVar}, {"ops.Std", ConvertStd}, {"tf.math.reduce_variance", ConvertVar}, {"tf.math.reduce_std", ConvertStd},
    {"ops.Moments", ConvertMoments}, {"ops.Average", ConvertAverage}, {"ops.Median", ConvertQuantile},
    {"ops.Quantile", ConvertQuantile}, {"ops.Percentile", ConvertQuantile}, {"ops.Nanmedian", ConvertQuantile}, {"ops.Nanquantile", ConvertQuantile},
    {"ops.Nanpercentile", ConvertQuantile}, {"ops.Corrcoef", ConvertCorrcoef}};

}  // namespace

const std::span<const LayerRule> kStatisticRules = kRules;

}  // namespace octet::importers::keras
