// SPDX-License-Identifier: Apache-2.0
// What the plans of one interpreter share: the model, resources, limits, and the plans of called subgraphs.
#pragma once
#include <atomic>
#include <vector>

#include "ops/resource.h"
#include "runtime/shared_model.h"

namespace octet::runtime {

class Plan;

// Characters of strings that operators make during one run.
class StringPool {
 public:
  Result<char*> Take(uint64_t bytes, uint64_t limit);
  void Clear();

 private:
  static constexpr uint64_t kChunk = 1 << 16;
  std::vector<AlignedBuffer> chunks_;
  uint64_t used_ = 0;   // Of the last chunk.
  uint64_t total_ = 0;
};

class Context {
 public:
  Context(std::shared_ptr<const SharedModel> model, const Options& options);
  ~Context();

  const std::shared_ptr<const SharedModel> model;
  Options options;  // Changes only between one Allocate and the next.
  ops::Resources resources;
  StringPool strings;
  // Why the run ends soon: for this run (its next one begins anew), or until it is taken back.
  static constexpr int kCancelled = 1, kHeld = 2;
  std::atomic<int> cancelled = 0;
  Observer* call_observer = nullptr;           // Of what called subgraphs make; null: nobody looks.
  std::vector<std::string> delegate_failures;  // Per delegate: why it is not asked any more; empty: it is.

  // The plan of a subgraph that nodes call; its memory is used again by every call.
  Plan& callee(int subgraph);
  void ResetVariables();
  MemoryUse memory() const;  // Of called subgraphs, and packed weights.
  // What one Allocate or Invoke may cost beyond its own nodes.
  void Renew();
  // Once per call of a subgraph and per round of a loop. An error when cancelled or when there were too many.
  Status KeepGoing();
  // Before a called subgraph of so many nodes is planned: nested calls could ask for it without end.
  Status SpendPlanning(size_t nodes);

 private:
  std::vector<std::unique_ptr<Plan>> callees_;
  int64_t calls_left_ = 0;
  int64_t planning_left_ = 0;
};

}  // namespace octet::runtime
