// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/strings.h"
#include "runtime/table_fusion.h"

namespace octet::runtime {
namespace {

// Zero as a real number, in bytes: the zero point, where there is one.
int ZeroOf(const TensorType& t) { return t.dtype == DType::kI8 || t.dtype == DType::kU8 ? t.quant.zero0() : 0; }

}  // namespace

Plan::Plan(Context& context, int subgraph, Use use)
    : context_(context), use_(use), graph_(context.model->view().subgraphs()[static_cast<size_t>(subgraph)]), options_(context.options),
      own_(graph_.tensors.size()) {
  last_reader_.assign(graph_.tensors.size(), -1);
  fused_.assign(graph_.operators.size(), false);
  const int end = static_cast<int>(graph_.operators.size());
  for (int i = 0; i < end; ++i) {
    for (int32_t t : graph_.operators[i].inputs)
      if (t >= 0) last_reader_[t] = i;
    for (int32_t t : graph_.operators[i].outputs) last_reader_[t] = std::max(last_reader_[t], i);
  }
  // Inputs stay readable for the next run, outputs until they are read.
  for (int32_t t : graph_.inputs) last_reader_[t] = end;
  for (int32_t t : graph_.outputs) {
    last_reader_[t] = end;
    const auto at = std::ranges::find(graph_.inputs, t);
    input_of_.push_back(at == graph_.inputs.end() ? -1 : static_cast<int>(at - graph_.inputs.begin()));
  }
}

std::string Plan::PlaceOf(int node) const {
  const tflite::OperatorInfo& op = graph_.operators[node];
  return op.outputs.empty() ? Format("#%d", node) : std::string(graph_.tensors[op.outputs[0]].name);
}

Status Plan::Reset() {
  segments_.clear();
  steps_.clear();
  parameters_.Clear();
  folded_.Clear();
  patches_.clear();
  caller_outputs_.clear();
  caller_aliases_.clear();
  externals_.clear();
  refusals_.clear();
  failures_.clear();
  last_use_ = last_reader_;
  position_.resize(graph_.operators.size());
  std::iota(position_.begin(), position_.end(), 0);
  alias_of_.assign(graph_.tensors.size(), -1);
  std::vector<TensorState> fresh(graph_.tensors.size());
  for (size_t i = 0; i < fresh.size(); ++i) {
    const tflite::TensorInfo& t = graph_.tensors[i];
    fresh[i].type = t.type;
    if (t.has_constant) fresh[i].home = Home::kConstant;
    if (t.has_constant) fresh[i].data = const_cast<std::byte*>(t.constant.data());
    fresh[i].bytes = t.constant.size();
    if (t.has_constant && t.type.dtype == DType::kString) OCTET_TRY(SetStrings(t, fresh[i]));
  }
  if (use_ == Use::kCalled)
    for (int32_t t : graph_.inputs) fresh[static_cast<size_t>(t)].home = Home::kCaller;
  tensors_ = std::move(fresh);
  return {};
}

// A constant of strings: references into the file.
Status Plan::SetStrings(const tflite::TensorInfo& info, TensorState& t) {
  t.bytes = BytesOf(t.type);
  OCTET_ASSIGN(t.data, folded_.Take(t.bytes));
  if (!info.constant.empty()) ReadStrings(info.constant, reinterpret_cast<StringRef*>(t.data));
  return {};
}

// Inputs and variables, whose shapes nothing computed: a kernel reads what its operand's shape says.
Status Plan::CheckGiven(int32_t tensor) const {
  const TensorType& t = tensors_[tensor].type;
  uint64_t bytes = 0;
  if (CheckedBytes(t.dtype, t.shape, &bytes)) return CheckLimit(bytes);
  return Error(Code::kOutOfMemory, "tensor '%s' of %s is too large", std::string(graph_.tensors[tensor].name).c_str(), t.shape.text().c_str());
}

Status Plan::SetVariables() {
  size_t next = 0;
  uint64_t all = 0;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!graph_.tensors[i].is_variable) continue;
    TensorState& t = tensors_[i];
    OCTET_TRY(CheckGiven(static_cast<int32_t>(i)));
    t.home = Home::kVariable;
    t.bytes = BytesOf(t.type);
    OCTET_TRY(CheckLimit(all += t.bytes));
    if (next == variables_.size()) variables_.emplace_back();
    AlignedBuffer& memory = variables_[next++];
    const bool kept = memory.bytes() == std::max<uint64_t>(t.bytes, 1);
    if (!kept) {
      OCTET_ASSIGN(memory, AlignedBuffer::Make(std::max<uint64_t>(t.bytes, 1)));
    }
    t.data = memory.data();
    if (!kept && ZeroOf(t.type) != 0) std::memset(t.data, ZeroOf(t.type), t.bytes);  // New memory is zero, and stays untouched.
  }
  return {};
}

