// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan.h"

#include <algorithm>
#include <cstring>

namespace octet::runtime {
namespace {

// A fold may grow its inputs this much (weights stored small are dequantized once), or be this small.
constexpr int32_t kLargestDimension = 1 << 26;  // Of a computed tensor: kernels make tables per row and column.
constexpr uint64_t kFoldGrowth = 8, kFoldBytes = 1u << 20;

uint64_t BytesOf(const TensorType& t) {
  uint64_t bytes = 0;
  return CheckedBytes(t.dtype, t.shape, &bytes) ? bytes : 0;
}

// Whether operand i is one whose value decides shapes; the last one of a definition may repeat.
bool IsShape(const tflite::OperatorInfo& op, size_t i) {
  const std::span<const ops::Operand> operands = op.op->inputs;
  return !operands.empty() && operands[std::min(i, operands.size() - 1)].role == ops::Role::kShape;
}

}  // namespace

// Which operands' values a lens shows.
enum class Values {
  kKnown,  // Constants and what was folded.
  kShape,  // Also computed operands with Role::kShape: prepare builds on them.
  kAll,    // Also everything else that is there: infer may count data.
};

// The lens over one node: types as they are now, constants where values are known.
class Plan::NodeLens {
 public:
  NodeLens(const Plan& plan, int node, Values values) {
    const tflite::OperatorInfo& op = plan.graph_.operators[node];
    for (size_t i = 0; i < op.inputs.size(); ++i) {
      const int32_t t = op.inputs[i];
      const TensorState* s = t < 0 ? nullptr : &plan.tensors_[t];
      inputs_.push_back(s ? &s->type : nullptr);
      const bool computed = s && s->data && (values == Values::kAll || (values == Values::kShape && IsShape(op, i)));
      constants_.push_back(computed || (s && s->known()) ? s->data : nullptr);
    }
    for (int32_t t : op.outputs) outputs_.push_back(&plan.tensors_[t].type);
    for (int32_t t : op.intermediates) intermediates_.push_back(t < 0 ? nullptr : &plan.tensors_[t].type);
    place_ = plan.PlaceOf(node);
    view_ = {op.op, place_, inputs_, outputs_, constants_, op.attributes.data(), intermediates_};
  }
  const ops::OpView& view() const { return view_; }

 private:
  std::string place_;
  std::vector<const TensorType*> inputs_, outputs_, intermediates_;
  std::vector<const std::byte*> constants_;
  ops::OpView view_;
};

class Plan::NodePrepare : public ops::Prepare {
 public:
  NodePrepare(Plan& plan, int node, const ops::OpView& op, Parameters& parameters)
      : Prepare(op, ThisCpu(), plan.options_.threads), plan_(plan), node_(node), parameters_(parameters) {}

  void Workspace(size_t bytes) override { workspace = std::max<uint64_t>(workspace, bytes); }
  Result<const std::byte*> Pack(int i, std::string_view format, uint64_t parameters, size_t bytes,
                                void (*fill)(std::byte*, const void*), const void* context) override {
    const TensorState& t = plan_.tensors_[plan_.graph_.operators[node_].inputs[i]];
    if (t.home == Home::kConstant) return plan_.model_->Pack(t.data, format, parameters, bytes, fill, context);
    OCTET_ASSIGN(AlignedBuffer own, AlignedBuffer::Make(bytes));  // Not in the file: this plan's alone.
    fill(own.data(), context);
    plan_.folded_.push_back(std::move(own));
    return static_cast<const std::byte*>(plan_.folded_.back().data());
  }
  void SetRun(ops::RunFn r, const void* p) override {
    run = r;
    params = p;
  }
  void* Allocate(size_t bytes, size_t /*alignment*/) override {
    return parameters_.emplace_back(bytes / sizeof(uint64_t) + 1).data();
  }

  uint64_t workspace = 0;
  ops::RunFn run = nullptr;
  const void* params = nullptr;

