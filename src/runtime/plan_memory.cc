// SPDX-License-Identifier: Apache-2.0
// Where a plan's tensors lie: one arena per segment, the caller's memory for the ends of a called subgraph.
#include <algorithm>
#include <cstring>

#include "runtime/plan.h"

namespace octet::runtime {
int Plan::Root(int tensor) const {
  while (alias_of_[tensor] >= 0) tensor = alias_of_[tensor];
  return tensor;
}

Status Plan::CheckLimit(uint64_t bytes) const {
  if (bytes <= options_.memory_limit_bytes) return {};
  return Error(Code::kOutOfMemory, "the tensors need %llu bytes, the limit is %llu", static_cast<unsigned long long>(bytes),
               static_cast<unsigned long long>(options_.memory_limit_bytes));
}

// Outputs of a called subgraph whose shapes are all known are computed where the caller wants them.
void Plan::HandToCaller(const Segment& segment) {
  if (use_ != Use::kCalled || segment.first_node != 0 || segment.end_node != static_cast<int>(graph_.operators.size())) return;
  for (size_t i = 0; i < graph_.outputs.size(); ++i) {
    TensorState& t = tensors_[graph_.outputs[i]];
    if (t.home != Home::kNone) continue;
    t.home = Home::kCaller;
    caller_outputs_.push_back(static_cast<int>(i));
  }
}

// Whether output 0 may be input 0's bytes under another shape.
bool Plan::MayAlias(const tflite::OperatorInfo& op, const std::vector<int>& item_of) const {
  if (!(op.op->traits & ops::kAliases) || options_.keep_all_tensors) return false;
  const int root = Root(op.inputs[0]);
  const TensorState& out = tensors_[op.outputs[0]];
  return out.home == Home::kNone && (item_of[root] >= 0 || tensors_[root].home == Home::kCaller) && BytesOf(out.type) == tensors_[op.inputs[0]].bytes;
}

std::vector<Plan::Item> Plan::ItemsOf(Segment& segment) {
  std::vector<Item> items;
  std::vector<int> item_of(tensors_.size(), -1);
  const int end = static_cast<int>(graph_.operators.size());
  const auto add = [&](int t, int first) {
    tensors_[t].bytes = BytesOf(tensors_[t].type);
    if (tensors_[t].home != Home::kNone) return;
    item_of[t] = static_cast<int>(items.size());
    items.push_back({t, {tensors_[t].bytes, first, options_.keep_all_tensors ? end : std::max(LastUse(t), first)}});
  };
  if (segment.first_node == 0)
    for (int32_t t : graph_.inputs)
      if (item_of[t] < 0) add(t, -1);
  for (size_t i = segment.first_step; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    const tflite::OperatorInfo& op = graph_.operators[step.node];
    const bool alias = !step.part && !step.group && !step.ordered && MayAlias(op, item_of);
    for (int32_t t : OutputsOf(step)) {
      if (!alias || t != op.outputs[0]) {
        add(t, PositionOf(step));
        continue;
      }
      alias_of_[t] = op.inputs[0];
      tensors_[t].bytes = tensors_[op.inputs[0]].bytes;
      if (item_of[Root(t)] < 0) {
        caller_aliases_.push_back(t);
        continue;
      }
      Life& life = items[item_of[Root(t)]].life;
      life.last = std::max(life.last, LastUse(t));
    }
  }
  return items;
}

Status Plan::Place(Segment& segment) {
  HandToCaller(segment);
  const std::vector<Item> items = ItemsOf(segment);
  std::vector<Life> lives;
  for (const Item& item : items) lives.push_back(item.life);
  for (size_t i = segment.first_step; i < steps_.size(); ++i) lives.push_back({steps_[i].workspace_bytes, PositionOf(steps_[i]), PositionOf(steps_[i])});
  if (!lives.empty()) OCTET_TRY(CheckLimit(std::ranges::max(lives, {}, &Life::bytes).bytes));  // Before sums of such sizes are made.
  segment.placement = PlaceMemory(lives);
  OCTET_TRY(CheckLimit(segment.placement.arena_bytes));
  OCTET_ASSIGN(segment.arena, AlignedBuffer::Make(std::max<uint64_t>(segment.placement.arena_bytes, kArenaAlignment)));
  for (size_t i = 0; i < items.size(); ++i) {
    tensors_[items[i].tensor].home = Home::kArena;
    tensors_[items[i].tensor].data = segment.arena.data() + segment.placement.offsets[i];
  }
  for (size_t i = segment.first_step, k = items.size(); i < steps_.size(); ++i, ++k)
    steps_[i].workspace = segment.arena.data() + segment.placement.offsets[k];
  return {};
}

// The first run writes to all of the arena: finding its pages at once takes less time than a page fault for each.
void Plan::Touch(Segment& segment) {
  if (!segment.touched) segment.arena.Populate(0, segment.placement.arena_bytes);
  segment.touched = true;
}

// Operands that the file leaves out at the end are null, too: kernels need not count.
void Plan::BindOperands(int node, std::vector<std::byte*>* in, std::vector<std::byte*>* out) const {
  const tflite::OperatorInfo& op = graph_.operators[node];
  in->assign(std::max(op.inputs.size(), op.op->inputs.size()), nullptr);
  out->assign(std::max(op.outputs.size(), op.op->outputs.size()), nullptr);
  for (size_t i = 0; i < op.inputs.size(); ++i)
    if (op.inputs[i] >= 0) (*in)[i] = tensors_[op.inputs[i]].data;
  for (size_t i = 0; i < op.outputs.size(); ++i) (*out)[i] = tensors_[op.outputs[i]].data;
}

void Plan::Bind(const Segment& segment) {
  updates_input_.clear();
  size_t end = steps_.size();
  for (const Segment& s : segments_)
    if (s.first_step > segment.first_step) end = std::min(end, s.first_step);
  std::erase_if(patches_, [&](const Patch& p) { return p.step >= segment.first_step && p.step < end; });
  for (size_t i = segment.first_step; i < end; ++i) {
    Step& step = steps_[i];
    const std::span<const int32_t> inputs = InputsOf(step), outputs = OutputsOf(step);
    for (int32_t t : outputs) {
      TensorState& s = tensors_[t];
      if (alias_of_[t] < 0) continue;
      s.home = Home::kArena;
      s.data = tensors_[Root(t)].data;
    }
    BindStep(&step);
    const auto note = [&](int32_t t, size_t operand, bool output) {
      if (t >= 0 && tensors_[Root(t)].home == Home::kCaller) patches_.push_back({i, output, static_cast<int>(operand), Root(t)});
    };
    for (size_t k = 0; k < inputs.size(); ++k) note(inputs[k], k, false);
    for (size_t k = 0; k < outputs.size(); ++k) note(outputs[k], k, true);
  }
  for (const std::unique_ptr<DelegatePart>& part : segment.parts)
    if (part->handed_back) BindPart(*part);
}

void Plan::BindStep(Step* step) const {
  if (step->alone() && !step->ordered) return BindOperands(step->node, &step->in, &step->out);
  step->in.clear();
  step->out.clear();
  for (int32_t t : InputsOf(*step)) step->in.push_back(tensors_[t].data);
  for (int32_t t : OutputsOf(*step)) step->out.push_back(tensors_[t].data);
}

// The ends of a called subgraph lie where the caller says; steps hold their addresses.
Status Plan::BindEnds(std::span<const Bound> in, std::span<const Bound> out) {
  bool moved = false;
  const auto bind = [&](TensorState& t, std::byte* data) {
    moved |= t.data != data;
    t.data = data;
  };
  for (size_t i = 0; i < in.size(); ++i) {
    TensorState& t = tensors_[graph_.inputs[i]];
    if (t.home == Home::kCaller) bind(t, in[i].data);
    else if (t.bytes > 0) std::memcpy(t.data, in[i].data, t.bytes);  // A variable that the file calls an input.
  }
  for (int i : caller_outputs_) {
    TensorState& t = tensors_[graph_.outputs[i]];
    if (!out[i].data && t.bytes > 0) return Error(Code::kInvalidArgument, "subgraph '%s': output %d has no place", std::string(graph_.name).c_str(), i);
    bind(t, out[i].data);
  }
  if (!moved) return {};
  for (int t : caller_aliases_) tensors_[t].data = tensors_[Root(t)].data;
  for (const Patch& p : patches_) (p.output ? steps_[p.step].out : steps_[p.step].in)[p.operand] = tensors_[p.tensor].data;
  return {};
}

Status Plan::CheckExternal(int tensor, const std::byte* memory, uint64_t bytes) const {
  const std::string name(graph_.tensors[tensor].name);
  const TensorState& t = tensors_[Root(tensor)];
  const auto is = [&](const std::vector<int32_t>& ends, int what) { return std::ranges::find(ends, what) != ends.end(); };
  const bool input = is(graph_.inputs, tensor), output = is(graph_.outputs, tensor);
  if (!input && !output && t.home != Home::kVariable) return Error(Code::kUnsupported, "'%s' is no input, output or variable", name.c_str());
  if ((t.home != Home::kArena && t.home != Home::kVariable) || t.type.dtype == DType::kString || (output && !input && !is_static()))
    return Error(Code::kUnsupported, "'%s' has no fixed place of its own: it is constant, of strings, or sized while the model runs", name.c_str());
  if (!input && is(graph_.inputs, Root(tensor))) return Error(Code::kUnsupported, "'%s' is an input under another shape", name.c_str());
  if (output && std::ranges::count(graph_.outputs, Root(tensor), [&](int32_t o) { return Root(o); }) > 1)
    return Error(Code::kUnsupported, "'%s' shares its memory with another output", name.c_str());
  if (bytes < t.bytes)
    return Error(Code::kInvalidArgument, "'%s' needs %llu bytes, found %llu", name.c_str(), static_cast<unsigned long long>(t.bytes),
                 static_cast<unsigned long long>(bytes));
  const uint64_t width = std::clamp<uint64_t>(static_cast<uint64_t>(BitsOf(t.type.dtype)) / 8, 1, sizeof(uint64_t));
  if (reinterpret_cast<uintptr_t>(memory) % width != 0)
    return Error(Code::kInvalidArgument, "'%s' needs an address that is a multiple of %llu, found %p", name.c_str(),
                 static_cast<unsigned long long>(width), static_cast<const void*>(memory));
  return {};
}

Status Plan::BindExternal(int tensor, std::byte* memory, uint64_t bytes) {
  const int root = Root(tensor);
  const auto bound = std::ranges::find(externals_, root, &External::root);
  if (!memory) {
    if (bound == externals_.end()) return {};
    Move(root, bound->own);
    externals_.erase(bound);
    return {};
  }
  OCTET_TRY(CheckExternal(tensor, memory, bytes));
  const TensorState& t = tensors_[root];
  if (t.data == memory) return {};
  if (bound == externals_.end()) externals_.push_back({root, t.data});
  if (t.home == Home::kVariable && t.bytes > 0) std::memcpy(memory, t.data, t.bytes);
  Move(root, memory);
  return {};
}

// A tensor and those that share its memory; steps hold their addresses.
void Plan::Move(int root, std::byte* data) {
  for (size_t t = 0; t < tensors_.size(); ++t)
    if (Root(static_cast<int>(t)) == root) tensors_[t].data = data;
  const auto patch = [&](std::span<const int32_t> tensors, std::vector<std::byte*>* operands) {
    for (size_t k = 0; k < tensors.size(); ++k)
      if (tensors[k] >= 0 && Root(tensors[k]) == root) (*operands)[k] = data;
  };
  for (Step& step : steps_) {
    patch(InputsOf(step), &step.in);
    patch(OutputsOf(step), &step.out);
  }
  for (const Segment& segment : segments_)
    for (const std::unique_ptr<DelegatePart>& part : segment.parts)
      if (part->handed_back) BindPart(*part);
}

MemoryUse Plan::memory() const {
  MemoryUse use;
  for (const Segment& s : segments_) {
    use.arena_bytes += s.placement.arena_bytes;
    use.lower_bound_bytes += s.placement.lower_bound_bytes;
  }
  return use;
}

}  // namespace octet::runtime
