// SPDX-License-Identifier: Apache-2.0
// Groups of nodes that run together, strip by strip of rows (RowGroup).
#include "runtime/plan_rows.h"

#include <algorithm>
#include <memory>

#include "base/mutex.h"
#include "runtime/plan_fusion.h"

namespace octet::runtime {
namespace {

constexpr int64_t kStripBytes = 8 << 10;   // Of the widest tensor: a few of them fit the first-level cache.
constexpr int64_t kWorthwhile = 48 << 10;  // Bytes between the nodes, from which on they would leave that cache.

// One strip: all pieces, in their order.
Status RunStrip(const RowGroup& g, const ops::Run& run, int64_t first_row, std::byte* scratch) {
  const auto address = [&](const RowGroup::Operand& o) -> std::byte* {
    switch (o.place) {
      case RowGroup::Place::kAbsent: return nullptr;
      case RowGroup::Place::kFixed: return o.data + first_row * o.row_bytes;
      case RowGroup::Place::kInput: return run.in[o.at] + first_row * o.row_bytes;
      case RowGroup::Place::kOutput: return run.out[o.at] + first_row * o.row_bytes;
      case RowGroup::Place::kLocal: return scratch + o.at;
    }
    return nullptr;
  };
  auto** const pointers = reinterpret_cast<std::byte**>(scratch + g.scratch_bytes) - g.most_operands;
  for (const RowGroup::Piece& piece : g.pieces) {
    std::byte **in = pointers, **out = pointers + piece.in.size();
    for (size_t i = 0; i < piece.in.size(); ++i) in[i] = address(piece.in[i]);
    for (size_t i = 0; i < piece.out.size(); ++i) out[i] = address(piece.out[i]);
    OCTET_TRY(piece.run(piece.params, {in, out, scratch + piece.workspace, &g.alone}));
  }
  return {};
}

Status RunRows(const void* params, const ops::Run& run) {
  const auto& g = *static_cast<const RowGroup*>(params);
  const int64_t strips = (g.rows + g.together - 1) / g.together;
  const bool reaches_back = strips * g.together != g.rows;  // Over rows that the strip before has written: one task.
  Status failed;
  Mutex mutex;
  run.pool->For(strips - reaches_back, [&](int64_t task, int thread) {
    std::byte* scratch = run.workspace + thread * g.scratch_bytes;
    Status status = RunStrip(g, run, task * g.together, scratch);
    if (status.ok() && reaches_back && task == strips - 2) status = RunStrip(g, run, g.rows - g.together, scratch);
    if (status.ok()) return;
    const Lock lock(mutex);
    failed = std::move(status);
  });
  return failed;
}

}  // namespace

class Plan::RowFusion : Fusion {
 public:
  using Fusion::Fusion;
  Status Run();

