// SPDX-License-Identifier: Apache-2.0
#include "runtime/context.h"

#include <algorithm>

#include "runtime/plan.h"

namespace octet::runtime {
namespace {
constexpr int64_t kPlannedNodes = 1 << 20;  // Of called subgraphs, in one Allocate or Invoke: about a second.
}  // namespace

Result<char*> StringPool::Take(uint64_t bytes, uint64_t limit) {
  if (bytes > limit || total_ > limit - bytes)
    return Error(Code::kOutOfMemory, "the strings need more than the limit of %llu bytes", static_cast<unsigned long long>(limit));
  if (chunks_.empty() || chunks_.back().bytes() - used_ < bytes) {
    OCTET_ASSIGN(AlignedBuffer chunk, AlignedBuffer::Make(std::max(bytes, kChunk)));
    chunks_.push_back(std::move(chunk));
    used_ = 0;
  }
  char* room = reinterpret_cast<char*>(chunks_.back().data() + used_);
  used_ += bytes;
  total_ += bytes;
  return room;
}

void StringPool::Clear() {
  if (chunks_.size() > 1) chunks_.erase(chunks_.begin(), chunks_.end() - 1);  // One stays: a run like the last one allocates nothing.
  used_ = total_ = 0;
}

Context::Context(std::shared_ptr<const SharedModel> shared, const Options& with)
    : model(std::move(shared)), options(with), delegate_failures(with.delegates.list.size()), callees_(model->view().subgraphs().size()) {
  Renew();
}

Context::~Context() = default;

Plan& Context::callee(int subgraph) {
  std::unique_ptr<Plan>& plan = callees_[static_cast<size_t>(subgraph)];
  if (!plan) plan = std::make_unique<Plan>(*this, subgraph, Plan::Use::kCalled);
  return *plan;
}

void Context::ResetVariables() {
  for (const std::unique_ptr<Plan>& plan : callees_)
    if (plan) plan->ResetVariables();
}

MemoryUse Context::memory() const {
  MemoryUse use;
  for (const std::unique_ptr<Plan>& plan : callees_) {
    if (!plan) continue;
    use.arena_bytes += plan->memory().arena_bytes;
    use.lower_bound_bytes += plan->memory().lower_bound_bytes;
  }
  use.packed_bytes = model->packed_bytes();
  return use;
}

void Context::Renew() {
  calls_left_ = options.max_calls;
  planning_left_ = kPlannedNodes;
}

Status Context::KeepGoing() {
  if (cancelled.load(std::memory_order_relaxed)) return Error(Code::kCancelled, "cancelled by the caller");
  if (calls_left_-- > 0) return {};
  return Error(Code::kCancelled, "its loops and calls of subgraphs reached the limit of %lld; raise it if they are meant to run so long",
               static_cast<long long>(options.max_calls));
}

Status Context::SpendPlanning(size_t nodes) {
  planning_left_ -= static_cast<int64_t>(nodes) + 1;
  if (planning_left_ >= 0) return {};
  return Error(Code::kCancelled, "its called subgraphs are planned anew too often: more than %lld nodes", static_cast<long long>(kPlannedNodes));
}

}  // namespace octet::runtime
