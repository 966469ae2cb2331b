// SPDX-License-Identifier: Apache-2.0
#include "quantizer/observe_states.h"

#include <algorithm>
#include <cstring>

#include "exporter/exporter.h"

namespace octet::quantizer {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

Result<std::vector<std::unique_ptr<StateObserver>>> StateObserver::ForAll(const graph::Model& model) {
  std::vector<std::unique_ptr<StateObserver>> all;
  const Graph& g = model.main();
  for (NodeId id : g.order()) {
    const std::vector<TensorId>& in = g.node(id).inputs;
    const bool keeps = std::ranges::any_of(in, [&](TensorId t) { return t != graph::kNoTensor && g.tensor(t).is_variable; });
    if (!keeps || g.tensor(in[0]).type.dtype != DType::kF32 || g.tensor(in[0]).type.shape.rank() != 3) continue;
    OCTET_ASSIGN(std::unique_ptr<StateObserver> one, Make(g, id));
    all.push_back(std::move(one));
  }
  return all;
}

// A model of the node alone, for sequences of one step.
Result<std::unique_ptr<StateObserver>> StateObserver::Make(const Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  graph::Model one;
  one.subgraphs.emplace_back();
  Graph& to = one.main();
  std::vector<TensorId> inputs, outputs;
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    if (n.inputs[i] == graph::kNoTensor) {
      inputs.push_back(graph::kNoTensor);
      continue;
    }
    const graph::Tensor& t = g.tensor(n.inputs[i]);
    if (t.constant) {
      inputs.push_back(to.AddConstant(t.name, t.type, t.constant));
    } else {
      inputs.push_back(to.AddTensor(t.name, t.type));
      to.tensor(inputs.back()).is_variable = t.is_variable;
    }
  }
  to.tensor(inputs[0]).type.shape = Shape{1, 1, g.tensor(n.inputs[0]).type.shape.back()};
  to.inputs = {inputs[0]};
  for (TensorId t : n.outputs) outputs.push_back(to.AddTensor(g.tensor(t).name, g.tensor(t).type));
  to.outputs = outputs;
  to.AddNode(*n.op, n.attrs, inputs, outputs, n.place);
  OCTET_TRY(graph::InferAll(to));
  auto observer = std::make_unique<StateObserver>();
  observer->input_ = g.tensor(n.inputs[0]).name;
  OCTET_ASSIGN(observer->bytes_, exporter::Export(one));
  OCTET_ASSIGN(observer->model_, runtime::Model::FromBytes(observer->bytes_));
  OCTET_ASSIGN(observer->step_, runtime::Interpreter::Create(observer->model_, {.keep_all_tensors = true}));
  OCTET_TRY(observer->step_->Allocate());
  for (int i = 0; i < observer->step_->num_tensors(); ++i)
    for (TensorId t : inputs)
      if (t != graph::kNoTensor && to.tensor(t).is_variable && observer->step_->tensor(i).name == to.tensor(t).name) observer->states_.push_back(i);
  return observer;
}

Status StateObserver::Observe(const runtime::Interpreter& whole) {
  for (int i = 0; i < whole.num_tensors(); ++i) {
    const runtime::TensorRef x = whole.tensor(i);
    if (x.name != input_ || !x.data) continue;
    OCTET_TRY(step_->ResetVariables());
    const runtime::TensorRef in = step_->input(0);
    for (uint64_t at = 0; at + in.bytes <= x.bytes; at += in.bytes) {
      std::memcpy(in.data, x.data + at, in.bytes);
      OCTET_TRY(step_->Invoke());
      for (int s : states_) {
        const runtime::TensorRef state = step_->tensor(s);
        StateRange& range = ranges_[std::string(state.name)];
        const auto* v = reinterpret_cast<const float*>(state.data);
        for (uint64_t k = 0; k < state.bytes / sizeof(float); ++k) {
          range.min = std::min(range.min, v[k]);
          range.max = std::max(range.max, v[k]);
        }
      }
    }
    return {};
  }
  return {};
}

}  // namespace octet::quantizer
