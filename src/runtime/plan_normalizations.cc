// SPDX-License-Identifier: Apache-2.0
// Layer normalizations that a file writes out as sums, differences and products of rows: one kernel, one step.
#include <memory>

#include "ops/normalize_rows_util.h"
#include "runtime/plan_fusion.h"
#include "runtime/plan_rows.h"

namespace octet::runtime {
namespace {

constexpr size_t kMostWrittenOut = 16;  // Nodes that are looked at for one.

}  // namespace

class Plan::NormalizationFusion : Fusion {
 public:
  using Fusion::Fusion;
  void Run();

 private:
  ops::NormalizedRows FindAt(size_t first) const;
  bool Fits(size_t first, const ops::NormalizedRows& found) const;
  bool IsVector(int32_t tensor, int64_t elements) const;
  void Make(size_t first, const ops::NormalizedRows& found);
};

void Plan::NormalizationFusion::Run() {
  for (size_t first = first_step_; first < steps_.size(); ++first) {
    if (!steps_[first].alone() || !plan_.ReducesRows(steps_[first].node)) continue;
    const ops::NormalizedRows found = FindAt(first);
    if (found.nodes > 0 && Fits(first, found)) Make(first, found);
  }
}

ops::NormalizedRows Plan::NormalizationFusion::FindAt(size_t first) const {
  std::vector<ops::WrittenOut> nodes;
  for (size_t i = first; i < steps_.size() && nodes.size() < kMostWrittenOut && steps_[i].alone() && !steps_[i].ordered; ++i) {
    const int n = steps_[i].node;
    const tflite::OperatorInfo& op = graph_.operators[n];
    if (op.outputs.size() != 1 || op.inputs.empty()) break;
    nodes.push_back({op.op, op.attributes.data(), op.inputs, op.outputs[0], plan_.ReducesRows(n)});
  }
  return ops::FindNormalizedRows(nodes);
}

// A known one, as many elements, of floats.
bool Plan::NormalizationFusion::IsVector(int32_t tensor, int64_t elements) const {
  const TensorType& type = tensors_[tensor].type;
  return tensors_[tensor].known() && type.dtype == DType::kF32 && RowsOf(type.shape) == 1 && type.shape.elements() == elements;
}

// Whether shapes are those of rows, and nobody else reads what is between the nodes.
bool Plan::NormalizationFusion::Fits(size_t first, const ops::NormalizedRows& found) const {
  const size_t last = first + found.nodes - 1;
  const int32_t y = graph_.operators[steps_[last].node].outputs[0];
  const Shape& shape = tensors_[y].type.shape;
  if (tensors_[y].type.dtype != DType::kF32 || graph_.tensors[y].is_variable || !(tensors_[found.x].type.shape == shape)) return false;
  if (!IsVector(found.epsilon, 1) || !IsVector(found.gamma, shape.back())) return false;
  if (found.beta >= 0 && !IsVector(found.beta, shape.back())) return false;
  for (size_t i = first; i < last; ++i)
    if (LastUse(graph_.operators[steps_[i].node].outputs[0]) > PositionOf(steps_[last])) return false;
  return true;
}

// Puts one step in the place of the nodes.
void Plan::NormalizationFusion::Make(size_t first, const ops::NormalizedRows& found) {
  static constexpr ops::Variant kNormalize{.name = "normalize"};
  const size_t end = first + found.nodes;
  const int32_t y = graph_.operators[steps_[end - 1].node].outputs[0];
  const Shape& shape = tensors_[y].type.shape;
  auto* params = new (plan_.parameters_.Take(sizeof(ops::NormalizeParams))) ops::NormalizeParams();
  *params = {RowsOf(shape), shape.back(), *reinterpret_cast<const float*>(tensors_[found.epsilon].data), found.beta >= 0};
  auto group = std::make_unique<NodeGroup>();
  group->inputs = {found.x, found.gamma};
  if (found.beta >= 0) group->inputs.push_back(found.beta);
  group->outputs = {y};
  Use(found.x, PositionOf(steps_[end - 1]));
  Step step;
  step.run = ops::RunNormalizedRows;
  step.params = params;
  step.variant = &kNormalize;
  Replace(first, end, std::move(group), std::move(step));
}

void Plan::FuseNormalizations(Segment& segment, size_t first_step) { NormalizationFusion(*this, segment, first_step).Run(); }

}  // namespace octet::runtime
