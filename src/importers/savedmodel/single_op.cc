// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/single_op.h"

#include <algorithm>
#include <iterator>

#include "importers/savedmodel/builder.h"

namespace octet::importers::savedmodel {
namespace {

void Add(FunctionDef& graph, NodeDef node) {
  graph.by_name[node.name] = graph.nodes.size();
  graph.nodes.push_back(std::move(node));
}

// The op's node reads placeholders "0", "1", …: a graph that TensorFlow could have written.
void Write(GraphDef& graph, const SingleOp& op) {
  NodeDef node{op.place, op.op, {}, {}};
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    node.inputs.push_back(graph.OwnText(std::to_string(i)));
    Add(graph.mutable_main(), {node.inputs.back(), "Placeholder", {}, {}});
  }
  for (const auto& [key, value] : op.attrs) node.attrs.emplace_back(key, std::as_bytes(std::span<const char>(value)));
  Add(graph.mutable_main(), std::move(node));
}

void SetInput(Builder& b, std::string_view name, size_t i, const OpInput& input) {
  b.functions().SetInput(name, static_cast<int32_t>(i));
  b.SetArgument(i, input.constant ? b.Constant(input.type, input.constant, std::string(name)) : b.AddInput(std::string(name), input.type));
  if (input.constant || input.elements.empty()) return;
  Partial known{input.type.dtype, input.type.shape, {}};
  for (const int32_t e : input.elements) known.v.push_back(e == kUnknown ? Number{} : Number::Of(static_cast<int64_t>(e)));
  b.SetPartial({Edge::kArgument, static_cast<int32_t>(i)}, std::move(known));
}

}  // namespace

Result<std::optional<graph::Model>> ImportOp(const SingleOp& op, Finding* finding) {
  GraphDef graph;
  Write(graph, op);
  Functions functions(graph);
  Variables none;
  const std::map<std::string_view, std::string> keys;
  Session session{.functions = functions, .variables = none, .keys = keys};
  Builder builder(session, 0);
  for (size_t i = 0; i < op.inputs.size(); ++i) SetInput(builder, graph.main().nodes[i].name, i, op.inputs[i]);
  std::vector<Edge> ends;
  for (int k = 0; k < op.outputs; ++k) {
    OCTET_ASSIGN(ends.emplace_back(), functions.Resolve(0, op.place + ":" + std::to_string(k)));
  }
  OCTET_TRY(builder.Run(ends));
  for (const Edge& end : ends) {
    const Value v = builder.ValueOf(end);
    if (!v) builder.ReportFailure(end);
    builder.graph().outputs.push_back(v.id);
  }
  graph::Model model = builder.TakeModel();
  if (session.findings.empty() && model.main().outputs[0] != graph::kNoTensor) {
    std::ranges::move(session.subgraphs, std::back_inserter(model.subgraphs));
    return std::optional(std::move(model));
  }
  *finding = session.findings.empty() ? Finding{op.place, std::string(op.op), op.place, "it is no tensor", ""} : session.findings[0];
  return std::optional<graph::Model>();
}

}  // namespace octet::importers::savedmodel
