// SPDX-License-Identifier: Apache-2.0
// What joins steps of one segment works on: the plan's steps before they are prepared, and what it knows of tensors. Fusions run one after the
// other (Plan::JoinSteps); what one has joined is no longer alone(), and stays.
#pragma once
#include <algorithm>
#include <memory>
#include <utility>

#include "runtime/plan.h"

namespace octet::runtime {

class Plan::Fusion {
 public:
  // Of steps from first_step on, of the last segment.
  Fusion(Plan& plan, Segment& segment, size_t first_step)
      : plan_(plan), segment_(segment), first_step_(first_step), graph_(plan.graph_), tensors_(plan.tensors_), steps_(plan.steps_) {}

 protected:
  int PositionOf(const Step& step) const { return plan_.PositionOf(step); }
  int LastUse(int32_t tensor) const { return plan_.last_use_[tensor]; }
  void Use(int32_t tensor, int position) { plan_.last_use_[tensor] = std::max(plan_.last_use_[tensor], position); }

  // Puts the group's one step in the place of those.
  void Replace(size_t first, size_t end, std::unique_ptr<NodeGroup> group, Step step) {
    for (size_t i = first; i < end; ++i) group->nodes.push_back(steps_[i].node);
    for (size_t i = first; i + 1 < end; ++i) plan_.fused_[steps_[i].node] = true;
    step.node = steps_[end - 1].node;
    step.group = group.get();
    segment_.groups.push_back(std::move(group));
    steps_[first] = std::move(step);
    steps_.erase(steps_.begin() + static_cast<std::ptrdiff_t>(first) + 1, steps_.begin() + static_cast<std::ptrdiff_t>(end));
  }

  Plan& plan_;
  Segment& segment_;
  const size_t first_step_;
  const tflite::SubgraphInfo& graph_;
  const std::vector<TensorState>& tensors_;
  std::vector<Step>& steps_;
};

}  // namespace octet::runtime
