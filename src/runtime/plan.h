// SPDX-License-Identifier: Apache-2.0
// A plan: the steps of one subgraph for given input shapes, with kernels chosen and memory placed.
// It is cut where an operator's output shape depends on data: what comes behind is planned when the
// data is there, in an arena of its own, and again only when the shape changes. Where not even the operands'
// values tell (control flow), the operator sizes its outputs itself while it runs.
#pragma once
#include <deque>
#include <optional>

#include "base/cpu.h"
#include "runtime/context.h"
#include "runtime/memory_plan.h"
#include "runtime/step.h"

namespace octet::runtime {

class Plan : public ops::Callee, private ops::Host {
 public:
  enum class Use : uint8_t { kEntry, kCalled };
  Plan(Context& context, int subgraph, Use use);

  const tflite::SubgraphInfo& graph() const { return graph_; }
  const std::vector<TensorState>& tensors() const { return tensors_; }
  const std::vector<Step>& steps() const { return steps_; }  // Of the segments planned so far.
  bool fused(int node) const { return fused_[static_cast<size_t>(node)]; }  // Another step computes what its readers need.

  // Plans for these input shapes (in graph order) up to the first cut.
  Status Build(std::span<const Shape> input_shapes);
  // Runs all steps, planning further segments as their shapes become known.
  Status Run(ThreadPool& pool, Observer* observer);
  // The step of `node` and those behind it, of a static plan whose tensors share no memory.
  Status RunFrom(int node, ThreadPool& pool, Observer* observer);
  void ResetVariables();
  // The tensor lies in the caller's memory, or, where that is null, in the plan's again: see Interpreter::Bind.
  Status BindExternal(int tensor, std::byte* memory, uint64_t bytes);
  // Nothing is left to plan while running.
  bool is_static() const { return segments_.size() == 1 && segments_[0].end_node == static_cast<int>(graph_.operators.size()); }

  MemoryUse memory() const;
  ops::Cost CostOf(int node) const;
  ops::Cost CostOf(const NodeGroup& group) const;  // Bytes: of what it reads and writes, without what passes inside.
  // Every delegate's parts go to the CPU, from the next run on.
  Status HandBackAll(const std::string& why);
  const DelegatePart* part_of(int node) const;  // Null: the CPU's.
  std::vector<DelegateDetails> delegate_details() const;
  const std::vector<std::pair<int, std::string>>& delegate_failures() const { return failures_; }
  std::vector<DelegateTiming> delegate_timings() const;

  // -- as a callee
  std::string_view name() const override { return graph_.name; }
  int num_inputs() const override { return static_cast<int>(graph_.inputs.size()); }
  int num_outputs() const override { return static_cast<int>(graph_.outputs.size()); }
  const TensorType& input(int i) const override { return graph_.tensors[graph_.inputs[i]].type; }
  const TensorType& output(int i) const override { return graph_.tensors[graph_.outputs[i]].type; }
  int InputOf(int output) const override { return input_of_[static_cast<size_t>(output)]; }
  bool UpdatesInput(int i) const override;
  const ops::OpDef* sole_op() const override { return graph_.operators.size() == 1 ? graph_.operators[0].op : nullptr; }
  Status Infer(std::span<const Shape> inputs, std::span<ops::OutputType> outputs) override;
  Status Call(std::span<const Bound> in, std::span<Bound> out, ThreadPool& pool) override;

