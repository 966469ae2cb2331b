// SPDX-License-Identifier: Apache-2.0
// Matrix products.
#include "importers/lowerings/einsum.h"
#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

// x times a constant matrix: fully connected, which wants the matrix as [out, in] and keeps the other dimensions.
Result<Value> Dense(NodeContext& c, Value x, Value matrix, bool transposed) {
  if (!transposed) {
    OCTET_ASSIGN(matrix, c.Transpose(matrix, {1, 0}));
  }
  const std::vector<float> zeros(static_cast<size_t>(c.shape(matrix)[0]), 0.0f);
  const Value bias = c.Constant<float>(Shape{c.shape(matrix)[0]}, zeros);
  return c.Make("fully_connected", {x, matrix, bias}, {{"keep_num_dims", int64_t{c.rank(x) > 2}}});
}

// Where the right side is a matrix with its last two dimensions swapped: what it is before that.
Value BeforeSwap(NodeContext& c, Value b) {
  const Edge edge = c.num_inputs() > 1 ? c.node().inputs[1] : Edge{};
  if (edge.node < 0) return {};
  const FlatNode& n = c.builder().functions().node(edge.node);
  if (!n.def || n.def->op != "Transpose" || n.inputs.size() != 2) return {};
  const Partial* order = c.builder().PartialOf(n.inputs[1]);
  const int rank = c.rank(b);
  if (!order || !order->known() || static_cast<int>(order->v.size()) != rank || rank < 2) return {};
  for (int i = 0; i < rank; ++i)
    if (order->v[static_cast<size_t>(i)].i != (i < rank - 2 ? i : i == rank - 2 ? rank - 1 : rank - 2)) return {};
  return c.builder().ValueOf(n.inputs[0]);
}

// Of whole numbers, which the operator lacks: sum_k a[.., i, k, 1] * b[.., 1, k, j].
Result<Value> WholeProduct(NodeContext& c, Value a, Value b, bool ta, bool tb) {
  const auto turned = [&](Value v, bool turn) -> Result<Value> {
    if (!turn) return v;
    std::vector<int32_t> order;
    for (int i = 0; i < c.rank(v); ++i) order.push_back(i);
    std::swap(order[order.size() - 1], order[order.size() - 2]);
    return c.Transpose(v, order);
  };
  OCTET_ASSIGN(a, turned(a, ta));
  OCTET_ASSIGN(b, turned(b, tb));
  OCTET_ASSIGN(a, c.Make("expand_dims", {a, c.ScalarInt(-1)}));
  OCTET_ASSIGN(b, c.Make("expand_dims", {b, c.ScalarInt(-3)}));
  OCTET_ASSIGN(const Value y, c.Make("mul", {a, b}));
  return c.Make("sum", {y, c.Vector({c.rank(y) - 2})}, {{"keep_dims", 0}});
}

Status ConvertMatMul(NodeContext& c) {
  Value a = c.Input(0);
  Value b = c.Input(1);
  if (!a || !b) return {};
  const bool batched = c.kind().starts_with("Batch");
  const bool ta = c.Bool(batched ? "adj_x" : "transpose_a", false);
  bool tb = c.Bool(batched ? "adj_y" : "transpose_b", false);
  if (const Value before = c.data(b) ? Value{} : BeforeSwap(c, b)) b = before, tb = !tb;
  if (c.rank(a) < 2 || c.rank(b) < 2) return c.Fail("matrices", c.shape(a).text() + " and " + c.shape(b).text(), "");
  if (const DType t = c.type(a).dtype; (t == DType::kI32 || t == DType::kI64) && t == c.type(b).dtype) return Set(c, WholeProduct(c, a, b, ta, tb));
  Value y;
  if (c.data(b) && !c.data(a) && c.rank(b) == 2 && c.type(b).dtype == DType::kF32) {
    if (ta) {
      std::vector<int32_t> order;
      for (int i = 0; i < c.rank(a); ++i) order.push_back(i);
      std::swap(order[order.size() - 1], order[order.size() - 2]);
      OCTET_ASSIGN(a, c.Transpose(a, order));
    }
    OCTET_ASSIGN(y, Dense(c, a, b, tb));
  } else {
    OCTET_ASSIGN(y, c.Make("batch_matmul", {a, b}, {{"adj_x", int64_t{ta}}, {"adj_y", int64_t{tb}}}));
  }
  c.SetOutput(0, y);
  return {};
}

Status ConvertEinsum(NodeContext& c) {
  const std::vector<Value> in = c.Inputs(1);
  for (const Value v : in)
    if (!v) return {};
  OCTET_ASSIGN(const Value y, Einsum(c, c.Text("equation", ""), in));
  c.SetOutput(0, y);
  return {};
}

constexpr NodeRule kRules[] = {{"MatMul", ConvertMatMul}, {"BatchMatMul", ConvertMatMul}, {"BatchMatMulV2", ConvertMatMul}, {"BatchMatMulV3", ConvertMatMul},
                               {"Einsum", ConvertEinsum}};

}  // namespace

const std::span<const NodeRule> kProductRules = kRules;

}  // namespace octet::importers::savedmodel
