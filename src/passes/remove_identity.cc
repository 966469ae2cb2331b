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

// Of any type that arithmetic has.
bool IsNumber(const Graph& g, TensorId t, int32_t number) {
  return AllEqual(g, t, static_cast<float>(number)) || AllEqual<int32_t>(g, t, number) || AllEqual<int64_t>(g, t, number);
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

// A mean, sum or the like along axes of one element that stay.
bool ReducesOnes(Graph& g, graph::Node& n) {
  constexpr std::string_view kReductions[] = {"mean", "sum", "reduce_max", "reduce_min", "reduce_prod"};
  if (std::ranges::find(kReductions, n.op->name) == std::end(kReductions) || !*FindAttr<bool>(n, "keep_dims")) return false;
  if (!SameType(g, n.inputs[0], n.outputs[0]) || !g.is_constant(n.inputs[1])) return false;
  const Shape& shape = g.tensor(n.inputs[0]).type.shape;
  return std::ranges::all_of(g.tensor(n.inputs[1]).data<int32_t>(), [&](int32_t axis) { return shape[axis < 0 ? axis + shape.rank() : axis] == 1; });
}

// The one row of a tensor that got its first axis by expand_dims: x, or nothing.
TensorId OnlyRow(Graph& g, graph::Node& n) {
  if (n.op->name != "strided_slice" || *FindAttr<int32_t>(n, "shrink_axis_mask") != 1) return graph::kNoTensor;
  const TensorId x = WithoutAxis(g, n.inputs[0], 0);
  if (x == graph::kNoTensor) return graph::kNoTensor;
  for (const std::string_view mask : {"new_axis_mask", "ellipsis_mask"})
    if (*FindAttr<int32_t>(n, mask) != 0) return graph::kNoTensor;
  if (!AllEqual<int32_t>(g, n.inputs[3], 1)) return graph::kNoTensor;
  const int32_t others = static_cast<int32_t>((1U << g.tensor(n.inputs[3]).data<int32_t>().size()) - 2);  // Of these, all is taken.
  if ((*FindAttr<int32_t>(n, "begin_mask") & others) != others || (*FindAttr<int32_t>(n, "end_mask") & others) != others) return graph::kNoTensor;
  return SameType(g, x, n.outputs[0]) ? x : graph::kNoTensor;
}

// Multiplying by one, adding zero or the first power, with no activation and no broadcasting of x.
bool IsNeutral(Graph& g, graph::Node& n, int* input) {
  const auto* fused = FindAttr<ops::Activation>(n, "fused_activation_function");
  if (n.inputs.size() != 2 || (fused && *fused != ops::Activation::kNone)) return false;
  const bool product = n.op->name == "mul" || n.op->name == "div" || n.op->name == "pow", sum = n.op->name == "add" || n.op->name == "sub";
  const bool commutes = n.op->name == "mul" || n.op->name == "add";
  for (int constant : {1, 0}) {
    if (constant == 0 && !commutes) continue;
    if ((product && IsNumber(g, n.inputs[constant], 1)) || (sum && IsNumber(g, n.inputs[constant], 0))) {
      *input = 1 - constant;
      return SameType(g, n.inputs[*input], n.outputs[0]);
    }
  }
  return false;
}

int FromFront(int32_t axis, int rank) { return axis < 0 ? axis + rank : axis; }

// x, where the node puts together again all that an unpack or split of x has made, in order and along the same axis.
TensorId Whole(Graph& g, graph::Node& n) {
  const bool packs = n.op->name == "pack";
  if ((!packs && n.op->name != "concatenation") || n.inputs[0] == graph::kNoTensor) return graph::kNoTensor;
  const graph::NodeId maker = g.tensor(n.inputs[0]).producer;
  if (maker < 0 || g.node(maker).op->name != (packs ? "unpack" : "split") || g.node(maker).outputs != n.inputs) return graph::kNoTensor;
  if (const auto* fused = FindAttr<ops::Activation>(n, "fused_activation_function"); fused && *fused != ops::Activation::kNone) return graph::kNoTensor;
  graph::Node& cut = g.node(maker);
  const TensorId x = cut.inputs[packs ? 0 : 1];
  const int rank = g.tensor(x).type.shape.rank();
  if (!packs && (!g.is_constant(cut.inputs[0]) || g.tensor(cut.inputs[0]).data<int32_t>().empty())) return graph::kNoTensor;
  const int32_t axis = packs ? *FindAttr<int32_t>(cut, "axis") : g.tensor(cut.inputs[0]).data<int32_t>()[0];
  return FromFront(axis, rank) == FromFront(*FindAttr<int32_t>(n, "axis"), rank) && SameType(g, x, n.outputs[0]) ? x : graph::kNoTensor;
}

// A concatenation's operands of no elements go: PyTorch's roll by nothing joins all and none of a tensor.
bool DropEmpty(Graph& g, graph::NodeId id) {
  const graph::Node& n = g.node(id);
  std::vector<TensorId> full;
  const auto is_empty = [&](TensorId t) { return t != graph::kNoTensor && std::ranges::count(g.tensor(t).type.shape.dims(), 0) > 0; };
  std::ranges::remove_copy_if(n.inputs, std::back_inserter(full), is_empty);
  if (n.op->name != "concatenation" || full.empty() || full.size() == n.inputs.size()) return false;
  const TensorId y = n.outputs[0];  // Which may be an output with a name of its own.
  const graph::NodeId joined = g.AddNode(*n.op, n.attrs, full, {g.AddTensor(g.tensor(y).name, g.tensor(y).type)}, n.place, id);
  g.Erase(id);
  g.SetOutput(joined, 0, y);
  return true;
}

constexpr std::string_view kBroadcasting[] = {"add", "sub", "mul", "div", "minimum", "maximum"};

// Whether the only axes that are repeated have one element.
bool RepeatsOnes(const Graph& g, TensorId x, TensorId times) {
  if (!g.is_constant(times) || g.tensor(times).type.dtype != DType::kI32) return false;
  const Shape& s = g.tensor(x).type.shape;
  const std::span<const int32_t> n = g.tensor(times).data<int32_t>();
  if (s.rank() < 1 || static_cast<int>(n.size()) != s.rank()) return false;
  for (int i = 0; i < s.rank(); ++i)
    if (n[static_cast<size_t>(i)] != 1 && s[i] != 1) return false;
  return true;
}

// What a node spreads, where that is all it does: broadcast_to, tile, and a product with ones, which leaves open dimensions as they are.
TensorId SpreadBy(const Graph& g, graph::NodeId maker) {
  const graph::Node& n = g.node(maker);
  if (n.op->name == "broadcast_to") return g.tensor(n.outputs[0]).type.shape.known() ? n.inputs[0] : graph::kNoTensor;
  if (n.op->name == "tile") return RepeatsOnes(g, n.inputs[0], n.inputs[1]) ? n.inputs[0] : graph::kNoTensor;
  const auto* fused = FindAttr<ops::Activation>(n, "fused_activation_function");
  return n.op->name == "mul" && fused && *fused == ops::Activation::kNone && AllEqual(g, n.inputs[1], 1.0f) ? n.inputs[0] : graph::kNoTensor;
}

// What a tensor is spread for, where the operator spreads it itself: PyTorch's expand_as before a product.
bool SkipBroadcast(Graph& g, graph::NodeId id) {
  const graph::Node& n = g.node(id);
  if (std::ranges::find(kBroadcasting, n.op->name) == std::end(kBroadcasting) || n.inputs.size() != 2) return false;
  if (std::ranges::count(n.inputs, graph::kNoTensor) > 0) return false;
  for (int i = 0; i < 2; ++i) {
    const graph::NodeId maker = g.tensor(n.inputs[static_cast<size_t>(i)]).producer;
    const TensorId x = maker < 0 ? graph::kNoTensor : SpreadBy(g, maker);
    if (x == graph::kNoTensor) continue;
    const TensorId spread = g.node(maker).outputs[0], other = n.inputs[static_cast<size_t>(1 - i)];
    const Shape& whole = g.tensor(other).type.shape;  // As large as the result. LiteRT broadcasts four dimensions everywhere.
    if (other == spread || whole.rank() < 1 || whole.rank() > 4 || !(g.tensor(spread).type.shape == whole)) continue;
    if (g.tensor(x).type.quant != g.tensor(spread).type.quant) continue;
    g.SetInput(id, i, x);
    return true;
  }
  return false;
}

constexpr std::string_view kBounded[] = {"logistic", "tanh", "softmax", "relu6", "relu_n1_to_1", "relu_0_to_1"};

// Zero times what is finite: unrolled recurrent layers begin so, with states of zero.
bool MakeZero(Graph& g, graph::NodeId id) {
  const graph::Node& n = g.node(id);
  if (n.op->name != "mul") return false;
  const TensorId y = n.outputs[0];
  for (size_t i = 0; i < 2; ++i) {
    const graph::NodeId maker = n.inputs[i] == graph::kNoTensor ? -1 : g.tensor(n.inputs[i]).producer;
    uint64_t bytes = 0;
    const TensorType type = g.tensor(y).type;
    if (maker < 0 || std::ranges::find(kBounded, g.node(maker).op->name) == std::end(kBounded) || !AllEqual(g, n.inputs[1 - i], 0.0f)) continue;
    if (g.is_output(y) || !type.shape.known() || type.shape.elements() > g.tensor(n.inputs[1 - i]).type.shape.elements() ||
        !CheckedBytes(type.dtype, type.shape, &bytes))
      continue;
    g.Erase(id);
    g.SetConstant(y, type, graph::MakeBuffer(std::vector<std::byte>(bytes)));
    return true;
  }
  return false;
}

bool Remove(Graph& g, graph::NodeId id) {
  graph::Node& n = g.node(id);
  const std::string_view op = n.op->name;
  if (MakeZero(g, id) || DropEmpty(g, id) || SkipBroadcast(g, id)) return true;
  if (n.inputs.empty() || n.outputs.size() != 1 || n.inputs[0] == graph::kNoTensor) return false;
  const TensorId x = n.inputs[0], y = n.outputs[0];
  if (const TensorId whole = Whole(g, n); whole != graph::kNoTensor && (!g.is_output(y) || (!g.is_output(whole) && g.tensor(whole).producer >= 0))) {
    g.SetInput(id, 0, whole);
    return Bypass(g, id);
  }
  if (const TensorId row = OnlyRow(g, n); row != graph::kNoTensor && !(g.is_output(y) && g.is_output(row))) {
    g.SetInput(id, 0, row);
    return Bypass(g, id);
  }
  int input = 0;
  const bool identity =
      (op == "reshape" && SameShape(g, x, y)) ||
      (op == "transpose" && IsIdentityPermutation(g, n.inputs[1])) ||
      ((op == "slice" || op == "strided_slice") && KeepsAll(g, n)) ||
      (op == "pad" && AllEqual<int32_t>(g, n.inputs[1], 0)) ||
      (op == "concatenation" && n.inputs.size() == 1 && SameType(g, x, y)) ||
      (op == "cast" && SameType(g, x, y)) || ReducesOnes(g, n) || ((op == "logical_and" || op == "logical_or") && n.inputs[1] == x) || IsNeutral(g, n, &input);
  return identity && Bypass(g, id, input);
}

}  // namespace

Result<int> RemoveIdentity(Graph& g) {
  return ForEachNode(g, [&](graph::NodeId id) { return Remove(g, id); });
}

}  // namespace octet::passes
