// SPDX-License-Identifier: Apache-2.0
// Transpositions that nobody computes: operators whose kernels take operands in another order (Variant::takes_order), as products of
// attention's heads do, read what would be transposed, and write to where it would go.
#include <algorithm>

#include "base/built.h"
#include "ops/shape_util.h"
#include "runtime/plan_fusion.h"

namespace octet::runtime {
namespace {

constexpr bool kAnyTranspose = Builds("transpose");  // Small builds without have no code for it.

}  // namespace

class Plan::TransposeFusion : Fusion {
 public:
  using Fusion::Fusion;
  void Run();

 private:
  std::vector<int32_t> OrderOf(const Step& step) const;
  bool OnlyReads(const Step& step, int32_t tensor) const;
  OrderedNode& Ordered(Step& step);
  bool GiveToReader(size_t at, std::span<const int32_t> order);
  bool GiveToMaker(size_t at, std::span<const int32_t> order);
};

// A transposition's order, if it is known; empty for other steps.
std::vector<int32_t> Plan::TransposeFusion::OrderOf(const Step& step) const {
  const tflite::OperatorInfo& op = graph_.operators[step.node];
  if (!step.alone() || op.op->code != ops::BuiltinCode::kTranspose || op.inputs[0] < 0 || op.inputs[1] < 0) return {};
  const TensorState& perm = tensors_[op.inputs[1]];
  const int rank = tensors_[op.inputs[0]].type.shape.rank();
  if (!perm.known() || graph_.tensors[op.inputs[0]].is_variable || graph_.tensors[op.outputs[0]].is_variable) return {};
  std::vector<int32_t> order;
  for (int i = 0; i < rank; ++i) {
    int axis = 0;
    if (!ops::NormalizeAxis(reinterpret_cast<const int32_t*>(perm.data)[i], rank, &axis)) return {};
    order.push_back(axis);
  }
  return order;
}

// Whether nobody but the step reads the tensor, and the step once.
bool Plan::TransposeFusion::OnlyReads(const Step& step, int32_t tensor) const {
  if (LastUse(tensor) != PositionOf(step)) return false;
  int64_t readers = 0;
  for (const tflite::OperatorInfo& op : graph_.operators) readers += std::ranges::count(op.inputs, tensor);
  return readers == 1;
}

OrderedNode& Plan::TransposeFusion::Ordered(Step& step) {
  if (!step.ordered) {
    OrderedNode& node = *segment_.ordered_nodes.emplace_back(std::make_unique<OrderedNode>());
    const tflite::OperatorInfo& op = graph_.operators[step.node];
    node.inputs.assign(op.inputs.begin(), op.inputs.end());
    node.outputs.assign(op.outputs.begin(), op.outputs.end());
    step.ordered = &node;
  }
  return *step.ordered;
}

// The reader of what step `at` transposes finds it in the order it has.
bool Plan::TransposeFusion::GiveToReader(size_t at, std::span<const int32_t> order) {
  const tflite::OperatorInfo& op = graph_.operators[steps_[at].node];
  for (size_t i = at + 1; i < steps_.size(); ++i) {
    const std::span<const int32_t> inputs = graph_.operators[steps_[i].node].inputs;
    const auto operand = std::ranges::find(inputs, op.outputs[0]) - inputs.begin();
    if (!steps_[i].alone() || operand == std::ssize(inputs)) continue;
    if (operand >= 2 || !OnlyReads(steps_[i], op.outputs[0]) || !plan_.TakesOrder(steps_[i].node, static_cast<int>(operand), order)) return false;
    OrderedNode& reader = Ordered(steps_[i]);
    reader.inputs[static_cast<size_t>(operand)] = op.inputs[0];
    reader.input_order[operand].assign(order.begin(), order.end());
    Use(op.inputs[0], PositionOf(steps_[i]));
    return true;
  }
  return false;
}

// What makes the values that step `at` transposes writes them to where they go.
bool Plan::TransposeFusion::GiveToMaker(size_t at, std::span<const int32_t> order) {
  const tflite::OperatorInfo& op = graph_.operators[steps_[at].node];
  std::vector<int32_t> inverse(order.size());
  for (size_t a = 0; a < order.size(); ++a) inverse[static_cast<size_t>(order[a])] = static_cast<int32_t>(a);
  for (size_t i = at; i-- > first_step_;) {
    const std::span<const int32_t> outputs = graph_.operators[steps_[i].node].outputs;
    if (!steps_[i].alone() || outputs.size() != 1 || outputs[0] != op.inputs[0]) continue;
    if (!OnlyReads(steps_[at], op.inputs[0]) || !plan_.TakesOrder(steps_[i].node, -1, inverse)) return false;
    OrderedNode& maker = Ordered(steps_[i]);
    maker.outputs[0] = op.outputs[0];
    maker.output_order = std::move(inverse);
    return true;
  }
  return false;
}

void Plan::TransposeFusion::Run() {
  std::vector<bool> given(graph_.operators.size());
  for (size_t i = first_step_; i < steps_.size(); ++i) {
    const std::vector<int32_t> order = OrderOf(steps_[i]);
    if (order.empty() || !(GiveToReader(i, order) || GiveToMaker(i, order))) continue;
    given[steps_[i].node] = plan_.fused_[steps_[i].node] = true;
  }
  steps_.erase(std::remove_if(steps_.begin() + static_cast<std::ptrdiff_t>(first_step_), steps_.end(), [&](const Step& s) { return given[s.node]; }),
               steps_.end());
}

void Plan::FuseTransposes(Segment& segment, size_t first_step) {
  if constexpr (kAnyTranspose) TransposeFusion(*this, segment, first_step).Run();
}

}  // namespace octet::runtime
