// SPDX-License-Identifier: Apache-2.0
#include "quantizer/rewrite.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "quantizer/kernel_limits.h"
#include "quantizer/rewrite_graph.h"

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::TensorId;

// All graphs: what each node becomes, callees before their callers; then the scales of all; then the graphs.
class Rewriter {
 public:
  Rewriter(const graph::Model& model, const std::map<std::string, Range>& ranges, const RewriteOptions& options)
      : ranges_(ranges), options_(options), callers_(passes::CallersOf(model)) {
    out_.model = model;
    for (const Graph& g : out_.model.subgraphs) {
      nodes_.emplace_back(g, options, ranges);
      scales_.emplace_back(g, nodes_.back(), ranges, &classes_);
    }
  }

  // What must not be integer with these scales, by its first output, with the reason.
  const std::map<std::string, std::string>& refused() const { return refused_; }

  Result<Rewritten> Run() {
    Choose(0, options_.activation);
    ChooseScales();
    for (int32_t g : taking_part_) FindRefused(graph(g), nodes(g), scales(g), &refused_);
    const Rewriting rewriting{out_.model, options_, classes_};
    for (int32_t g : taking_part_) {
      const auto ends = ends_.find(g);
      OCTET_TRY(RewriteGraph(rewriting, g, nodes(g), scales(g), ends == ends_.end() ? nullptr : &ends->second));
    }
    for (const auto& [g, ends] : ends_)
      if (std::ranges::find(taking_part_, g) == taking_part_.end()) RetypeInputs(graph(g), ends);
    OCTET_TRY(graph::LinkCallees(out_.model));
    return std::move(out_);
  }

 private:
  Graph& graph(int32_t g) { return out_.model.subgraphs[static_cast<size_t>(g)]; }
  IntegerNodes& nodes(int32_t g) { return nodes_[static_cast<size_t>(g)]; }
  GraphScales& scales(int32_t g) { return scales_[static_cast<size_t>(g)]; }

  // -- what becomes integer

  void Choose(int32_t g, DType activation) {
    nodes(g).Choose(activation, g == 0, [&](const graph::Node& n, DType type) { return DecideCall(g, n, type); }, &out_);
    taking_part_.push_back(g);
  }

  // What only this node calls may become integer with it.
  std::optional<IntegerCall> DecideCall(int32_t g, const graph::Node& n, DType type) {
    const std::optional<passes::CallFlow> flow = passes::FlowOf(out_.model, n);
    if (!flow || std::ranges::any_of(flow->subgraphs, [&](int32_t callee) { return callers_[static_cast<size_t>(callee)] != 1 || callee == g; }))
      return std::nullopt;
    if (flow->loops && DecidedByItsValues(*flow)) return std::nullopt;
    for (int32_t callee : flow->makers()) Choose(callee, type);
    IntegerCall call{*flow, type, {}, {}};
    for (size_t i = static_cast<size_t>(flow->first); i < n.inputs.size(); ++i) call.in.push_back(HandsInteger(*flow, i - static_cast<size_t>(flow->first)));
    for (size_t i = 0; i < n.outputs.size(); ++i) call.out.push_back(MakesInteger(g, *flow, n, i));
    if (flow->loops)  // One value: what comes out goes in again.
      for (size_t i = 0; i < call.in.size(); ++i)
        call.in[i] = call.out[i] = HasRange(g, n.outputs[i]) && !ReadByCondition(*flow, i) && (call.in[i] || call.out[i]);
    if (std::ranges::none_of(flow->makers(), [&](int32_t callee) { return nodes(callee).any(); })) return std::nullopt;
    for (size_t k = 0; k < flow->subgraphs.size(); ++k) ends_[flow->subgraphs[k]] = EndsOf(g, n, call, k);
    call.handed = ends_[flow->subgraphs[0]].inputs;
    return call;
  }

  bool HasRange(int32_t g, TensorId t) {
    const graph::Tensor& tensor = graph(g).tensor(t);
    return tensor.type.dtype == DType::kF32 && ranges_.contains(tensor.name);
  }
  bool HandsInteger(const passes::CallFlow& flow, size_t i) {
    const int32_t any = flow.subgraphs.back();
    if (graph(any).tensor(graph(any).inputs[i]).type.dtype != DType::kF32) return false;
    return std::ranges::any_of(flow.makers(), [&](int32_t callee) { return nodes(callee).ReadAsInteger(graph(callee).inputs[i]); });
  }
  bool MakesInteger(int32_t g, const passes::CallFlow& flow, const graph::Node& n, size_t i) {
    return HasRange(g, n.outputs[i]) &&
           std::ranges::any_of(flow.makers(), [&](int32_t callee) { return nodes(callee).MakesInteger(graph(callee).outputs[i]); });
  }
  bool ReadByCondition(const passes::CallFlow& flow, size_t i) {
    const Graph& condition = graph(flow.subgraphs[0]);
    return condition.uses(condition.inputs[i]) > 0;
  }
  // Is how long it runs decided by floats that it computes? Rounded, they may never reach their limit.
  bool DecidedByItsValues(const passes::CallFlow& flow) {
    const Graph& body = graph(flow.subgraphs[1]);
    for (size_t i = 0; i < body.inputs.size(); ++i)
      if (ReadByCondition(flow, i) && body.tensor(body.inputs[i]).type.dtype == DType::kF32 && body.outputs[i] != body.inputs[i]) return true;
    return false;
  }

