// SPDX-License-Identifier: Apache-2.0
// keras.ops of statistics: moments, averages, quantiles.
#include <algorithm>
#include <cmath>

#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/axes.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/activation.h"
#include "ops/shape_util.h"

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

// -------------------------------------------------------------------------------------- quantiles

// All numbers along the axes in one last dimension, and then rising: [..., n].
struct Ordered {
  Value sorted;
  int32_t count = 0;
  std::vector<int32_t> kept;  // The result's dimensions when the axes are kept, as 1.
};

Result<Ordered> Sorted(LayerContext& c, Value x) {
  const Shape s = c.shape(x);
  std::vector<bool> gone(static_cast<size_t>(s.rank()), false);
  for (const int32_t a : AxesOf(c, s.rank(), -1)) {
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
  OCTET_ASSIGN(const std::vector<Value> top, c.EmitNode("topk_v2", std::vector<Value>{x, Int(c, out.count)}, nullptr,
                                                        {{DType::kF32, c.shape(x), {}}, {DType::kI32, c.shape(x), {}}}));
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
  OCTET_ASSIGN(const Value x, FloatTensor(c));
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

constexpr LayerRule kRules[] = {
    {"ops.Var", ConvertVar}, {"ops.Std", ConvertStd}, {"ops.Moments", ConvertMoments}, {"ops.Average", ConvertAverage}, {"ops.Median", ConvertQuantile},
    {"ops.Quantile", ConvertQuantile}, {"ops.Percentile", ConvertQuantile}};

}  // namespace

const std::span<const LayerRule> kStatisticRules = kRules;

}  // namespace octet::importers::keras
