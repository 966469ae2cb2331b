// SPDX-License-Identifier: Apache-2.0
// A plan: the steps of one subgraph for given input shapes, with kernels chosen and memory placed.
// It is cut where an operator's output shape depends on data: what comes behind is planned when the
// data is there, in an arena of its own, and again only when the shape changes. Where not even the operands'
// values tell (control flow), the operator sizes its outputs itself while it runs.
#pragma once
#include <deque>

#include "base/aligned_buffer.h"
#include "base/cpu.h"
#include "base/thread_pool.h"
#include "runtime/context.h"
#include "runtime/delegate.h"
#include "runtime/memory_plan.h"
#include "runtime/partition.h"

namespace octet::ops {
struct NormalizedRows;
}
namespace octet::runtime {

enum class Home : uint8_t {
  kNone,      // Not planned (yet), or unused.
  kConstant,  // In the file.
  kFolded,    // Computed while planning from constants and known shapes.
  kVariable,  // Kept between runs.
  kArena,     // Placed by the memory plan.
  kCaller,    // An end of a called subgraph, in the caller's memory.
  kOwn,       // Sized by the operator that computes it.
};

struct TensorState {
  TensorType type;               // Current.
  Home home = Home::kNone;
  std::byte* data = nullptr;
  uint64_t bytes = 0;
  bool known() const { return home == Home::kConstant || home == Home::kFolded; }
};

struct DelegatePart;

// Nodes that are one step.
struct NodeGroup {
  virtual ~NodeGroup() = default;
  std::vector<int> nodes;                // In their order.
  std::vector<int32_t> inputs, outputs;  // Tensors.
  mutable ThreadPool alone{1};           // A node's, of a strip or band: others are other threads'.
};

// Nodes that work row by row (a row: what one index of all axes but the last selects), run together on a few rows at
// a time, so that what passes between them stays in the first-level cache: one step. Each node is prepared for
// the few rows as if its tensors had no more: no kernel knows of it, and no bit changes.
struct RowGroup : NodeGroup {
  enum class Place : uint8_t { kAbsent, kFixed, kInput, kOutput, kLocal };
  struct Operand {
    Place place = Place::kAbsent;
    std::byte* data = nullptr;  // kFixed: a constant.
    int64_t at = 0;             // Position among the step's inputs or outputs, or bytes into the scratch.
    int64_t row_bytes = 0;      // 0: every strip gets the whole tensor.
  };
  struct Piece {
    ops::RunFn run = nullptr;
    const void* params = nullptr;
    std::vector<Operand> in, out;
    int64_t workspace = 0;      // Bytes into the scratch.
  };
  std::vector<Piece> pieces;
  int64_t rows = 0, together = 0;           // Of a strip; the last one reaches back.
  int64_t scratch_bytes = 0, most_operands = 0;  // Per thread.
};

// Convolutions, and tables between them, each the only reader of the one before: run together on a band of an image's rows at a time, so
// that what passes between them stays in the second-level cache. A node makes rows when the next one wants them; those that are wanted
// again stay.
struct BandGroup : NodeGroup {
  struct Piece {
    ops::RunFn run = nullptr;
    const void* params = nullptr;
    ops::RowWindow window;                  // Of the node's input, of
    int64_t in_height = 0;                  // so many rows.
    std::byte* constants[2] = {};           // Its other inputs.
    int64_t row_bytes = 0, most_rows = 0;   // Of its output; that are made at a time.
    int64_t buffer = 0, workspace = 0;      // Bytes into the scratch: output rows (not the last one's), and what run wants.
  };
  std::vector<Piece> pieces;
  int64_t height = 0, together = 0;         // Of the last output, rows; and of a band.
  int64_t tasks = 0;                        // As even as can be. What a task begins with is made twice where another thread had the task before.
  int64_t scratch_bytes = 0;                // Per thread.
};

// A node that reads, or writes, tensors in another order than the file's, in the place of transpositions (see ops::Prepare).
struct OrderedNode {
  std::vector<int32_t> inputs, outputs;     // Tensors.
  std::vector<int32_t> input_order[2], output_order;
};

struct Step {
  ops::RunFn run = nullptr;
  const void* params = nullptr;
  int node = -1;
  int32_t source = -1;  // A table over this tensor stands for the node and others before it (table_fusion.h).
  std::vector<std::byte*> in, out;
  std::byte* workspace = nullptr;
  uint64_t workspace_bytes = 0;
  const ops::Variant* variant = nullptr;
  const DelegatePart* part = nullptr;  // The step is a delegate's; node is its first.
  const NodeGroup* group = nullptr;    // The step is a group's; node is its last.
  OrderedNode* ordered = nullptr;      // What stands for the file's operands.
  bool alone() const { return !part && !group && source < 0; }  // It computes its node, and no other.
};

class Plan;

// Nodes that a delegate computes: one step. The CPU's own steps take their place when it fails.
struct DelegatePart {
  DelegatePart(Plan& plan, const DelegateSession& session, int delegate) : plan(plan), session(session), delegate(delegate) {}
  DelegatePart(const DelegatePart&) = delete;
  ~DelegatePart();
  Plan& plan;
  const DelegateSession& session;
  const int delegate;                     // Position in Options::delegates.
  std::vector<int> nodes, positions;      // In the file, and in the session's graph.
  std::vector<int32_t> inputs, outputs;   // Tensors.
  void* kernel = nullptr;
  bool prepared = false;
  bool handed_back = false;
  ops::Variant variant;                   // Its name for profiles.
  std::vector<Step> cpu;                  // Once handed back,
  AlignedBuffer memory;                   // with the tensors between them.
};

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
  class NodeLens;
  class NodePrepare;