  Ends EndsOf(int32_t g, const graph::Node& n, const IntegerCall& call, size_t callee) {
    Ends ends{.type = call.type, .inputs = {}, .outputs = {}};
    const int32_t own = call.flow.subgraphs[callee];
    for (size_t i = 0; i < call.in.size(); ++i) ends.inputs.push_back(call.in[i] ? scales(own).Number(graph(own).inputs[i]) : -1);
    for (size_t i = 0; i < n.outputs.size(); ++i) ends.outputs.push_back(call.out[i] ? scales(g).Number(n.outputs[i]) : -1);
    return ends;
  }

  // Of a condition, which reads none of them.
  void RetypeInputs(Graph& g, const Ends& ends) {
    for (size_t i = 0; i < ends.inputs.size(); ++i) {
      if (ends.inputs[i] < 0) continue;
      TensorType& type = g.tensor(g.inputs[i]).type;
      type.dtype = ends.type;
      type.quant = classes_.Of(ends.inputs[i], ends.type);
    }
  }

  // -- scales

  void ChooseScales() {
    ForCalls([&](int32_t g, const graph::Node& n, const IntegerCall& call) { TieInputs(g, n, call); });
    for (int32_t g : taking_part_) scales(g).Fix();
    for (const bool fixed_too : {false, true}) {
      for (int32_t g : taking_part_) scales(g).JoinSame(fixed_too);
      ForCalls([&](int32_t g, const graph::Node& n, const IntegerCall& call) { JoinEnds(g, n, call, fixed_too); });
    }
    for (int32_t g : taking_part_) scales(g).JoinSteps();
    out_.classes = scales(0).Report();
  }

  template <class Body> void ForCalls(const Body& body) {
    for (int32_t g : taking_part_)
      for (const auto& [id, call] : nodes(g).calls()) body(g, graph(g).node(id), call);
  }

  // All subgraphs take a value with one scale; it is a loop's own in every round.
  void TieInputs(int32_t g, const graph::Node& n, const IntegerCall& call) {
    for (size_t i = 0; i < call.in.size(); ++i) {
      if (!call.in[i]) continue;
      const int first = InputOf(call, 0, i);
      classes_.Unite(first, InputOf(call, 1, i), call.type);
      if (call.flow.loops) classes_.Unite(first, scales(g).Number(n.outputs[i]), call.type);
    }
  }

  void JoinEnds(int32_t g, const graph::Node& n, const IntegerCall& call, bool fixed_too) {
    const auto join = [&](int a, int b) {
      if (fixed_too || (!classes_.HasFixed(a) && !classes_.HasFixed(b))) classes_.Unite(a, b, call.type);
    };
    for (size_t i = 0; i < call.in.size(); ++i)
      if (call.in[i]) join(InputOf(call, 0, i), scales(g).Number(n.inputs[i + static_cast<size_t>(call.flow.first)]));
    for (size_t i = 0; i < call.out.size(); ++i)
      for (int32_t callee : call.flow.makers())
        if (call.out[i]) join(scales(g).Number(n.outputs[i]), scales(callee).Number(graph(callee).outputs[i]));
  }

  int InputOf(const IntegerCall& call, size_t callee, size_t i) {
    const int32_t g = call.flow.subgraphs[callee];
    return scales(g).Number(graph(g).inputs[i]);
  }

  const std::map<std::string, Range>& ranges_;
  const RewriteOptions& options_;
  Rewritten out_;
  ScaleClasses classes_;            // Of all tensors as they came.
  std::deque<IntegerNodes> nodes_;  // Of all graphs.
  std::deque<GraphScales> scales_;  // The same.
  std::vector<int> callers_;
  std::vector<int32_t> taking_part_;  // Callees before their callers.
  std::map<int32_t, Ends> ends_;
  std::map<std::string, std::string> refused_;
};

}  // namespace

Result<Rewritten> RewriteToInt8(const graph::Model& model, const std::map<std::string, Range>& ranges, const RewriteOptions& options) {
  Rewriter rewriter(model, ranges, options);
  OCTET_ASSIGN(Rewritten rewritten, rewriter.Run());
  if (rewriter.refused().empty()) return rewritten;
  RewriteOptions without = options;  // Each round takes one at least.
  without.keep_float.insert(rewriter.refused().begin(), rewriter.refused().end());
  return RewriteToInt8(model, ranges, without);
}

}  // namespace octet::quantizer
