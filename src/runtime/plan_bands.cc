// SPDX-License-Identifier: Apache-2.0
// Convolutions that run together, band by band of an image's rows (BandGroup).
#include <algorithm>
#include <cstring>
#include <memory>

#include "base/built.h"
#include "base/mutex.h"
#include "kernels/kernels.h"
#include "runtime/plan_fusion.h"

namespace octet::runtime {
namespace {

using kernels::CeilDivide;

// Small runtimes of integers go without: 3 kB for 0 to 3 % of their time.
constexpr bool kBands = !kernels::kSmall || Builds("conv_2d", "f32");
constexpr int64_t kBandBytes = 96 << 10;     // Of rows between two nodes: with weights, and what a node reads or writes, they fit the second-level cache.
constexpr int64_t kWorthwhile = 256 << 10;   // Bytes between two nodes, from which on they leave that cache where it is small.
constexpr int64_t kTasksPerThread = 8;       // At most: cores are not equally fast.
constexpr size_t kMostPieces = 8;

int64_t RowBytes(const TensorType& image) { return image.shape.elements(2, 4) * BitsOf(image.dtype) / 8; }

// Where row 0 would lie, if row `row` lies at `at`.
std::byte* Origin(std::byte* at, int64_t row, int64_t row_bytes) {
  return reinterpret_cast<std::byte*>(reinterpret_cast<uintptr_t>(at) - static_cast<uintptr_t>(row * row_bytes));
}

// Rows of a piece's output that are in its buffer.
struct Made {
  int64_t first = 0, end = 0;
};

// A thread's work. It takes its tasks from the top down: what the last one left in the buffers is the next one's halo.
struct Bands {
  const BandGroup& group;
  const ops::Run& run;
  std::byte* scratch;
  Made* made = reinterpret_cast<Made*>(scratch);  // Of every piece.

  // These rows of piece i's output, to `to`, with what they are made of.
  Status Make(size_t i, ops::RowRange rows, std::byte* to) {
    const BandGroup::Piece& piece = group.pieces[i];
    std::byte* in = run.in[0];
    if (i > 0) {
      OCTET_TRY(Want(i - 1, {std::max<int64_t>(0, rows.first * piece.window.stride - piece.window.pad),
                             std::min(piece.in_height, (rows.end - 1) * piece.window.stride - piece.window.pad + piece.window.height)}));
      in = Origin(scratch + group.pieces[i - 1].buffer, made[i - 1].first, group.pieces[i - 1].row_bytes);
    }
    std::byte* out = Origin(to, rows.first, piece.row_bytes);
    std::byte* const ins[] = {in, piece.constants[0], piece.constants[1]};
    return piece.run(piece.params, {ins, &out, scratch + piece.workspace, &group.alone, nullptr, &rows});
  }

  // In piece i's buffer: rows from `rows.first` on that are there move to its front, and others are made behind them.
  Status Want(size_t i, ops::RowRange rows) {
    const BandGroup::Piece& piece = group.pieces[i];
    std::byte* const buffer = scratch + piece.buffer;
    Made& m = made[i];
    const int64_t kept = rows.first < m.first ? 0 : std::max<int64_t>(0, m.end - rows.first);
    if (kept > 0 && rows.first > m.first) std::memmove(buffer, buffer + (rows.first - m.first) * piece.row_bytes, static_cast<size_t>(kept * piece.row_bytes));
    m.first = rows.first;
    const ops::RowRange missing{m.first + kept, rows.end};
    m.end = std::max(missing.first, missing.end);
    return missing.first < missing.end ? Make(i, missing, buffer + kept * piece.row_bytes) : Status();
  }
};

Status RunBands(const void* params, const ops::Run& run) {
  const auto& g = *static_cast<const BandGroup*>(params);
  const int64_t last_row_bytes = g.pieces.back().row_bytes;
  Status failed;
  Mutex mutex;
  const auto scratch = [&](int thread) { return run.workspace + thread * g.scratch_bytes; };
  for (int t = 0; t < run.pool->threads(); ++t) std::uninitialized_value_construct_n(reinterpret_cast<Made*>(scratch(t)), g.pieces.size());
  run.pool->For(g.tasks, [&](int64_t task, int thread) {
    Bands bands{g, run, scratch(thread)};
    const int64_t end = g.height * (task + 1) / g.tasks;
    for (int64_t row = g.height * task / g.tasks, next; row < end; row = next) {
      next = row + CeilDivide(end - row, CeilDivide(end - row, g.together));
      Status status = bands.Make(g.pieces.size() - 1, {row, next}, run.out[0] + row * last_row_bytes);
      if (status.ok()) continue;
      const Lock lock(mutex);
      failed = std::move(status);
      return;
    }
  });
  return failed;
}

// How many rows of the last output a band has at most, by the bytes of what passes between nodes; and into how many tasks they are cut.
void CutBands(int threads, BandGroup& group) {
  int64_t widest = 1, stride = 1;
  for (size_t i = group.pieces.size() - 1; i > 0; --i) {
    stride = std::min(stride * group.pieces[i].window.stride, group.pieces[i].in_height);
    widest = std::max(widest, stride * group.pieces[i - 1].row_bytes);
  }
  group.together = std::clamp<int64_t>(kBandBytes / widest, 1, group.height);
  group.tasks = threads == 1 ? 1 : std::min(group.height, threads * std::clamp<int64_t>(group.height / (threads * group.together), 1, kTasksPerThread));
}

// How many rows a piece makes at a time: those that the next one's are made of.
void SetMostRows(BandGroup& group) {
  int64_t rows = group.together;
  for (size_t i = group.pieces.size(); i-- > 0;) {
    BandGroup::Piece& piece = group.pieces[i];
    piece.most_rows = rows;
    rows = std::min((rows - 1) * piece.window.stride + piece.window.height, piece.in_height);
  }
}

// The scratch: what is made, a buffer behind every piece but the last, and behind them all what the one kernel that runs wants.
void PlaceBuffers(uint64_t kernels_want, BandGroup& group) {
  constexpr int64_t kLine = kArenaAlignment;
  const auto aligned = [](int64_t bytes) { return kernels::RoundUp(bytes, kLine); };
  int64_t at = aligned(static_cast<int64_t>(group.pieces.size() * sizeof(Made)));
  for (BandGroup::Piece& piece : group.pieces) {
    piece.buffer = at;
    if (&piece != &group.pieces.back()) at += aligned(piece.most_rows * piece.row_bytes + kReadAhead);
  }
  for (BandGroup::Piece& piece : group.pieces) piece.workspace = at;
  group.scratch_bytes = at + aligned(static_cast<int64_t>(kernels_want));
}

}  // namespace

class Plan::BandFusion : Fusion {
 public:
  using Fusion::Fusion;
  Status Run();

