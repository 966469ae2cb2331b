// SPDX-License-Identifier: Apache-2.0
#include "quantizer/integer_nodes.h"

#include <algorithm>
#include <utility>

#include "quantizer/roles.h"

namespace octet::quantizer {
namespace {

using graph::NodeId;
using graph::TensorId;

bool IsReal(DType t) { return IsFloat(t) || t == DType::kC64; }

}  // namespace

bool IsFloatTensor(const graph::Graph& g, TensorId t) { return t != graph::kNoTensor && g.tensor(t).type.dtype == DType::kF32; }
bool IsInput(const graph::Graph& g, TensorId t) { return std::ranges::find(g.inputs, t) != g.inputs.end(); }

void IntegerNodes::Choose(DType activation, bool main, const DecideCall& decide, Rewritten* out) {
  activation_ = activation;
  nodes_ = g_.order();
  const std::set<NodeId> deciding = main && options_.inputs == DType::kF32 ? OnlyDeciding() : std::set<NodeId>();
  for (NodeId id : nodes_) {
    const graph::Node& n = g_.node(id);
    const bool makes_float = std::ranges::any_of(n.outputs, [&](TensorId t) { return IsFloatTensor(g_, t) && g_.uses(t) > 0; });
    if (n.outputs.empty() || (!makes_float && !ReadsIntegers(n))) continue;
    if (const std::string* kept = Reason(n, options_.keep_float)) Note(id, *kept, &out->float_nodes);
    else if (deciding.contains(id))
      Note(id, "only integers come of it (comparisons, indices, levels of the source's own), which are exact on the inputs as they are", &out->float_nodes);
    else if (n.callees.empty()) ChooseNode(id, out);
    else ChooseCall(id, decide, out);
  }
}

std::optional<DType> IntegerNodes::TypeOf(NodeId id) const {
  const auto it = types_.find(id);
  return it == types_.end() ? std::nullopt : std::optional(it->second);
}

bool IntegerNodes::MakesInteger(TensorId t) const {
  const NodeId producer = g_.tensor(t).producer;
  if (!has(producer)) return false;
  const auto call = calls_.find(producer);
  return call == calls_.end() || call->second.out[static_cast<size_t>(std::ranges::find(g_.node(producer).outputs, t) - g_.node(producer).outputs.begin())];
}

bool IntegerNodes::ReadAsInteger(TensorId t) const {
  return std::ranges::any_of(g_.tensor(t).consumers, [&](NodeId id) { return has(id) && !ReadsFloat(id, t); });
}

bool IntegerNodes::ReadsFloat(NodeId id, TensorId t) const {
  if (!has(id)) return true;
  const graph::Node& n = g_.node(id);
  for (size_t i = 0; i < n.inputs.size(); ++i)
    if (n.inputs[i] == t && HandsFloat(id, i)) return true;
  return false;
}

bool IntegerNodes::HandsFloat(NodeId id, size_t i) const {
  const auto call = calls_.find(id);
  if (call == calls_.end()) return false;
  const auto first = static_cast<size_t>(call->second.flow.first);
  return i < first || !call->second.in[i - first];
}

// What is made of the inputs element by element, and read by nothing but such nodes and ones that make integers.
std::set<NodeId> IntegerNodes::OnlyDeciding() const {
  std::set<NodeId> found;
  for (NodeId id : nodes_) {
    const graph::Node& n = g_.node(id);
    const bool plain = (n.op->traits & (ops::kElementwise | ops::kMovesBytes)) && n.callees.empty();
    const bool early = std::ranges::all_of(
        n.inputs, [&](TensorId t) { return !IsFloatTensor(g_, t) || g_.is_constant(t) || IsInput(g_, t) || found.contains(g_.tensor(t).producer); });
    if (plain && early) found.insert(id);
  }
  for (auto id = nodes_.rbegin(); id != nodes_.rend(); ++id)
    if (std::ranges::any_of(g_.node(*id).outputs, [&](TensorId t) { return IsFloatTensor(g_, t) && ReadAsFloats(t, found); })) found.erase(*id);
  return found;
}

// Does anything that makes more than integers read it, but for those?
bool IntegerNodes::ReadAsFloats(TensorId t, const std::set<NodeId>& but) const {
  const auto makes_real = [&](NodeId id) {
    return std::ranges::any_of(g_.node(id).outputs, [&](TensorId made) { return IsReal(g_.tensor(made).type.dtype) && g_.uses(made) > 0; });
  };
  return g_.is_output(t) || std::ranges::any_of(g_.tensor(t).consumers, [&](NodeId id) { return !but.contains(id) && makes_real(id); });
}

// Would its results be the same without a DEQUANTIZE before it?
bool IntegerNodes::ReadsIntegers(const graph::Node& n) const {
  return n.callees.empty() && TellsIntegersApart(*n.op) && std::ranges::all_of(n.inputs, [&](TensorId t) { return !IsFloatTensor(g_, t) || MakesInteger(t); });
}

bool IntegerNodes::HasRanges(const graph::Node& n) const {
  return std::ranges::all_of(n.outputs, [&](TensorId t) { return !IsFloatTensor(g_, t) || ranges_.contains(g_.tensor(t).name); });
}

void IntegerNodes::ChooseNode(NodeId id, Rewritten* out) {
  const std::string* wide = Reason(g_.node(id), options_.int16);
  const DType type = wide ? DType::kI16 : activation_;
  if (HasIntegerForm(g_, id, type) && HasRanges(g_.node(id))) {
    types_[id] = type;
    if (wide) Note(id, *wide, &out->int16_nodes);
  } else {
    Note(id, type == DType::kI8 ? "has no int8 kernel" : "has no int16 kernel", &out->float_nodes);
  }
}

void IntegerNodes::ChooseCall(NodeId id, const DecideCall& decide, Rewritten* out) {
  const std::string* wide = Reason(g_.node(id), options_.int16);
  const DType type = wide ? DType::kI16 : activation_;
  std::optional<IntegerCall> call = decide(g_.node(id), type);
  if (!call) return Note(id, "calls subgraphs that compute in float", &out->float_nodes);
  if (wide) Note(id, *wide, &out->int16_nodes);
  types_[id] = type;
  calls_.emplace(id, *std::move(call));
}

// Why a node is in the list; null where it is not.
const std::string* IntegerNodes::Reason(const graph::Node& n, const std::map<std::string, std::string>& list) const {
  const auto it = list.find(g_.tensor(n.outputs[0]).name);
  return it == list.end() ? nullptr : &it->second;
}

void IntegerNodes::Note(NodeId id, const std::string& reason, std::vector<FloatNode>* list) const {
  const graph::Node& n = g_.node(id);
  const ops::Cost cost = SampleCost(g_, id);
  list->push_back({n.place, std::string(n.op->name), reason, g_.tensor(n.outputs[0]).name, cost.macs, cost.bytes});
}

}  // namespace octet::quantizer
