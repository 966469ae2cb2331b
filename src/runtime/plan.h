// SPDX-License-Identifier: Apache-2.0
// A plan: the steps of one subgraph for given input shapes, with kernels chosen and memory placed.
// It is cut where an operator's output shape depends on data: what comes behind is planned when the
// data is there, in an arena of its own, and again only when the shape changes.
#pragma once
#include <deque>

#include "base/cpu.h"
#include "base/thread_pool.h"
#include "runtime/memory_plan.h"
#include "runtime/shared_model.h"

namespace octet::runtime {

enum class Home : uint8_t {
  kNone,      // Not planned (yet), or unused.
  kConstant,  // In the file.
  kFolded,    // Computed while planning from constants and known shapes.
  kVariable,  // Kept between runs.
  kArena,     // Placed by the memory plan.
};

struct TensorState {
  TensorType type;               // Current.
  Home home = Home::kNone;
  std::byte* data = nullptr;
  uint64_t bytes = 0;
  bool known() const { return home == Home::kConstant || home == Home::kFolded; }
};

struct Step {
  ops::RunFn run = nullptr;
  const void* params = nullptr;
  int node = -1;
  std::vector<std::byte*> in, out;
  std::byte* workspace = nullptr;
  const ops::Variant* variant = nullptr;
};

class Plan {
 public:
  Plan(std::shared_ptr<const SharedModel> model, int subgraph, const Options& options);

  const tflite::SubgraphInfo& graph() const { return graph_; }
  const std::vector<TensorState>& tensors() const { return tensors_; }
  const std::vector<Step>& steps() const { return steps_; }  // Of the segments planned so far.

  // Plans for these input shapes (in graph order) up to the first cut.
  Status Build(std::span<const Shape> input_shapes);
  // Runs all steps, planning further segments as their shapes become known.
  Status Run(ThreadPool& pool, Observer* observer);
  void ResetVariables();
  // Nothing is left to plan while running.
  bool is_static() const { return segments_.size() == 1 && segments_[0].end_node == static_cast<int>(graph_.operators.size()); }

  MemoryUse memory() const;

 private:
  using Parameters = std::deque<std::vector<uint64_t>>;  // Params and arrays of prepare; addresses stay.
  struct Segment {
    int first_node = 0, end_node = 0;
    size_t first_step = 0;
    AlignedBuffer arena;
    Placement placement;
    std::vector<Shape> cut_shapes;  // What the cutting operator's outputs were planned with,
    std::vector<std::byte> cut_values;  // the values of the operands that decide them,
    Parameters cut_parameters;          // and what its kernel was prepared with: new with new values.
  };
  class NodeLens;
  class NodePrepare;

  void Reset();
  Status PlanSegment(int first_node, bool with_data);
  Status InferNode(int node, bool with_data, bool* dynamic);
  Status CheckComputed(const ops::OpView& op, const TensorType& t) const;
  bool Foldable(int node) const;
  Status Fold(int node);
  Status Prepare(int node, Step& step, uint64_t* workspace, Segment* cut);  // cut: null, or what this node cuts off.
  std::vector<std::byte> CutValues(int node) const;
  Status RenewCut(Segment& segment, bool* same);
  const ops::Variant* Choose(const ops::OpView& op) const;
  Status CheckLimit(uint64_t bytes) const;
  Status Place(Segment& segment);
  void BindOperands(int node, std::vector<std::byte*>* in, std::vector<std::byte*>* out) const;
  void Bind(Segment& segment);
  Status RunSteps(size_t first, size_t end, ThreadPool& pool, Observer* observer);
  Status SetVariables();
  int LastUse(int tensor) const { return last_use_[tensor]; }
  int Root(int tensor) const;
  std::string PlaceOf(int node) const;

  std::shared_ptr<const SharedModel> model_;
  const tflite::SubgraphInfo& graph_;
  const Options options_;
  std::vector<TensorState> tensors_;
  std::vector<Step> steps_;
  std::vector<uint64_t> workspaces_;     // Bytes, per step.
  std::deque<Segment> segments_;
  std::vector<int> last_use_;            // Node, or past the end for outputs; -1 unused.
  std::vector<int> alias_of_;            // Tensor whose memory this one is, or -1.
  std::vector<AlignedBuffer> variables_;
  Parameters parameters_;
  std::vector<AlignedBuffer> folded_;
  ThreadPool planning_pool_{1};
};

}  // namespace octet::runtime