 private:
  int32_t ReadBy(const Step& step) const;
  bool Passes(const Step& step, const Step& next) const;
  Status Make(size_t first, size_t end, BandGroup& group, Step* step);
  BandGroup::Piece PieceOf(const Step& step) const;
};

// The image that a convolution, or a table, is of.
int32_t Plan::BandFusion::ReadBy(const Step& step) const { return step.source >= 0 ? step.source : graph_.operators[step.node].inputs[0]; }

// Whether `next` alone reads what `step` makes, and that is so much that it pays to stay near.
bool Plan::BandFusion::Passes(const Step& step, const Step& next) const {
  const std::span<const int32_t> made = graph_.operators[step.node].outputs;
  if (made.size() != 1 || graph_.operators[next.node].inputs.empty() || ReadBy(next) != made[0] || LastUse(made[0]) != PositionOf(next)) return false;
  const TensorType& type = tensors_[made[0]].type;
  return type.shape.rank() == 4 && type.shape[1] * RowBytes(type) >= kWorthwhile;
}

Status Plan::BandFusion::Run() {
  for (size_t first = first_step_; first < steps_.size(); ++first) {
    size_t end = first + 1;
    const auto goes_on = [&] {
      return Passes(steps_[end - 1], steps_[end]) && (end > first + 1 || plan_.RowWindowOf(steps_[first])) && plan_.RowWindowOf(steps_[end]);
    };
    while (end < steps_.size() && end - first < kMostPieces && goes_on()) ++end;
    if (end == first + 1) continue;
    auto group = std::make_unique<BandGroup>();
    Step step;
    OCTET_TRY(Make(first, end, *group, &step));
    Replace(first, end, std::move(group), std::move(step));
  }
  return {};
}

BandGroup::Piece Plan::BandFusion::PieceOf(const Step& step) const {
  const tflite::OperatorInfo& op = graph_.operators[step.node];
  BandGroup::Piece piece;
  piece.window = *plan_.RowWindowOf(step);
  piece.in_height = tensors_[ReadBy(step)].type.shape[1];
  piece.row_bytes = RowBytes(tensors_[op.outputs[0]].type);
  for (size_t i = 1; i < op.inputs.size() && i <= std::size(piece.constants) && step.alone(); ++i)
    if (op.inputs[i] >= 0) piece.constants[i - 1] = tensors_[op.inputs[i]].data;
  return piece;
}

Status Plan::BandFusion::Make(size_t first, size_t end, BandGroup& group, Step* step) {
  static constexpr ops::Variant kVariant{.name = "bands"};
  const int32_t in = ReadBy(steps_[first]), out = graph_.operators[steps_[end - 1].node].outputs[0];
  Use(in, PositionOf(steps_[end - 1]));
  group.inputs = {in};
  group.outputs = {out};
  group.height = tensors_[out].type.shape[1];
  for (size_t i = first; i < end; ++i) group.pieces.push_back(PieceOf(steps_[i]));
  CutBands(plan_.options_.threads, group);
  SetMostRows(group);
  uint64_t kernels_want = 0;
  for (size_t i = first; i < end; ++i) {
    Step& node = steps_[i];
    BandGroup::Piece& piece = group.pieces[i - first];
    if (node.alone()) OCTET_TRY(plan_.Prepare(node.node, node, nullptr, {.strip_rows = 0, .image_rows = piece.most_rows}));
    piece.run = node.run;
    piece.params = node.params;
    kernels_want = std::max(kernels_want, node.workspace_bytes);
  }
  PlaceBuffers(kernels_want, group);
  step->workspace_bytes = static_cast<uint64_t>(group.scratch_bytes) * static_cast<uint64_t>(plan_.options_.threads);
  step->run = RunBands;
  step->params = &group;
  step->variant = &kVariant;
  return {};
}

Status Plan::FuseBands(Segment& segment, size_t first_step) { return kBands ? BandFusion(*this, segment, first_step).Run() : Status(); }

}  // namespace octet::runtime
