// SPDX-License-Identifier: Apache-2.0
#include "quantizer/float_ends.h"

#include <algorithm>

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

bool IsOther(const Graph& g, TensorId t) { return IsFloat(g.tensor(t).type.dtype) && g.tensor(t).type.dtype != DType::kF32; }

bool CastsTo(const Graph& g, NodeId id, DType type) { return g.node(id).op->name == "cast" && g.tensor(g.node(id).outputs[0]).type.dtype == type; }

// `to` in the place of what a cast makes of it or makes it of, in nodes, outputs and signatures.
void Bypass(graph::Model& model, NodeId cast, TensorId from, TensorId to) {
  Graph& g = model.main();
  g.ReplaceUses(from, to);
  g.Erase(cast);
  for (graph::Signature& s : model.signatures)
    for (graph::SignatureEntry& entry : s.outputs)
      if (s.subgraph == 0 && entry.tensor == from) entry.tensor = to;
}

void WidenInput(graph::Model& model, TensorId t) {
  Graph& g = model.main();
  std::vector<NodeId> readers;
  for (const NodeId id : g.order())
    if (std::ranges::count(g.node(id).inputs, t) > 0) readers.push_back(id);
  const auto widens = [&](NodeId id) { return CastsTo(g, id, DType::kF32); };
  if (!IsOther(g, t) || g.is_output(t) || !std::ranges::all_of(readers, widens)) return;
  g.tensor(t).type.dtype = DType::kF32;
  for (const NodeId id : readers) Bypass(model, id, g.node(id).outputs[0], t);
}

void WidenOutput(graph::Model& model, TensorId t) {
  Graph& g = model.main();
  const NodeId cast = g.tensor(t).producer;
  if (!IsOther(g, t) || cast < 0 || g.uses(t) != 1 || !CastsTo(g, cast, g.tensor(t).type.dtype)) return;
  const TensorId wide = g.node(cast).inputs[0];
  if (g.tensor(wide).type.dtype != DType::kF32 || g.is_constant(wide) || g.is_output(wide) || std::ranges::count(g.inputs, wide) > 0) return;
  std::swap(g.tensor(t).name, g.tensor(wide).name);  // The output keeps its own.
  Bypass(model, cast, t, wide);
}

}  // namespace

void WidenEnds(graph::Model& model) {
  for (const TensorId t : std::vector(model.main().inputs)) WidenInput(model, t);
  for (const TensorId t : std::vector(model.main().outputs)) WidenOutput(model, t);
}

}  // namespace octet::quantizer
