// SPDX-License-Identifier: Apache-2.0
// Reductions; axes are an attribute at first, an input later (opset 13 and 18), and absent where all are meant.
#include <algorithm>
#include <limits>

#include "importers/limits.h"
#include "importers/onnx/context.h"
#include "importers/onnx/rules.h"

namespace octet::importers::onnx {
namespace {

// The axes; `noop`: there are none and that means none, not all.
Result<std::vector<int32_t>> Axes(NodeContext& c, bool* noop) {
  OCTET_ASSIGN(const std::vector<int64_t> given, c.IntsAt(1, "axes", {}));
  const int rank = c.rank(c.Input(0));
  *noop = given.empty() && c.Bool("noop_with_empty_axes", false);
  std::vector<int32_t> axes;
  for (const int64_t a : given) {
    OCTET_ASSIGN(const int32_t axis, c.Axis(a, rank));
    axes.push_back(axis);
  }
  for (int i = 0; given.empty() && i < rank; ++i) axes.push_back(i);
  return axes;
}

// Over no elements at all there is only the neutral number, which the operators do not have for maxima.
Result<Value> OfNothing(NodeContext& c, std::span<const int32_t> axes, bool largest, DType own) {
  const Shape in = c.shape(c.Input(0));
  Shape out;
  for (int32_t i = 0; i < in.rank(); ++i) {
    const bool gone = std::ranges::find(axes, i) != axes.end();
    if (!gone) out.push_back(in[i]);
    else if (c.Int("keepdims", 1) != 0) out.push_back(1);
  }
  if (!c.IsSmall(out, kMostWritten)) return c.Fail("a small result of no elements", out.text(), "check the model");
  const float none = (own == DType::kBool ? 1.0f : std::numeric_limits<float>::infinity()) * (largest ? -1.0f : 1.0f);
  const std::vector<float> v(static_cast<size_t>(out.elements()), own == DType::kBool ? std::max(none, 0.0f) : none);
  return c.Cast(c.Constant<float>(out, v), own);
}

using Step = Result<Value> (*)(NodeContext&, Value);
Result<Value> Same(NodeContext&, Value v) { return v; }
Result<Value> Abs(NodeContext& c, Value v) { return c.Emit("abs", {v}); }
Result<Value> Square(NodeContext& c, Value v) { return c.Emit("mul", {v, v}); }
Result<Value> Sqrt(NodeContext& c, Value v) { return c.Emit("sqrt", {v}); }
Result<Value> Log(NodeContext& c, Value v) { return c.Emit("log", {v}); }

Status Reduce(NodeContext& c, std::string_view op, Step before, Step after) {
  bool noop = false;
  OCTET_ASSIGN(const std::vector<int32_t> axes, Axes(c, &noop));
  const DType own = c.type(c.Input(0)).dtype;
  if (const Shape in = c.shape(c.Input(0)); in.known() && in.elements() == 0 && op.starts_with("reduce_m") && (IsFloat(own) || own == DType::kBool)) {
    OCTET_ASSIGN(const Value y, OfNothing(c, axes, op == "reduce_max", own));
    c.SetOutput(0, y);
    return {};
  }
  const bool small = own == DType::kI8 || own == DType::kU8 || own == DType::kI16 || own == DType::kBool || own == DType::kU32;
  OCTET_ASSIGN(Value v, c.Cast(c.Input(0), small ? DType::kI32 : own));
  OCTET_ASSIGN(v, before(c, v));
  if (!noop && !axes.empty()) {
    OCTET_ASSIGN(v, c.Make(op, {v, c.Vector(axes)}, {{"keep_dims", c.Int("keepdims", 1)}}));
  }
  OCTET_ASSIGN(v, after(c, v));
  OCTET_ASSIGN(v, c.Cast(v, own));
  c.SetOutput(0, v);
  return {};
}

Status ConvertMean(NodeContext& c) { return Reduce(c, "mean", Same, Same); }
Status ConvertSum(NodeContext& c) { return Reduce(c, "sum", Same, Same); }
Status ConvertMax(NodeContext& c) { return Reduce(c, "reduce_max", Same, Same); }
Status ConvertMin(NodeContext& c) { return Reduce(c, "reduce_min", Same, Same); }
Status ConvertProd(NodeContext& c) { return Reduce(c, "reduce_prod", Same, Same); }
Status ConvertL1(NodeContext& c) { return Reduce(c, "sum", Abs, Same); }
Status ConvertL2(NodeContext& c) { return Reduce(c, "sum", Square, Sqrt); }
Status ConvertSumSquare(NodeContext& c) { return Reduce(c, "sum", Square, Same); }
Status ConvertLogSum(NodeContext& c) { return Reduce(c, "sum", Same, Log); }

// max + log(sum(e^(x - max)))
Status ConvertLogSumExp(NodeContext& c) {
  bool noop = false;
  OCTET_ASSIGN(const std::vector<int32_t> axes, Axes(c, &noop));
  if (noop || axes.empty()) {
    c.SetOutput(0, c.Input(0));
    return {};
  }
  const int64_t keep = c.Int("keepdims", 1);
  OCTET_ASSIGN(const Value most, c.Make("reduce_max", {c.Input(0), c.Vector(axes)}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(Value v, c.Emit("sub", {c.Input(0), most}));
  OCTET_ASSIGN(v, c.Emit("exp", {v}));
  OCTET_ASSIGN(v, c.Make("sum", {v, c.Vector(axes)}, {{"keep_dims", keep}}));
  OCTET_ASSIGN(v, c.Emit("log", {v}));
  Value shift = most;
  if (keep == 0) {
    OCTET_ASSIGN(shift, c.Make("squeeze", {most}, {{"squeeze_dims", axes}}));
  }
  OCTET_ASSIGN(v, c.Emit("add", {v, shift}));
  c.SetOutput(0, v);
  return {};
}

// The first of several equal ones; select_last_index: the last, found from behind.
Status Arg(NodeContext& c, std::string_view op) {
  Value x = c.Input(0);
  const int rank = c.rank(x);
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", 0), rank));
  const bool last = c.Bool("select_last_index", false);
  const int32_t size = c.shape(x)[axis];
  if (last && size == kUnknown) return c.Fail("a known dimension with select_last_index", c.shape(x).text(), "");
  if (last) {
    OCTET_ASSIGN(x, c.Make("reverse_v2", {x, c.Vector({axis})}));
  }
  OCTET_ASSIGN(Value y, c.Make(op, {x, c.ScalarInt(axis)}, {{"output_type", static_cast<int64_t>(DType::kI64)}}));
  if (last) {
    const int64_t end = size - 1;
    OCTET_ASSIGN(y, c.Emit("sub", {c.Constant<int64_t>(Shape{}, std::span(&end, 1)), y}));
  }
  if (c.Int("keepdims", 1) != 0) {
    OCTET_ASSIGN(y, c.Make("expand_dims", {y, c.ScalarInt(axis)}));
  }
  c.SetOutput(0, y);
  return {};
}
Status ConvertArgMax(NodeContext& c) { return Arg(c, "arg_max"); }
Status ConvertArgMin(NodeContext& c) { return Arg(c, "arg_min"); }

constexpr NodeRule kRules[] = {{"ReduceMean", 0, ConvertMean},  {"ReduceSum", 0, ConvertSum},     {"ReduceMax", 0, ConvertMax},
                               {"ReduceMin", 0, ConvertMin},    {"ReduceProd", 0, ConvertProd},   {"ReduceL1", 0, ConvertL1},
                               {"ReduceL2", 0, ConvertL2},      {"ReduceSumSquare", 0, ConvertSumSquare}, {"ReduceLogSum", 0, ConvertLogSum},
                               {"ReduceLogSumExp", 0, ConvertLogSumExp}, {"ArgMax", 0, ConvertArgMax}, {"ArgMin", 0, ConvertArgMin}};

}  // namespace

const std::span<const NodeRule> kReductionRules = kRules;

}  // namespace octet::importers::onnx