 private:
  // What prepare made: params and arrays, whose addresses stay, and objects that are freed with them.
  struct Parameters {
    struct Object {
      void* object;
      void (*free)(void*);
    };
    Parameters() = default;
    Parameters(const Parameters&) = delete;
    ~Parameters() { Clear(); }
    std::byte* Take(size_t bytes);
    void Clear();
    Region memory;
    std::vector<Object> kept;
  };
  struct Segment {
    int first_node = 0, end_node = 0;
    size_t first_step = 0;
    bool late = false;              // One operator that sizes its outputs itself.
    std::vector<std::unique_ptr<DelegateSession>> sessions;
    std::vector<std::unique_ptr<DelegatePart>> parts;
    std::vector<std::unique_ptr<NodeGroup>> groups;
    std::vector<std::unique_ptr<OrderedNode>> ordered_nodes;
    AlignedBuffer arena;
    bool touched = false;           // The arena's pages were found by a first run.
    Placement placement;
    std::vector<Shape> cut_shapes;  // What the cutting operator's outputs were planned with,
    std::vector<std::byte> cut_values;  // the values of the operands that decide them,
    Parameters cut_parameters;          // and what its kernel was prepared with: new with new values.
  };
  // Where a step holds the address of a tensor in the caller's memory.
  struct Patch {
    size_t step;
    bool output;
    int operand;
    int tensor;  // The root.
  };
  // A tensor (a root) in memory of the interpreter's user.
  struct External {
    int root;
    std::byte* own;  // Where it lay before.
  };

  // -- planning
  Status Reset();
  Status SetStrings(const tflite::TensorInfo& info, TensorState& t);
  Status SetVariables();
  Status BuildFor(std::span<const Shape> shapes);  // Unless it stands for them.
  Status PlanStart(std::span<const Shape> input_shapes);
  Status PlanSegment(int first_node, bool with_data);
  Status PlanLate(int node);

  // -- one node (plan_nodes.cc)
  class NodeLens;
  class NodePrepare;
  // What one thread does of a node at a time: the rows of a strip, or at most so many of an image. None: all of it.
  struct Part {
    int64_t strip_rows, image_rows;
  };
  Status InferNode(int node, bool with_data, bool* dynamic);
  Status CheckComputed(const ops::OpView& op, const TensorType& t) const;
  bool Foldable(int node) const;
  Status Fold(int node);
  bool ComputesNothing(int node) const;
  const ops::Variant* Choose(const ops::OpView& op) const;
  // cut: null, or what this node cuts off.
  Status Prepare(int node, Step& step, Segment* cut, const Part& part = {0, 0});
  std::vector<std::byte> CutValues(int node) const;
  int64_t RowsOfNode(int node) const;  // By which it works; 0: it does not.
  bool ReducesRows(int node) const;
  std::optional<ops::RowWindow> RowWindowOf(const Step& step) const;  // None: it cannot be asked for rows of an image.
  bool TakesOrder(int node, int operand, std::span<const int32_t> order) const;  // The variant chosen for it.
  std::string PlaceOf(int node) const;

  // -- what steps become before they are prepared (plan_fusion.h)
  class Fusion;
  class TransposeFusion;
  class NormalizationFusion;
  class RowFusion;
  class BandFusion;
  Status JoinSteps(Segment& segment, size_t first_step);
  Status FuseTables(size_t first_step);
  void FuseTransposes(Segment& segment, size_t first_step);
  void FuseNormalizations(Segment& segment, size_t first_step);
  Status FuseRows(Segment& segment, size_t first_step);
  Status FuseBands(Segment& segment, size_t first_step);

  // -- delegates
  struct Refusal {
    int delegate, node;
    std::string text;
  };
  class Delegation;
  Status DelegateSteps(Segment& segment, size_t first_step);
  void Reorder(const std::vector<std::vector<int>>& order, const Segment& segment, size_t first_step);
  void RenewLastUses(const Segment& segment, size_t first_step);
  Status RefuseSlowParts(bool* any);
  Status HandBack(DelegatePart& part);
  void BindPart(DelegatePart& part) const;
  static Status RunPart(const void* params, const ops::Run& run);
  static Status RunOnCpu(const DelegatePart& part, const ops::Run& run);

