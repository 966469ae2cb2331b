// SPDX-License-Identifier: Apache-2.0
#include "passes/unroll_loops.h"

#include <algorithm>
#include <map>

#include "graph/fold.h"
#include "passes/pass.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr int kMostRounds = 32;        // Beyond it the file grows faster than the time shrinks (importers/lowerings/recurrence.h has the figures).
constexpr size_t kMostNodes = 10'000;

// Copies of one subgraph in front of a node. Constants are copied once for all rounds.
class Inliner {
 public:
  Inliner(const Graph& from, Graph& to, NodeId before) : from_(from), to_(to), before_(before) {}

  // What the subgraph makes of `inputs`; computed at once where that is constant.
  Result<std::vector<TensorId>> Round(const std::vector<TensorId>& inputs, int round) {
    std::map<TensorId, TensorId> here = constants_;
    here[graph::kNoTensor] = graph::kNoTensor;
    for (size_t i = 0; i < inputs.size(); ++i) here[from_.inputs[i]] = inputs[i];
    for (NodeId id : from_.order()) {
      const graph::Node& n = from_.node(id);
      if (!n.callees.empty()) return Error(Code::kUnsupported, "'%s' calls further subgraphs inside of a loop", n.place.c_str());
      std::vector<TensorId> in, out;
      for (TensorId t : n.inputs) in.push_back(Constant(t, &here));
      for (TensorId t : n.outputs) {
        out.push_back(to_.AddTensor(from_.tensor(t).name + "/round_" + std::to_string(round), from_.tensor(t).type));
        here[t] = out.back();
      }
      const NodeId made = to_.AddNode(*n.op, n.attrs, std::move(in), std::move(out), n.place, before_);
      OCTET_ASSIGN([[maybe_unused]] const bool folded, graph::FoldNode(to_, made));
    }
    std::vector<TensorId> outputs;
    for (TensorId t : from_.outputs) outputs.push_back(Constant(t, &here));
    return outputs;
  }

 private:
  TensorId Constant(TensorId t, std::map<TensorId, TensorId>* here) {
    if (const auto it = here->find(t); it != here->end()) return it->second;
    const graph::Tensor& tensor = from_.tensor(t);
    return (*here)[t] = constants_[t] = to_.AddConstant(tensor.name, tensor.type, tensor.constant);
  }

  const Graph& from_;
  Graph& to_;
  const NodeId before_;
  std::map<TensorId, TensorId> constants_;
};

// The last round's value in the place of what the loop made. An output of the model keeps its name: who computes the value makes
// it; what nobody computes (no round ran) is the output itself.
void HandOn(graph::Model& model, TensorId made, TensorId value, std::vector<TensorId>* values) {
  Graph& g = model.main();
  const NodeId producer = g.tensor(value).producer;
  if (g.is_output(made) && producer >= 0 && !g.is_output(value)) {
    const auto& outputs = g.node(producer).outputs;
    const int slot = static_cast<int>(std::ranges::find(outputs, value) - outputs.begin());
    g.ReplaceUses(value, made);
    g.SetOutput(producer, slot, made);
    std::ranges::replace(*values, value, made);
    return;
  }
  g.ReplaceUses(made, value);
  for (graph::Signature& s : model.signatures)
    if (s.subgraph == 0)
      for (graph::SignatureEntry& e : s.outputs)
        if (e.tensor == made) e.tensor = value;
}

bool IsLoop(const graph::Node& n) { return n.op == ops::Find("while"); }

Status Unroll(graph::Model& model, NodeId loop) {
  Graph& g = model.main();
  const graph::Node node = g.node(loop);
  const std::vector<int32_t> called = ops::CalledSubgraphs(node.op->attrs, node.attrs.get());
  if (std::ranges::find(called, 0) != called.end()) return Error(Code::kInvalidModel, "the loop '%s' calls the graph it stands in", node.place.c_str());
  Inliner condition(model.subgraphs[static_cast<size_t>(called[0])], g, loop), body(model.subgraphs[static_cast<size_t>(called[1])], g, loop);
  std::vector<TensorId> values = node.inputs;
  for (int round = 0;; ++round) {
    OCTET_ASSIGN(const std::vector<TensorId> more, condition.Round(values, round));
    if (!g.is_constant(more[0])) return Error(Code::kUnsupported, "how often it runs depends on the data");
    if (g.tensor(more[0]).type.dtype != DType::kBool || g.tensor(more[0]).data<bool>().empty())
      return Error(Code::kInvalidModel, "the loop '%s': expected a condition of type bool", node.place.c_str());
    if (!g.tensor(more[0]).data<bool>()[0]) break;
    if (round == kMostRounds || g.num_nodes() > kMostNodes) return Error(Code::kUnsupported, "it runs more than %d times", round);
    OCTET_ASSIGN(values, body.Round(values, round));
  }
  g.Erase(loop);
  for (size_t i = 0; i < node.outputs.size(); ++i) HandOn(model, node.outputs[i], values[i], &values);
  g.RemoveDead();
  return {};
}

}  // namespace

Status UnrollLoops(graph::Model& model) {
  graph::Model unrolled = model;
  Graph& g = unrolled.main();
  for (const std::vector<NodeId> nodes = g.order(); NodeId id : nodes) {
    if (!IsLoop(g.node(id))) continue;
    Status status = Unroll(unrolled, id);
    if (!status.ok() && status.code() == Code::kUnsupported) return {};
    OCTET_TRY(std::move(status));
  }
  const bool calls = std::ranges::any_of(g.order(), [&](NodeId id) { return !g.node(id).callees.empty(); });
  const bool signatures = std::ranges::any_of(unrolled.signatures, [](const graph::Signature& s) { return s.subgraph != 0; });
  if (calls || signatures) return {};
  unrolled.subgraphs.resize(1);
  OCTET_TRY(graph::InferModel(unrolled));
  OCTET_TRY(Optimize(unrolled));
  model = std::move(unrolled);
  return {};
}

}  // namespace octet::passes