  // -- planning
  Status Reset();
  Status SetStrings(const tflite::TensorInfo& info, TensorState& t);
  Status SetVariables();
  Status BuildFor(std::span<const Shape> shapes);  // Unless it stands for them.
  Status PlanStart(std::span<const Shape> input_shapes);
  Status PlanSegment(int first_node, bool with_data);
  Status PlanLate(int node);
  Status FuseTables(size_t first_step);
  // -- transpositions (plan_transposes.cc)
  void FuseTransposes(Segment& segment, size_t first_step);
  bool GiveToReader(Segment& segment, size_t at, std::span<const int32_t> order);
  bool GiveToMaker(Segment& segment, size_t first_step, size_t at, std::span<const int32_t> order);
  std::vector<int32_t> OrderOf(const Step& step) const;
  bool OnlyReads(const Step& step, int32_t tensor) const;
  bool TakesOrder(int node, int operand, std::span<const int32_t> order) const;  // The variant chosen for it.
  OrderedNode& Ordered(Segment& segment, Step& step);
  // -- rows (plan_rows.cc)
  Status FuseRows(Segment& segment, size_t first_step);
  void FuseNormalizations(Segment& segment, size_t first_step);
  bool MakeNormalization(size_t first, const ops::NormalizedRows& found, Segment& segment);
  int64_t RowsOfNode(int node) const;  // By which it works; 0: it does not.
  bool ReducesRows(int node) const;
  bool GroupSaves(size_t first, size_t end, int64_t rows) const;
  Status MakeRowGroup(size_t first, size_t end, int64_t rows, RowGroup& group, Step* step);
  void AddOperands(size_t first, size_t end, RowGroup& group, std::vector<Life>& lives, std::vector<int>& life_of);
  static Status RunRows(const void* params, const ops::Run& run);
  // -- bands (plan_bands.cc)
  Status FuseBands(Segment& segment, size_t first_step);
  std::optional<ops::RowWindow> RowWindowOf(const Step& step) const;  // None: it cannot be asked for rows of an image.
  bool PassesInBands(const Step& step, const Step& next) const;
  Status MakeBandGroup(size_t first, size_t end, BandGroup& group, Step* step);
  BandGroup::Piece PieceOf(const Step& step) const;
  int32_t ReadBy(const Step& step) const;
  // Puts the group's one step in the place of those.
  void Replace(size_t first, size_t end, NodeGroup& group, Step step);
  Status InferNode(int node, bool with_data, bool* dynamic);
  Status CheckComputed(const ops::OpView& op, const TensorType& t) const;
  bool Foldable(int node) const;
  Status Fold(int node);
  bool ComputesNothing(int node) const;
  // What one thread does of a node at a time: the rows of a strip, or at most so many of an image. None: all of it.
  struct Part {
    int64_t strip_rows, image_rows;
  };
  // cut: null, or what this node cuts off.
  Status Prepare(int node, Step& step, Segment* cut, const Part& part = {0, 0});
  std::vector<std::byte> CutValues(int node) const;
  Status RenewCut(Segment& segment, bool* same);
  const ops::Variant* Choose(const ops::OpView& op) const;
  std::string PlaceOf(int node) const;

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
    return step.part ? step.part->inputs : step.group ? step.group->inputs : step.ordered ? step.ordered->inputs : graph_.operators[step.node].inputs;
  }
  std::span<const int32_t> OutputsOf(const Step& step) const {
    return step.part ? step.part->outputs : step.group ? step.group->outputs : step.ordered ? step.ordered->outputs : graph_.operators[step.node].outputs;
  }
  int Root(int tensor) const;
  bool FindUpdate(int output) const;

  // -- running
  Status RunSteps(size_t first, size_t end, ThreadPool& pool, Observer* observer);
  Status NextSegment(size_t segment);  // Makes the one behind `segment` right for the data there is.
  Status RenewSegment(size_t segment);
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