  // -- memory
  struct Item {
    int tensor;
    Life life;
  };
  Status CheckLimit(uint64_t bytes) const;
  Status CheckGiven(int32_t tensor) const;
  Status Place(Segment& segment);
  void Touch(Segment& segment);
  std::vector<Item> ItemsOf(Segment& segment);
  void HandToCaller(const Segment& segment);
  void BindOperands(int node, std::vector<std::byte*>* in, std::vector<std::byte*>* out) const;
  void Bind(const Segment& segment);
  void BindStep(Step* step) const;
  bool MayAlias(const tflite::OperatorInfo& op, const std::vector<int>& item_of) const;
  int LastUse(int tensor) const { return last_use_[tensor]; }
  int PositionOf(const Step& step) const { return position_[step.node]; }
  std::span<const int32_t> InputsOf(const Step& step) const {
    if (step.source >= 0) return {&step.source, 1};
    return step.part ? step.part->inputs : step.group ? step.group->inputs : step.ordered ? step.ordered->inputs : graph_.operators[step.node].inputs;
  }
  std::span<const int32_t> OutputsOf(const Step& step) const {
    return step.part ? step.part->outputs : step.group ? step.group->outputs : step.ordered ? step.ordered->outputs : graph_.operators[step.node].outputs;
  }
  int Root(int tensor) const;
  bool FindUpdate(int output) const;

  // -- running
  void Poison(const Step& step) const;
  Status RunSteps(size_t first, size_t end, ThreadPool& pool, Observer* observer);
  Status NextSegment(size_t segment);  // Makes the one behind `segment` right for the data there is.
  Status RenewSegment(size_t segment);
  Status RenewCut(Segment& segment, bool* same);
  void Drop(size_t first_segment);
  Status BindEnds(std::span<const Bound> in, std::span<const Bound> out);
  Status CheckExternal(int tensor, const std::byte* memory, uint64_t bytes) const;
  void Move(int root, std::byte* data);

  // -- as a host of the step that runs
  Result<std::byte*> SetOutput(int i, const Shape& shape) override;
  Result<char*> Characters(uint64_t bytes) override { return context_.strings.Take(bytes, options_.memory_limit_bytes); }
  Status KeepGoing() override { return context_.KeepGoing(); }
  ops::Resources& resources() override { return context_.resources; }

  Context& context_;
  const Use use_;
  const tflite::SubgraphInfo& graph_;
  const Options& options_;
  std::vector<TensorState> tensors_;
  std::vector<Step> steps_;
  std::deque<Segment> segments_;
  std::vector<bool> fused_;              // Per node.
  std::vector<int> position_;            // Of nodes: when they run. Their own number unless delegates' parts change the order.
  std::vector<int> last_reader_;         // Per tensor: node, or past the end for inputs and outputs; -1 unused.
  std::vector<int> last_use_;            // The same by position.
  std::vector<int> alias_of_;            // Tensor whose memory this one is, or -1.
  std::vector<Patch> patches_;
  std::vector<int> input_of_;            // Per output: which input it is, or -1.
  mutable std::vector<bool> updates_input_;  // Per output, by the steps bound so far; empty: not asked since.
  std::vector<int> caller_outputs_;      // Positions of the outputs that are computed in the caller's memory,
  std::vector<int> caller_aliases_;      // and the tensors that share memory with one of its tensors.
  std::vector<External> externals_;
  std::vector<AlignedBuffer> own_;       // Per tensor; only Home::kOwn has memory here.
  std::vector<AlignedBuffer> variables_;
  Parameters parameters_;
  Region folded_;
  std::vector<Refusal> refusals_;        // Of delegates, for the nodes planned so far.
  std::vector<Refusal> slow_;            // Measured to be slower than the CPU.
  std::vector<std::pair<int, std::string>> failures_;  // By delegate: what failed, and what took over.
  std::vector<Shape> built_for_;
  std::vector<bool> known_outputs_;      // Whose shapes the input shapes tell.
  bool built_ = false;
  bool rebind_ = false;                  // A late output moved.
  size_t running_step_ = 0;
  ThreadPool planning_pool_{1};
};

}  // namespace octet::runtime