 private:
  bool Saves(size_t first, size_t end, int64_t rows) const;
  Status Make(size_t first, size_t end, int64_t rows, RowGroup& group, Step* step);
  void AddOperands(size_t first, size_t end, RowGroup& group, std::vector<Life>& lives, std::vector<int>& life_of);
};

// Neighbours that work by the same rows.
Status Plan::RowFusion::Run() {
  const auto rows_of = [&](size_t i) { return !steps_[i].alone() ? 0 : plan_.RowsOfNode(steps_[i].node); };
  for (size_t first = first_step_; first < steps_.size(); ++first) {
    const int64_t rows = rows_of(first);
    size_t end = first + 1;
    while (rows > 1 && end < steps_.size() && rows_of(end) == rows) ++end;
    if (end == first + 1 || !Saves(first, end, rows)) continue;
    auto group = std::make_unique<RowGroup>();
    Step step;
    OCTET_TRY(Make(first, end, rows, *group, &step));
    Replace(first, end, std::move(group), std::move(step));
  }
  return {};
}

bool Plan::RowFusion::Saves(size_t first, size_t end, int64_t rows) const {
  int64_t between = 0, widest = 0;
  for (size_t i = first; i < end; ++i) {
    const int32_t t = graph_.operators[steps_[i].node].outputs[0];
    const TensorType& type = tensors_[t].type;
    const int64_t bytes = type.shape.elements() * BitsOf(type.dtype) / 8;
    widest = std::max(widest, bytes);
    for (size_t k = i + 1; k < end; ++k) {
      if (std::ranges::find(graph_.operators[steps_[k].node].inputs, t) == graph_.operators[steps_[k].node].inputs.end()) continue;
      between += bytes;
      break;
    }
  }
  return between >= kWorthwhile && widest >= 2 * kStripBytes && rows >= 2;
}

// The operands of every piece, the group's ends, and the lives of what lies between.
void Plan::RowFusion::AddOperands(size_t first, size_t end, RowGroup& group, std::vector<Life>& lives, std::vector<int>& life_of) {
  using Place = RowGroup::Place;
  const int last_position = PositionOf(steps_[end - 1]);
  std::vector<bool> made(tensors_.size());
  const auto index_in = [](std::vector<int32_t>& list, int32_t t) {
    const auto at = std::ranges::find(list, t);
    if (at != list.end()) return at - list.begin();
    list.push_back(t);
    return static_cast<std::ptrdiff_t>(list.size()) - 1;
  };
  for (size_t i = first; i < end; ++i) {
    const tflite::OperatorInfo& op = graph_.operators[steps_[i].node];
    RowGroup::Piece& piece = group.pieces[i - first];
    piece.in.resize(std::max(op.inputs.size(), op.op->inputs.size()));
    for (size_t k = 0; k < op.inputs.size(); ++k) {
      const int32_t t = op.inputs[k];
      if (t < 0) continue;
      const TensorType& type = tensors_[t].type;
      const bool whole = RowsOf(type.shape) != group.rows;
      const int64_t row_bytes = whole ? 0 : type.shape.back() * int64_t{BitsOf(type.dtype)} / 8;
      if (tensors_[t].known()) piece.in[k] = {Place::kFixed, tensors_[t].data, 0, row_bytes};
      else if (!made[t]) piece.in[k] = {Place::kInput, nullptr, index_in(group.inputs, t), row_bytes};
      else if (life_of[t] < 0) piece.in[k] = {Place::kOutput, nullptr, index_in(group.outputs, t), row_bytes};
      else piece.in[k] = {Place::kLocal, nullptr, life_of[t], 0}, lives[life_of[t]].last = static_cast<int>(i - first);
    }
    const int32_t t = op.outputs[0];
    const TensorType& type = tensors_[t].type;
    const int64_t row_bytes = type.shape.back() * int64_t{BitsOf(type.dtype)} / 8;
    made[t] = true;
    piece.out.resize(std::max<size_t>(1, op.op->outputs.size()));
    if (LastUse(t) > last_position) {
      piece.out[0] = {Place::kOutput, nullptr, index_in(group.outputs, t), row_bytes};
      continue;
    }
    life_of[t] = static_cast<int>(lives.size());
    lives.push_back({static_cast<uint64_t>(group.together * row_bytes), static_cast<int>(i - first), static_cast<int>(i - first)});
    piece.out[0] = {Place::kLocal, nullptr, life_of[t], 0};
  }
  for (int32_t t : group.inputs) Use(t, last_position);
}

Status Plan::RowFusion::Make(size_t first, size_t end, int64_t rows, RowGroup& group, Step* step) {
  static constexpr ops::Variant kRows{.name = "rows"};
  int64_t widest = 1;
  for (size_t i = first; i < end; ++i) {
    const TensorType& type = tensors_[graph_.operators[steps_[i].node].outputs[0]].type;
    widest = std::max(widest, type.shape.back() * int64_t{BitsOf(type.dtype)} / 8);
  }
  group.rows = rows;
  const int64_t strips = std::max<int64_t>(2, (rows * widest + kStripBytes - 1) / kStripBytes);
  group.together = (rows + strips - 1) / strips;
  group.pieces.resize(end - first);
  std::vector<Life> lives;
  std::vector<int> life_of(tensors_.size(), -1);
  AddOperands(first, end, group, lives, life_of);
  const size_t tensors = lives.size();
  for (size_t i = first; i < end; ++i) {
    RowGroup::Piece& piece = group.pieces[i - first];
    Step prepared;
    OCTET_TRY(plan_.Prepare(steps_[i].node, prepared, nullptr, {.strip_rows = group.together, .image_rows = 0}));
    piece.run = prepared.run;
    piece.params = prepared.params;
    lives.push_back({prepared.workspace_bytes, static_cast<int>(i - first), static_cast<int>(i - first)});
  }
  const Placement placement = PlaceMemory(lives);
  const auto offset = [&](size_t life) { return static_cast<int64_t>(placement.offsets[life]); };
  for (size_t i = 0; i < group.pieces.size(); ++i) {
    RowGroup::Piece& piece = group.pieces[i];
    piece.workspace = offset(tensors + i);
    for (std::vector<RowGroup::Operand>* list : {&piece.in, &piece.out})
      for (RowGroup::Operand& o : *list)
        if (o.place == RowGroup::Place::kLocal) o.at = offset(static_cast<size_t>(o.at));
    group.most_operands = std::max(group.most_operands, static_cast<int64_t>(piece.in.size() + piece.out.size()));
  }
  const auto pointers = static_cast<uint64_t>(group.most_operands) * sizeof(std::byte*);
  group.scratch_bytes = static_cast<int64_t>((placement.arena_bytes + pointers + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment);
  step->workspace_bytes = static_cast<uint64_t>(group.scratch_bytes) * static_cast<uint64_t>(plan_.options_.threads);
  step->run = RunRows;
  step->params = &group;
  step->variant = &kRows;
  return {};
}

Status Plan::FuseRows(Segment& segment, size_t first_step) { return RowFusion(*this, segment, first_step).Run(); }

}  // namespace octet::runtime