 private:
  Plan& plan_;
  const int node_;
  Parameters& parameters_;
};

Plan::Plan(std::shared_ptr<const SharedModel> model, int subgraph, const Options& options)
    : model_(std::move(model)), graph_(model_->view().subgraphs()[subgraph]), options_(options) {
  last_use_.assign(graph_.tensors.size(), -1);
  const int end = static_cast<int>(graph_.operators.size());
  for (int i = 0; i < end; ++i) {
    for (int32_t t : graph_.operators[i].inputs)
      if (t >= 0) last_use_[t] = i;
    for (int32_t t : graph_.operators[i].outputs) last_use_[t] = std::max(last_use_[t], i);
  }
  // Inputs stay readable for the next run, outputs until they are read.
  for (int32_t t : graph_.inputs) last_use_[t] = end;
  for (int32_t t : graph_.outputs) last_use_[t] = end;
}

std::string Plan::PlaceOf(int node) const {
  const tflite::OperatorInfo& op = graph_.operators[node];
  return op.outputs.empty() ? Format("#%d", node) : std::string(graph_.tensors[op.outputs[0]].name);
}

void Plan::Reset() {
  segments_.clear();
  steps_.clear();
  workspaces_.clear();
  parameters_.clear();
  folded_.clear();
  alias_of_.assign(graph_.tensors.size(), -1);
  std::vector<TensorState> fresh(graph_.tensors.size());
  for (size_t i = 0; i < fresh.size(); ++i) {
    const tflite::TensorInfo& t = graph_.tensors[i];
    fresh[i].type = t.type;
    if (t.has_constant) fresh[i].home = Home::kConstant;
    if (t.has_constant) fresh[i].data = const_cast<std::byte*>(t.constant.data());
    fresh[i].bytes = t.constant.size();
  }
  tensors_ = std::move(fresh);
}

Status Plan::SetVariables() {
  const bool first = variables_.empty();
  size_t next = 0;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!graph_.tensors[i].is_variable) continue;
    TensorState& t = tensors_[i];
    t.home = Home::kVariable;
    t.bytes = BytesOf(t.type);
    if (first) {
      OCTET_ASSIGN(AlignedBuffer memory, AlignedBuffer::Make(std::max<uint64_t>(t.bytes, 1)));
      variables_.push_back(std::move(memory));
    }
    t.data = variables_[next++].data();
  }
  if (first) ResetVariables();
  return {};
}

// Zero as a real number: the zero point, where there is one.
void Plan::ResetVariables() {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const TensorState& t = tensors_[i];
    if (t.home != Home::kVariable) continue;
    std::memset(t.data, t.type.dtype == DType::kI8 || t.type.dtype == DType::kU8 ? t.type.quant.zero0() : 0, t.bytes);
  }
}

Status Plan::Build(std::span<const Shape> input_shapes) {
  Reset();
  for (size_t i = 0; i < graph_.inputs.size(); ++i) tensors_[graph_.inputs[i]].type.shape = input_shapes[i];
  OCTET_TRY(SetVariables());
  return PlanSegment(0, false);
}

// Sizes may come from data: nothing is allocated for, or computed with, what cannot be.
Status Plan::CheckComputed(const ops::OpView& op, const TensorType& t) const {
  uint64_t bytes = 0;
  const bool sized = BitsOf(t.dtype) == 0 || (CheckedBytes(t.dtype, t.shape, &bytes) && bytes <= options_.memory_limit_bytes);
  const bool sane = std::ranges::all_of(t.shape.dims(), [](int32_t d) { return d <= kLargestDimension; });
  return sized && sane ? Status() : op.Fail(Code::kOutOfMemory, "its output of %s is beyond the memory limit of %llu bytes", t.shape.text().c_str(),
                                            static_cast<unsigned long long>(options_.memory_limit_bytes));
}

