// SPDX-License-Identifier: Apache-2.0
// Running a plan: its steps, what lies behind a cut, and calls from other subgraphs.
#include <algorithm>
#include <cstring>

#include "runtime/plan.h"

namespace octet::runtime {
namespace {

// Shows what the nodes of a called subgraph make.
class CallWatch : public Observer {
 public:
  CallWatch(const tflite::SubgraphInfo& graph, const std::vector<TensorState>& tensors, Observer* observer)
      : graph_(graph), tensors_(tensors), observer_(observer) {}
  void AfterNode(int node) override {
    for (int32_t t : graph_.operators[static_cast<size_t>(node)].outputs) {
      if (t < 0) continue;
      const tflite::TensorInfo& info = graph_.tensors[static_cast<size_t>(t)];
      const TensorState& state = tensors_[static_cast<size_t>(t)];
      if (state.type.dtype != DType::kString)
        observer_->AfterMade({info.name, &state.type, info.signature, state.data, state.bytes, info.has_constant, info.is_variable});
    }
  }

 private:
  const tflite::SubgraphInfo& graph_;
  const std::vector<TensorState>& tensors_;
  Observer* observer_;
};

}  // namespace

// What a step does not write, or reads without having written it, shows: as floats these bytes are no numbers, as 16 bits the largest.
void Plan::Poison(const Step& step) const {
  static constexpr uint8_t kPoison[] = {0xff, 0x7f};
  const auto fill = [](std::byte* p, uint64_t bytes) {
    for (uint64_t i = 0; i < bytes; ++i) p[i] = std::byte{kPoison[i % 2]};
  };
  fill(step.workspace, step.workspace_bytes);
  if (graph_.operators[step.node].op->traits & ops::kAliases) return;
  for (const int32_t t : OutputsOf(step))
    if (alias_of_[t] < 0 && tensors_[t].home == Home::kArena && tensors_[t].type.dtype != DType::kString) fill(tensors_[t].data, tensors_[t].bytes);
}

Status Plan::RunSteps(size_t first, size_t end, ThreadPool& pool, Observer* observer) {
  for (size_t i = first; i < end; ++i) {
    const Step& step = steps_[i];
    if (context_.cancelled.load(std::memory_order_relaxed)) return context_.KeepGoing();
    running_step_ = i;
    if (options_.poison_memory) Poison(step);
    if (observer) observer->BeforeNode(step.node);
    OCTET_TRY(step.run(step.params, {step.in.data(), step.out.data(), step.workspace, &pool, this}));
    if (observer) observer->AfterNode(step.node);
  }
  return {};
}

Status Plan::Run(ThreadPool& pool, Observer* observer) {
  const int end = static_cast<int>(graph_.operators.size());
  for (size_t s = 0;; ++s) {
    const size_t last_step = s + 1 < segments_.size() ? segments_[s + 1].first_step : steps_.size();
    Touch(segments_[s]);
    OCTET_TRY(RunSteps(segments_[s].first_step, last_step, pool, observer));
    if (segments_[s].end_node == end) return {};
    OCTET_TRY(NextSegment(s));
  }
}

Status Plan::RunFrom(int node, ThreadPool& pool, Observer* observer) {
  if (!is_static() || !options_.keep_all_tensors)
    return Error(Code::kInvalidArgument, "a part of a model runs only where all shapes are known and all tensors are kept");
  const auto at = std::ranges::find(steps_, node, &Step::node);
  return RunSteps(static_cast<size_t>(at - steps_.begin()), steps_.size(), pool, observer);
}

// A segment that could not be planned, or renewed, does not stay: the next run starts there again.
Status Plan::NextSegment(size_t s) {
  Status status = RenewSegment(s);
  if (!status.ok()) Drop(s + 1);
  return status;
}

// The shapes are those the segment was planned for, but values may differ: where a slice begins, an axis.
Status Plan::RenewCut(Segment& segment, bool* same) {
  std::vector<std::byte> values = CutValues(segment.first_node);
  if (values == segment.cut_values) return {};
  segment.cut_values = std::move(values);
  segment.cut_parameters.Clear();
  Step& step = steps_[segment.first_step];
  const uint64_t room = step.workspace_bytes;
  OCTET_TRY(Prepare(segment.first_node, step, &segment));
  *same = step.workspace_bytes <= room;
  return {};
}

// Keeps the segment behind the cut if its shapes are still right, and plans it anew if not.
Status Plan::RenewSegment(size_t s) {
  const int cut = segments_[s].end_node;
  const bool after_late = segments_[s].late;
  const int producer = after_late ? cut - 1 : cut;  // Whose outputs' shapes are new here.
  bool late = false, same = s + 1 < segments_.size();
  if (!after_late) OCTET_TRY(InferNode(cut, true, &late));
  if (same && !after_late) same = segments_[s + 1].late == late;
  const std::span<const int32_t> outputs = graph_.operators[producer].outputs;
  for (size_t i = 0; same && !late && i < outputs.size(); ++i) same = tensors_[outputs[i]].type.shape == segments_[s + 1].cut_shapes[i];
  if (same && !after_late) OCTET_TRY(RenewCut(segments_[s + 1], &same));
  if (same && !rebind_) return {};
  if (same) {
    for (size_t k = s + 1; k < segments_.size(); ++k) Bind(segments_[k]);
    rebind_ = false;
    return {};
  }
  Drop(s + 1);
  if (late) return PlanLate(cut);
  OCTET_TRY(PlanSegment(cut, !after_late));
  segments_.back().cut_shapes.clear();
  for (int32_t t : outputs) segments_.back().cut_shapes.push_back(tensors_[t].type.shape);
  return {};
}

void Plan::Drop(size_t first) {
  if (first >= segments_.size()) return;
  for (size_t n = static_cast<size_t>(segments_[first].first_node); n < graph_.operators.size(); ++n)
    for (int32_t t : graph_.operators[n].outputs) {
      if (tensors_[t].home == Home::kVariable) continue;
      tensors_[t].home = Home::kNone;
      tensors_[t].data = nullptr;
      alias_of_[t] = -1;
    }
  const int first_node = segments_[first].first_node;
  std::erase_if(refusals_, [&](const Refusal& r) { return r.node >= first_node; });
  for (size_t n = static_cast<size_t>(first_node); n < position_.size(); ++n) position_[n] = static_cast<int>(n);
  steps_.resize(segments_[first].first_step);
  std::erase_if(patches_, [&](const Patch& p) { return p.step >= steps_.size(); });
  std::erase_if(caller_aliases_, [&](int t) { return alias_of_[t] < 0; });
  segments_.resize(first);
}

Result<std::byte*> Plan::SetOutput(int i, const Shape& shape) {
  Step& step = steps_[running_step_];
  const int t = graph_.operators[step.node].outputs[i];
  TensorState& state = tensors_[t];
  state.type.shape = shape;
  if (!CheckedBytes(state.type.dtype, shape, &state.bytes))
    return Error(Code::kOutOfMemory, "'%s' of %s is too large", PlaceOf(step.node).c_str(), shape.text().c_str());
  OCTET_TRY(CheckLimit(state.bytes));
  if (own_[t].bytes() < std::max<uint64_t>(state.bytes, 1)) {
    OCTET_ASSIGN(own_[t], AlignedBuffer::Make(std::max<uint64_t>(state.bytes, 1)));
    rebind_ = true;
  }
  state.data = own_[t].data();
  step.out[i] = state.data;
  return state.data;
}

bool Plan::UpdatesInput(int i) const {
  if (updates_input_.empty())
    for (int k = 0; k < num_outputs(); ++k) updates_input_.push_back(FindUpdate(k));
  return updates_input_[static_cast<size_t>(i)];
}

bool Plan::FindUpdate(int i) const {
  const int32_t x = graph_.inputs[static_cast<size_t>(i)], y = graph_.outputs[static_cast<size_t>(i)];
  if (std::ranges::count(graph_.outputs, y) != 1 || std::ranges::count(graph_.outputs, x) != 0) return false;
  for (size_t t = 0; t < alias_of_.size(); ++t)
    if (alias_of_[t] == x) return false;
  bool updates = false;
  for (const Step& step : steps_) {
    const auto read = std::ranges::count(InputsOf(step), x);
    if (updates && read > 0) return false;
    if (!step.alone()) continue;
    const tflite::OperatorInfo& op = graph_.operators[step.node];
    if (op.outputs.empty() || op.outputs[0] != y) continue;
    if (!(op.op->traits & ops::kUpdates) || op.inputs[0] != x || read != 1) return false;
    updates = true;
  }
  return updates;
}

Status Plan::Infer(std::span<const Shape> inputs, std::span<ops::OutputType> outputs) {
  OCTET_TRY(BuildFor(inputs));
  for (size_t i = 0; i < outputs.size(); ++i) {
    const TensorState& t = tensors_[graph_.outputs[i]];
    outputs[i] = {t.type.dtype, t.type.shape, !known_outputs_[i]};
  }
  return {};
}

Status Plan::Call(std::span<const Bound> in, std::span<Bound> out, ThreadPool& pool) {
  OCTET_TRY(context_.KeepGoing());
  const auto shape_of = [](const Bound& b) { return b.shape; };
  if (!built_ || !std::ranges::equal(in, built_for_, {}, shape_of)) {
    std::vector<Shape> shapes;
    for (const Bound& b : in) shapes.push_back(b.shape);
    OCTET_TRY(BuildFor(shapes));
  }
  OCTET_TRY(BindEnds(in, out));
  CallWatch watch(graph_, tensors_, context_.call_observer);
  OCTET_TRY(Run(pool, context_.call_observer ? &watch : nullptr));
  for (size_t i = 0; i < out.size(); ++i) {
    const TensorState& t = tensors_[graph_.outputs[i]];
    const bool wanted = out[i].data && out[i].shape == t.type.shape;
    if (wanted && out[i].data != t.data && t.bytes > 0) std::memcpy(out[i].data, t.data, t.bytes);
    if (!wanted) out[i] = {t.data, t.type.shape};
  }
  return {};
}

}  // namespace octet::runtime
