// SPDX-License-Identifier: Apache-2.0
// What a plan is made of: tensors as they are now, and steps, each of which computes a node or several.
#pragma once
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "ops/op_def.h"
#include "runtime/delegate.h"

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

// 0 where a size is not known, or no size is.
inline uint64_t BytesOf(const TensorType& t) {
  uint64_t bytes = 0;
  return CheckedBytes(t.dtype, t.shape, &bytes) ? bytes : 0;
}

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

}  // namespace octet::runtime
