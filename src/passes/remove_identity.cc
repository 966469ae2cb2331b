// SPDX-License-Identifier: Apache-2.0
// Operators that hand their input on unchanged: x -> op -> y becomes x.
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::TensorId;

template <class T> bool AllEqual(const Graph& g, TensorId t, T value) {
  if (!g.is_constant(t) || g.tensor(t).type.dtype != DTypeOf<T>) return false;
  const std::span<const T> v = g.tensor(t).data<T>();
  return std::ranges::all_of(v, [&](T x) { return x == value; });
}

bool SameType(const Graph& g, TensorId a, TensorId b) {
  const TensorType &x = g.tensor(a).type, &y = g.tensor(b).type;
  return x.dtype == y.dtype && x.shape == y.shape && x.quant == y.quant;
}

// Dimensions equal, and at most one of them unknown: then the unknown one is equal, too.
bool SameShape(const Graph& g, TensorId a, TensorId b) {
  return SameType(g, a, b) && std::ranges::count(g.tensor(a).type.shape.dims(), kUnknown) <= 1;
}

bool IsIdentityPermutation(const Graph& g, TensorId perm) {
  if (!g.is_constant(perm)) return false;
  const std::span<const int32_t> p = g.tensor(perm).data<int32_t>();
  for (size_t i = 0; i < p.size(); ++i)
    if (p[i] != static_cast<int32_t>(i)) return false;
  return true;
}

// A slice as large as what it is taken from, forwards: that leaves no other start than the first element.
bool KeepsAll(Graph& g, graph::Node& n) {
  const TensorId x = n.inputs[0], y = n.outputs[0];
  if (!SameType(g, x, y) || !g.tensor(x).type.shape.known()) return false;
  if (n.op->name == "slice") return true;
  for (const std::string_view mask : {"new_axis_mask", "shrink_axis_mask", "ellipsis_mask"})
    if (*FindAttr<int32_t>(n, mask) != 0) return false;
  return AllEqual<int32_t>(g, n.inputs[3], 1);
}

// Multiplying by one or adding zero, with no activation and no broadcasting of x.
bool IsNeutral(Graph& g, graph::Node& n, int* input) {
  const auto* fused = FindAttr<ops::Activation>(n, "fused_activation_function");
  if (n.inputs.size() != 2 || (fused && *fused != ops::Activation::kNone)) return false;
  const bool product = n.op->name == "mul" || n.op->name == "div", sum = n.op->name == "add" || n.op->name == "sub";
  const bool commutes = n.op->name == "mul" || n.op->name == "add";
  for (int constant : {1, 0}) {
    if (constant == 0 && !commutes) continue;
    if ((product && AllEqual(g, n.inputs[constant], 1.0f)) || (sum && AllEqual(g, n.inputs[constant], 0.0f))) {
      *input = 1 - constant;
      return SameType(g, n.inputs[*input], n.outputs[0]);
    }
  }
  return false;
}

bool Remove(Graph& g, graph::NodeId id) {
  graph::Node& n = g.node(id);
  const std::string_view op = n.op->name;
  if (n.inputs.empty() || n.outputs.size() != 1 || n.inputs[0] == graph::kNoTensor) return false;
  const TensorId x = n.inputs[0], y = n.outputs[0];
  int input = 0;
  const bool identity =
      (op == "reshape" && SameShape(g, x, y)) ||
      (op == "transpose" && IsIdentityPermutation(g, n.inputs[1])) ||
      ((op == "slice" || op == "strided_slice") && KeepsAll(g, n)) ||
      (op == "pad" && AllEqual<int32_t>(g, n.inputs[1], 0)) ||
      (op == "concatenation" && n.inputs.size() == 1 && SameType(g, x, y)) ||
      (op == "cast" && SameType(g, x, y)) || IsNeutral(g, n, &input);
  return identity && Bypass(g, id, input);
}

}  // namespace

Result<int> RemoveIdentity(Graph& g) {
  return ForEachNode(g, [&](graph::NodeId id) { return Remove(g, id); });
}

}  // namespace octet::passes
