// SPDX-License-Identifier: Apache-2.0
// Operators that compute one number of many.
#include <algorithm>

#include "delegates/coreml/lowering.h"

namespace octet::coreml {
namespace {

using Longs = std::vector<int64_t>;

std::string_view OperationOf(std::string_view op) { return op == "mean" ? "reduce_mean" : op == "sum" ? "reduce_sum" : op; }

// Images reduced to their channels stay in the form in which they are.
Status Reduce(Lowering& l, const Node& n) {
  OCTET_ASSIGN(Longs axes, n.Constants(1));
  const int32_t rank = n.input(0).rank;
  for (int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  std::sort(axes.begin(), axes.end());
  const bool keep = n.Int("keep_dims") != 0, image = rank == 4 && axes == Longs{1, 2};
  const Form form = image ? Form::kImage : Form::kFile;
  if (image) axes = {2, 3};
  OCTET_ASSIGN(const Var x, l.In(n, 0, form));
  if (x.type == Type::kBool) return Refuse("it reduces numbers only");
  const Form to = image && keep ? Form::kImage : Form::kFile;
  return l.Set(n, 0, l.p.Apply(OperationOf(n.op()), {{"x", {x}}, {"axes", {l.p.Ints(axes)}}, {"keep_dims", {l.p.Bool(keep)}}}, x.type, l.OutDims(n, to)), to);
}

Status ArgMax(Lowering& l, const Node& n) {
  OCTET_ASSIGN(const Longs axis, n.Constants(1));
  OCTET_ASSIGN(const Var x, l.In(n, 0));
  if (n.output().type != kI32) return Refuse("64-bit integers");
  return l.Set(n, 0,
               l.p.Apply(n.op() == "arg_max" ? "reduce_argmax" : "reduce_argmin", {{"x", {x}}, {"axis", {l.p.Int(axis[0])}}, {"keep_dims", {l.p.Bool(false)}}},
                         Type::kI32, n.out_dims()));
}

Dims LastIsOne(Dims dims) {
  dims.back() = 1;
  return dims;
}

Var OverLast(Lowering& l, std::string_view operation, const Var& x) {
  return l.p.Apply(operation, {{"x", {x}}, {"axes", {l.p.Ints({-1})}}, {"keep_dims", {l.p.Bool(true)}}}, x.type, LastIsOne(x.dims));
}

Status LogSoftmax(Lowering& l, const Node& n) {
  OCTET_ASSIGN(const Var x, l.In(n, 0));
  return l.Set(n, 0, l.Binary("sub", x, OverLast(l, "reduce_log_sum_exp", x), x.dims));
}

// x / sqrt(max(sum of squares, 1e-6))
Status L2Normalization(Lowering& l, const Node& n) {
  OCTET_ASSIGN(const Var x, l.In(n, 0));
  const Var sum = OverLast(l, "reduce_sum_square", x);
  return l.SetActivated(n, l.Binary("real_div", x, l.Unary("sqrt", l.Binary("maximum", sum, l.Number(sum, 1e-6f), sum.dims)), x.dims), Form::kFile);
}

Status Cumsum(Lowering& l, const Node& n) {
  OCTET_ASSIGN(const Longs axis, n.Constants(1));
  OCTET_ASSIGN(const Var x, l.In(n, 0));
  return l.Set(
      n, 0,
      l.p.Apply("cumsum",
                {{"x", {x}}, {"axis", {l.p.Int(axis[0])}}, {"exclusive", {l.p.Bool(n.Int("exclusive") != 0)}}, {"reverse", {l.p.Bool(n.Int("reverse") != 0)}}},
                x.type, x.dims));
}

constexpr Entry kEntries[] = {
    {"mean", Reduce}, {"sum", Reduce}, {"reduce_max", Reduce}, {"reduce_min", Reduce}, {"reduce_prod", Reduce}, {"arg_max", ArgMax}, {"arg_min", ArgMax},
    {"log_softmax", LogSoftmax}, {"l2_normalization", L2Normalization}, {"cumsum", Cumsum},
};

}  // namespace

std::span<const Entry> ReduceEntries() { return kEntries; }

}  // namespace octet::coreml
