// SPDX-License-Identifier: Apache-2.0
// The text form of a model, for golden tests and for people: one line per tensor that is not computed,
// one per node.
//   graph main
//   input x: f32[?,28,28,1]
//   const conv/kernel: f32[8,3,3,1]
//   conv_2d (x, conv/kernel, conv/bias) -> (conv: f32[?,28,28,8]) stride_w=1 stride_h=1 @conv
//   output conv
#include "graph/graph.h"

namespace octet::graph {
namespace {

std::string Typed(const Tensor& t) {
  std::string s = t.name + ": " + std::string(Name(t.type.dtype)) + t.type.shape.text();
  const Quant& q = t.type.quant;
  if (q.per_channel()) s += Format(" q(%zu on axis %d)", q.scale.size(), q.axis);
  else if (!q.empty()) s += Format(" q(%g,%d)", static_cast<double>(q.scale0()), q.zero0());
  return s;
}

template <class T> std::string ListText(std::span<const T> list) {
  std::string s = "[";
  for (const T& v : list) s += (s.size() > 1 ? "," : "") + Format("%g", static_cast<double>(v));
  return s + "]";
}

std::string AttrText(const ops::AttrRow& row, const void* attrs) {
  const void* p = row.at(const_cast<void*>(attrs));
  std::string s = " " + std::string(row.name) + "=";
  switch (row.kind) {
    case ops::AttrKind::kBool: return s + (*static_cast<const bool*>(p) ? "true" : "false");
    case ops::AttrKind::kI8: return s + std::to_string(*static_cast<const int8_t*>(p));
    case ops::AttrKind::kI32: return s + std::to_string(*static_cast<const int32_t*>(p));
    case ops::AttrKind::kI64: return s + std::to_string(*static_cast<const int64_t*>(p));
    case ops::AttrKind::kF32: return s + Format("%g", static_cast<double>(*static_cast<const float*>(p)));
    case ops::AttrKind::kInts: return s + ListText(static_cast<const ops::Ints*>(p)->span());
    case ops::AttrKind::kLongs: return s + ListText(static_cast<const ops::Longs*>(p)->span());
    case ops::AttrKind::kFloats: return s + ListText(static_cast<const ops::Floats*>(p)->span());
    case ops::AttrKind::kBytes: return s + Format("(%u bytes)", static_cast<const ops::Bytes*>(p)->count);
    case ops::AttrKind::kText: return s + "'" + std::string(static_cast<const ops::Text*>(p)->view()) + "'";
    case ops::AttrKind::kSubgraph: return s + "#" + std::to_string(*static_cast<const int32_t*>(p));
    case ops::AttrKind::kSubgraphs: return s + "#" + ListText(static_cast<const ops::Subgraphs*>(p)->span());
  }
  return s;
}

std::string NodeText(const Graph& g, const Node& n) {
  std::string s(n.op->name);
  s += " (";
  for (size_t i = 0; i < n.inputs.size(); ++i)
    s += (i ? ", " : "") + (n.inputs[i] == kNoTensor ? std::string("-") : g.tensor(n.inputs[i]).name);
  s += ") -> (";
  for (size_t i = 0; i < n.outputs.size(); ++i) s += (i ? ", " : "") + Typed(g.tensor(n.outputs[i]));
  s += ")";
  for (const ops::AttrRow& row : n.op->attrs.rows) s += AttrText(row, n.attrs.get());
  return n.place.empty() ? s : s + " @" + n.place;
}

std::string GraphText(const Graph& g) {
  std::string s = "graph " + g.name + "\n";
  for (TensorId t : g.inputs) s += "input " + Typed(g.tensor(t)) + "\n";
  for (const Tensor& t : g.tensors()) {
    if (t.is_variable) s += "variable " + Typed(t) + "\n";
    else if (t.constant) s += "const " + Typed(t) + "\n";
  }
  for (NodeId id : g.order()) s += NodeText(g, g.node(id)) + "\n";
  for (TensorId t : g.outputs) s += "output " + g.tensor(t).name + "\n";
  return s;
}

}  // namespace

std::string Print(const Model& model) {
  std::string s;
  for (const Graph& g : model.subgraphs) s += GraphText(g);
  return s;
}

}  // namespace octet::graph