Status Plan::InferNode(int node, bool with_data, bool* dynamic) {
  const tflite::OperatorInfo& op = graph_.operators[node];
  const NodeLens lens(*this, node, with_data ? Values::kAll : Values::kKnown);
  std::vector<ops::OutputType> types(op.outputs.size());
  OCTET_TRY(ops::CheckAndInfer(lens.view(), types));
  *dynamic = false;
  for (size_t i = 0; i < types.size(); ++i) {
    TensorState& t = tensors_[op.outputs[i]];
    // LiteRT's kernels set the type of their outputs, whatever the file declares; only memory that exists
    // before anything runs has the declared one.
    const tflite::TensorInfo& declared = graph_.tensors[op.outputs[i]];
    if (types[i].dtype != t.type.dtype && !declared.is_variable && !declared.has_constant) t.type.dtype = types[i].dtype;
    if (types[i].dtype != t.type.dtype)
      return lens.view().Fail(Code::kInvalidModel, "output %zu is declared %s but computes as %s", i, std::string(NumpyName(t.type.dtype)).c_str(),
                              std::string(NumpyName(types[i].dtype)).c_str());
    *dynamic |= types[i].dynamic || !types[i].shape.known();
    if (!types[i].dynamic) t.type.shape = types[i].shape;
    if (!*dynamic) OCTET_TRY(CheckComputed(lens.view(), t.type));
  }
  if (*dynamic && with_data) return lens.view().Fail(Code::kUnsupported, "the size of its output depends on the values it computes");
  return {};
}

bool Plan::Foldable(int node) const {
  const tflite::OperatorInfo& op = graph_.operators[node];
  if (op.op->traits & (ops::kSideEffects | ops::kRandom)) return false;
  uint64_t in = 0, out = 0;
  const bool shape_only = op.op->code == ops::BuiltinCode::kShape || op.op->code == ops::BuiltinCode::kRank;
  for (int32_t t : op.inputs) {
    if (t < 0) continue;
    if (!tensors_[t].known() && !shape_only) return false;
    in += tensors_[t].bytes;
  }
  for (int32_t t : op.outputs) {
    if (BitsOf(tensors_[t].type.dtype) == 0) return false;
    out += BytesOf(tensors_[t].type);
  }
  return out <= std::max(in * kFoldGrowth, kFoldBytes);
}

Status Plan::Fold(int node) {
  for (int32_t t : graph_.operators[node].outputs) {
    TensorState& s = tensors_[t];
    s.bytes = BytesOf(s.type);
    OCTET_ASSIGN(AlignedBuffer memory, AlignedBuffer::Make(std::max<uint64_t>(s.bytes, 1)));
    s.data = memory.data();
    folded_.push_back(std::move(memory));
  }
  Step step;
  uint64_t workspace = 0;
  OCTET_TRY(Prepare(node, step, &workspace, nullptr));
  OCTET_ASSIGN(const AlignedBuffer scratch, AlignedBuffer::Make(workspace));
  std::vector<std::byte*> in, out;
  BindOperands(node, &in, &out);
  OCTET_TRY(step.run(step.params, {in.data(), out.data(), scratch.data(), &planning_pool_}));
  for (int32_t t : graph_.operators[node].outputs) tensors_[t].home = Home::kFolded;
  return {};
}

const ops::Variant* Plan::Choose(const ops::OpView& op) const {
  const std::span<const ops::Variant> variants = ops::KernelOf(*op.def).variants;
  if (variants.empty()) return nullptr;
  for (const ops::Variant& v : variants) {
    if (options_.kernels == Kernels::kReference && &v != &variants.back()) continue;
    if (!v.takes || v.takes(op, ThisCpu())) return &v;
  }
  return nullptr;
}

Status Plan::Prepare(int node, Step& step, uint64_t* workspace, Segment* cut) {
  const NodeLens lens(*this, node, cut ? Values::kShape : Values::kKnown);
  step.node = node;
  step.variant = Choose(lens.view());
  if (!step.variant) return lens.view().Fail(Code::kUnsupported, "octet has no kernel for it");
  NodePrepare prepare(*this, node, lens.view(), cut ? cut->cut_parameters : parameters_);
  OCTET_TRY(step.variant->prepare(prepare));
  step.run = prepare.run;
  step.params = prepare.params;
  *workspace = prepare.workspace;
  return {};
}