void Plan::ResetVariables() {
  for (const TensorState& t : tensors_)
    if (t.home == Home::kVariable) std::memset(t.data, ZeroOf(t.type), t.bytes);
}

// Everything up to the first cut.
Status Plan::PlanStart(std::span<const Shape> input_shapes) {
  OCTET_TRY(Reset());
  for (size_t i = 0; i < graph_.inputs.size(); ++i) tensors_[graph_.inputs[i]].type.shape = input_shapes[i];
  for (int32_t t : graph_.inputs) OCTET_TRY(CheckGiven(t));
  OCTET_TRY(SetVariables());
  return PlanSegment(0, false);
}

Status Plan::Build(std::span<const Shape> input_shapes) {
  built_ = false;
  slow_.clear();
  OCTET_TRY(PlanStart(input_shapes));
  bool slow = false;
  OCTET_TRY(RefuseSlowParts(&slow));
  if (slow) OCTET_TRY(PlanStart(input_shapes));
  known_outputs_.clear();
  for (int32_t t : graph_.outputs) known_outputs_.push_back(tensors_[t].home != Home::kNone);
  built_for_.assign(input_shapes.begin(), input_shapes.end());
  built_ = true;
  return {};
}

Status Plan::BuildFor(std::span<const Shape> shapes) {
  if (built_ && std::ranges::equal(shapes, built_for_)) return {};
  OCTET_TRY(context_.SpendPlanning(graph_.operators.size()));
  return Build(shapes);
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
  if (with_data) segment.cut_values = CutValues(first_node);
  OCTET_TRY(JoinSteps(segment, segment.first_step + (with_data ? 1 : 0)));  // A cut's own values are known only while running: it stays as it is.
  for (size_t i = segment.first_step; i < steps_.size(); ++i) {
    const bool cut = with_data && steps_[i].node == first_node;
    if (!steps_[i].alone()) continue;
    OCTET_TRY(Prepare(steps_[i].node, steps_[i], cut ? &segment : nullptr));
  }
  OCTET_TRY(Place(segment));
  Bind(segment);
  return {};
}

// What is computed together, or not at all; whoever wants to see all tensors, or all nodes, or the reference kernels, gets every node's own step.
Status Plan::JoinSteps(Segment& segment, size_t first_step) {
  OCTET_TRY(DelegateSteps(segment, first_step));
  if (options_.keep_all_tensors || options_.keep_all_nodes || options_.kernels == Kernels::kReference) return {};
  OCTET_TRY(FuseTables(first_step));
  FuseTransposes(segment, first_step);
  FuseNormalizations(segment, first_step);
  OCTET_TRY(FuseRows(segment, first_step));
  return FuseBands(segment, first_step);
}

Status Plan::FuseTables(size_t first_step) {
  if (first_step >= steps_.size()) return {};
  static constexpr ops::Variant kTable{.name = "table"};
  std::vector<int> nodes;
  for (size_t i = first_step; i < steps_.size(); ++i)
    if (!steps_[i].part) nodes.push_back(steps_[i].node);
  const TableFusion fusion(graph_, tensors_, nodes);
  for (size_t i = first_step; i < steps_.size(); ++i) {
    Step& step = steps_[i];
    if (!step.part) step.source = fusion.source(step.node);
    if (step.source < 0) continue;
    auto* table = new (parameters_.Take(sizeof(ops::TableParams))) ops::TableParams();
    const Shape& shape = tensors_[step.source].type.shape;
    table->count = shape.elements();
    table->row = shape.rank() == 4 ? shape.elements(2, 4) : 0;
    fusion.Fill(step.node, table->table.entry);
    kernels::FindPieces(&table->table);
    step.run = ops::RunTable;
    step.params = table;
    step.variant = &kTable;
    last_use_[step.source] = std::max(last_use_[step.source], PositionOf(step));
  }
  for (int n : nodes) fused_[n] = fusion.gone(n);
  steps_.erase(std::remove_if(steps_.begin() + static_cast<std::ptrdiff_t>(first_step), steps_.end(),
                              [&](const Step& s) { return fusion.gone(s.node); }), steps_.end());
  return {};
}

// One operator that sizes its outputs itself: a segment of its own.
Status Plan::PlanLate(int node) {
  Segment& segment = segments_.emplace_back();
  segment.first_node = node;
  segment.end_node = node + 1;
  segment.first_step = steps_.size();
  segment.late = true;
  Step& step = steps_.emplace_back();
  for (int32_t t : graph_.operators[node].outputs) tensors_[t].home = Home::kOwn;
  segment.cut_values = CutValues(node);
  OCTET_TRY(Prepare(node, step, &segment));
  OCTET_TRY(Place(segment));
  Bind(segment);
  return {};
}

}  // namespace octet::runtime
