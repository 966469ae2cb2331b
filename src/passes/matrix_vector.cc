// SPDX-License-Identifier: Apache-2.0
//   batch_matmul(A, x) with a constant matrix A[m,k] and columns x[..,k,1]
//   becomes   x -> reshape[n,k] -> fully_connected(A) -> reshape[..,m,1]
// A product of a matrix and vectors: a dense layer holds it, with its bias, and packs A once.
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

NodeId AddReshape(Graph& g, TensorId x, const Shape& shape, const std::string& place, NodeId before) {
  const ops::OpDef& op = *ops::Find("reshape");
  std::vector<int32_t> dims;
  for (const int32_t d : shape.dims()) dims.push_back(d == kUnknown ? -1 : d);
  const TensorId wanted = g.AddConstant<int32_t>(place + "/shape", Shape{static_cast<int32_t>(dims.size())}, dims);
  return g.AddNode(op, graph::Attributes(op.attrs), {x, wanted}, {g.AddTensor(place + "/rows", {g.tensor(x).type.dtype, shape, {}})}, place, before);
}

// How many vectors there are; kUnknown where that is not known.
int32_t Count(const Shape& s) {
  return s.known() ? static_cast<int32_t>(s.elements(0, s.rank() - 2)) : kUnknown;
}

bool Rewrite(Graph& g, NodeId id) {
  graph::Node& n = g.node(id);
  if (n.op->name != "batch_matmul") return false;
  const TensorId matrix = n.inputs[0], x = n.inputs[1], y = n.outputs[0];
  const Shape a = g.tensor(matrix).type.shape, columns = g.tensor(x).type.shape, made = g.tensor(y).type.shape;
  if (!g.is_constant(matrix) || g.tensor(matrix).type.dtype != DType::kF32 || g.tensor(x).type.dtype != DType::kF32 || a.rank() != 2 || columns.rank() < 2)
    return false;
  if (*FindAttr<bool>(n, "adj_x") || *FindAttr<bool>(n, "adj_y") || columns.back() != 1 || columns[columns.rank() - 2] != a[1]) return false;
  if (std::ranges::count(made.dims(), kUnknown) > 1) return false;
  const std::string place = n.place;
  const int32_t count = Count(columns);
  const TensorId rows = g.node(AddReshape(g, x, Shape{count, a[1]}, place, id)).outputs[0];
  const ops::OpDef& dense = *ops::Find("fully_connected");
  const TensorId product = g.AddTensor(g.tensor(y).name + "/rows", {DType::kF32, Shape{count, a[0]}, {}});
  g.AddNode(dense, graph::Attributes(dense.attrs), {rows, matrix, graph::kNoTensor}, {product}, place, id);
  ReplaceByReshape(g, id, product);
  return true;
}

}  // namespace

Result<int> MatrixVector(Graph& g) {
  return ForEachNode(g, [&](NodeId id) { return Rewrite(g, id); });
}

}  // namespace octet::passes