Status Plan::PlanSegment(int first_node, bool with_data) {
  Segment& segment = segments_.emplace_back();
  segment.first_node = first_node;
  segment.first_step = steps_.size();
  const int end = static_cast<int>(graph_.operators.size());
  int node = first_node;
  for (; node < end; ++node) {
    bool dynamic = false;
    OCTET_TRY(InferNode(node, with_data && node == first_node, &dynamic));
    if (dynamic) break;
    if (Foldable(node)) {
      OCTET_TRY(Fold(node));
      continue;
    }
    Step& step = steps_.emplace_back();
    step.node = node;
  }
  segment.end_node = node;
  if (with_data) {
    for (int32_t t : graph_.operators[first_node].outputs) segment.cut_shapes.push_back(tensors_[t].type.shape);
    segment.cut_values = CutValues(first_node);
  }
  workspaces_.resize(steps_.size());
  for (size_t i = segment.first_step; i < steps_.size(); ++i) {
    const bool cut = with_data && steps_[i].node == first_node;
    OCTET_TRY(Prepare(steps_[i].node, steps_[i], &workspaces_[i], cut ? &segment : nullptr));
  }
  OCTET_TRY(Place(segment));
  Bind(segment);
  return {};
}

// The bytes of the computed operands that the node's kernel was prepared with.
std::vector<std::byte> Plan::CutValues(int node) const {
  std::vector<std::byte> values;
  const tflite::OperatorInfo& op = graph_.operators[node];
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    if (op.inputs[i] < 0 || !IsShape(op, i) || tensors_[op.inputs[i]].known()) continue;
    const TensorState& t = tensors_[op.inputs[i]];
    values.insert(values.end(), t.data, t.data + BytesOf(t.type));
  }
  return values;
}

// The shapes are those the segment was planned for, but values may differ: where a slice begins, an axis.
Status Plan::RenewCut(Segment& segment, bool* same) {
  std::vector<std::byte> values = CutValues(segment.first_node);
  if (values == segment.cut_values) return {};
  segment.cut_values = std::move(values);
  segment.cut_parameters.clear();
  uint64_t workspace = 0;
  OCTET_TRY(Prepare(segment.first_node, steps_[segment.first_step], &workspace, &segment));
  *same = workspace <= workspaces_[segment.first_step];
  return {};
}

int Plan::Root(int tensor) const {
  while (alias_of_[tensor] >= 0) tensor = alias_of_[tensor];
  return tensor;
}

Status Plan::CheckLimit(uint64_t bytes) const {
  if (bytes <= options_.memory_limit_bytes) return {};
  return Error(Code::kOutOfMemory, "the tensors need %llu bytes, the limit is %llu", static_cast<unsigned long long>(bytes),
               static_cast<unsigned long long>(options_.memory_limit_bytes));
}

