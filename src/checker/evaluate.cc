// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <set>

#include "checker/target.h"

namespace octet::checker {
namespace {

bool Compare(double a, const std::string& relation, double b) {
  if (relation == "==") return a == b;
  if (relation == "!=") return a != b;
  return relation == "<=" ? a <= b : a >= b;
}

bool AttrOf(const graph::Node& n, const std::string& name, double* value) {
  for (const ops::AttrRow& row : n.op->attrs.rows) {
    if (row.name != name) continue;
    const void* at = row.at(const_cast<void*>(n.attrs.get()));
    switch (row.kind) {
      case ops::AttrKind::kBool: *value = *static_cast<const bool*>(at); return true;
      case ops::AttrKind::kI8: *value = *static_cast<const int8_t*>(at); return true;
      case ops::AttrKind::kI32: *value = *static_cast<const int32_t*>(at); return true;
      case ops::AttrKind::kI64: *value = static_cast<double>(*static_cast<const int64_t*>(at)); return true;
      case ops::AttrKind::kF32: *value = static_cast<double>(*static_cast<const float*>(at)); return true;
      default: return false;  // Lists, texts and subgraphs have no conditions.
    }
  }
  return false;
}

const graph::Tensor* OperandOf(const graph::Graph& g, const graph::Node& n, int operand) {
  const auto& list = operand < 0 ? n.outputs : n.inputs;
  const auto i = static_cast<size_t>(std::max(operand, 0));
  return i < list.size() && list[i] != graph::kNoTensor ? &g.tensor(list[i]) : nullptr;
}

// The elements of a constant of whole numbers; empty for anything else.
std::vector<double> WholeNumbers(const graph::Tensor& t) {
  if (t.constant && t.type.dtype == DType::kI32) return {t.data<int32_t>().begin(), t.data<int32_t>().end()};
  std::vector<double> values;
  if (t.constant && t.type.dtype == DType::kI64)
    for (const int64_t v : t.data<int64_t>()) values.push_back(static_cast<double>(v));
  return values;
}

bool Holds(const graph::Graph& g, graph::NodeId id, const Condition& c) {
  const graph::Node& n = g.node(id);
  double a = 0, b = 0;
  if (c.kind == "version") return Compare(ops::VersionOf(graph::NodeView(g, id).view()), c.relation, c.number);
  if (c.kind == "attr") return !AttrOf(n, c.name, &a) || Compare(a, c.relation, c.number);
  if (c.kind == "equal") return !AttrOf(n, c.name, &a) || !AttrOf(n, c.other, &b) || a == b;
  if (c.kind == "inputs") return Compare(static_cast<double>(n.inputs.size()), c.relation, c.number);
  const graph::Tensor* t = OperandOf(g, n, c.operand);
  if (!t) return true;
  if (c.kind == "constant") return t->constant != nullptr;
  if (c.kind == "computed") return t->constant == nullptr;
  if (c.kind == "type") return std::ranges::find(c.types, Name(t->type.dtype)) != c.types.end();
  if (c.kind == "each" || c.kind == "value") {
    const std::vector<double> values = WholeNumbers(*t);
    const auto holds = [&](double v) { return Compare(v, c.relation, c.number); };
    if (c.kind == "each") return std::ranges::all_of(values, holds);
    return static_cast<size_t>(c.axis) >= values.size() || holds(values[static_cast<size_t>(c.axis)]);
  }
  const Shape& s = t->type.shape;
  if (c.kind == "rank") return Compare(s.rank(), c.relation, c.number);
  if (c.kind == "elements") return !s.known() || Compare(static_cast<double>(s.elements()), c.relation, c.number);
  const int axis = c.axis < 0 ? c.axis + s.rank() : c.axis;
  return axis < 0 || axis >= s.rank() || s[axis] == kUnknown || Compare(s[axis], c.relation, c.number);
}

std::string Upper(std::string_view name) {
  std::string out(name);
  for (char& ch : out) ch = ch >= 'a' && ch <= 'z' ? static_cast<char>(ch - 'a' + 'A') : ch;
  return out;
}

bool Has(const Target& t, std::string_view op) {
  return std::ranges::any_of(t.ops, [&](const std::string& name) { return name == op || name == "*"; });
}

// The layer's name; nodes without outputs have none in a .tflite.
std::string PlaceOf(const graph::Graph& g, graph::NodeId id) {
  if (!g.node(id).place.empty()) return g.node(id).place;
  const auto at = std::ranges::find(g.order(), id) - g.order().begin();
  return Format("operator %d of subgraph %s", static_cast<int>(at), g.name.c_str());
}

void CheckNode(const Target& t, const graph::Graph& g, graph::NodeId id, std::vector<Obstacle>* out) {
  const graph::Node& n = g.node(id);
  const std::string op(n.op->name), place = PlaceOf(g, id);
  if (!Has(t, op)) {
    const auto instead = std::ranges::find(t.instead, op, [](const auto& pair) { return pair.first; });
    out->push_back({place, op, t.title + " does not have " + Upper(op),
                    instead == t.instead.end() ? "build the layer from operators that it has, or let this part run on the CPU" : instead->second});
    return;
  }
  for (const Need& need : t.needs)
    if ((need.op == op || need.op == "*") && std::ranges::none_of(need.conditions, [&](const Condition& c) { return Holds(g, id, c); }))
      out->push_back({place, op, need.text.reason + (need.verified ? "" : " (unverified: no source at hand says so)"), need.text.advice});
}

// The types in which the model's activations are, once for the whole model.
void CheckTypes(const Target& t, const graph::Graph& g, std::vector<Obstacle>* out) {
  if (t.types.empty()) return;
  std::set<std::string> found;
  for (const graph::NodeId id : g.order()) {
    const graph::Node& n = g.node(id);
    if (n.op->name == "quantize" || n.op->name == "dequantize") continue;
    for (const graph::TensorId y : n.outputs)
      if (const std::string type(Name(g.tensor(y).type.dtype)); std::ranges::find(t.types, type) == t.types.end() && IsFloat(g.tensor(y).type.dtype))
        found.insert(type);
  }
  for (const std::string& type : found) out->push_back({"", "", t.types_text.reason + " (found " + type + ")", t.types_text.advice});
}

}  // namespace

std::vector<std::string> TakenOnTrust(const Target& target, const graph::Model& model) {
  std::set<std::string> found;
  for (const graph::Graph& g : model.subgraphs)
    for (const graph::NodeId id : g.order())
      if (std::ranges::find(target.unverified, g.node(id).op->name) != target.unverified.end()) found.insert(Upper(g.node(id).op->name));
  return {found.begin(), found.end()};
}

std::vector<Obstacle> Evaluate(const Target& target, const graph::Model& model) {
  std::vector<Obstacle> out;
  for (const graph::Graph& g : model.subgraphs) {
    CheckTypes(target, g, &out);
    bool open = false;
    for (const graph::NodeId id : g.order()) {
      CheckNode(target, g, id, &out);
      for (const graph::TensorId y : g.node(id).outputs) open |= !g.tensor(y).type.shape.known();
    }
    if (open && target.wants_static) out.push_back({"", "", target.static_text.reason, target.static_text.advice});
  }
  std::set<std::vector<std::string>> seen;  // A layer's operators often meet the same obstacle.
  std::erase_if(out, [&](const Obstacle& o) { return !seen.insert({o.place, o.op, o.reason, o.advice}).second; });
  return out;
}

}  // namespace octet::checker