Status Plan::Place(Segment& segment) {
  struct Item {
    int tensor;
    Life life;
  };
  std::vector<Item> items;
  std::vector<int> item_of(tensors_.size(), -1);
  const int end = static_cast<int>(graph_.operators.size());
  const auto add = [&](int t, int first) {
    tensors_[t].bytes = BytesOf(tensors_[t].type);
    item_of[t] = static_cast<int>(items.size());
    items.push_back({t, {tensors_[t].bytes, first, options_.keep_all_tensors ? end : std::max(LastUse(t), first)}});
  };
  if (segment.first_node == 0)
    for (int32_t t : graph_.inputs)
      if (item_of[t] < 0 && tensors_[t].home == Home::kNone) add(t, -1);
  for (size_t i = segment.first_step; i < steps_.size(); ++i) {
    const tflite::OperatorInfo& op = graph_.operators[steps_[i].node];
    const bool alias = (op.op->traits & ops::kAliases) && item_of[Root(op.inputs[0])] >= 0 && !options_.keep_all_tensors;
    for (int32_t t : op.outputs) {
      if (alias && t == op.outputs[0] && BytesOf(tensors_[t].type) == tensors_[op.inputs[0]].bytes) {
        alias_of_[t] = op.inputs[0];
        tensors_[t].bytes = tensors_[op.inputs[0]].bytes;
        Life& life = items[item_of[Root(t)]].life;
        life.last = std::max(life.last, LastUse(t));
      } else {
        add(t, steps_[i].node);
      }
    }
  }
  std::vector<Life> lives;
  for (const Item& item : items) lives.push_back(item.life);
  for (size_t i = segment.first_step; i < steps_.size(); ++i) lives.push_back({workspaces_[i], steps_[i].node, steps_[i].node});
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

// Operands that the file leaves out at the end are null, too: kernels need not count.
void Plan::BindOperands(int node, std::vector<std::byte*>* in, std::vector<std::byte*>* out) const {
  const tflite::OperatorInfo& op = graph_.operators[node];
  in->assign(std::max(op.inputs.size(), op.op->inputs.size()), nullptr);
  out->assign(std::max(op.outputs.size(), op.op->outputs.size()), nullptr);
  for (size_t i = 0; i < op.inputs.size(); ++i)
    if (op.inputs[i] >= 0) (*in)[i] = tensors_[op.inputs[i]].data;
  for (size_t i = 0; i < op.outputs.size(); ++i) (*out)[i] = tensors_[op.outputs[i]].data;
}

void Plan::Bind(Segment& segment) {
  for (size_t i = segment.first_step; i < steps_.size(); ++i) {
    Step& step = steps_[i];
    const tflite::OperatorInfo& op = graph_.operators[step.node];
    for (int32_t t : op.outputs) {
      TensorState& s = tensors_[t];
      if (alias_of_[t] < 0) continue;
      s.home = Home::kArena;
      s.data = tensors_[Root(t)].data;
    }
    BindOperands(step.node, &step.in, &step.out);
  }
}

Status Plan::RunSteps(size_t first, size_t end, ThreadPool& pool, Observer* observer) {
  for (size_t i = first; i < end; ++i) {
    const Step& step = steps_[i];
    if (observer) observer->BeforeNode(step.node);
    OCTET_TRY(step.run(step.params, {step.in.data(), step.out.data(), step.workspace, &pool}));
    if (observer) observer->AfterNode(step.node);
  }
  return {};
}

Status Plan::Run(ThreadPool& pool, Observer* observer) {
  const int end = static_cast<int>(graph_.operators.size());
  for (size_t s = 0;; ++s) {
    const size_t last_step = s + 1 < segments_.size() ? segments_[s + 1].first_step : steps_.size();
    OCTET_TRY(RunSteps(segments_[s].first_step, last_step, pool, observer));
    const int cut = segments_[s].end_node;
    if (cut == end) return {};
    // The data behind the cut is there now: keep the segment behind it if its shapes are still right.
    bool dynamic = false, same = s + 1 < segments_.size();
    OCTET_TRY(InferNode(cut, true, &dynamic));
    const std::vector<int32_t>& outputs = graph_.operators[cut].outputs;
    for (size_t i = 0; same && i < outputs.size(); ++i) same = tensors_[outputs[i]].type.shape == segments_[s + 1].cut_shapes[i];
    if (same) OCTET_TRY(RenewCut(segments_[s + 1], &same));
    if (same) continue;
    if (s + 1 < segments_.size()) {
      steps_.resize(segments_[s + 1].first_step);
      segments_.resize(s + 1);
      for (int n = cut; n < end; ++n)
        for (int32_t t : graph_.operators[n].outputs) {
          tensors_[t].home = Home::kNone;
          tensors_[t].data = nullptr;
          alias_of_[t] = -1;
        }
    }
    OCTET_TRY(PlanSegment(cut, true));
  }
}

MemoryUse Plan::memory() const {
  MemoryUse use;
  for (const Segment& s : segments_) {
    use.arena_bytes += s.placement.arena_bytes;
    use.lower_bound_bytes += s.placement.lower_bound_bytes;
  }
  use.packed_bytes = model_->packed_bytes();
  return use;
}

}  // namespace octet::runtime
