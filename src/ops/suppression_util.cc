// SPDX-License-Identifier: Apache-2.0
#include "ops/suppression_util.h"

#include <cmath>

namespace octet::ops {
namespace {

struct Candidate {
  int32_t box;
  float score;
  int32_t compared;  // With so many of the chosen boxes it was compared already.
};
bool Lower(const Candidate& a, const Candidate& b) { return a.score < b.score; }

struct Params {
  int32_t boxes, room;
  bool soft;
};

// A heap of candidates, best first.
class Queue {
 public:
  explicit Queue(Candidate* memory) : begin_(memory), end_(memory) {}
  bool empty() const { return begin_ == end_; }
  int64_t size() const { return end_ - begin_; }
  void Push(const Candidate& c) {
    *end_++ = c;
    std::push_heap(begin_, end_, Lower);
  }
  Candidate Pop() {
    std::pop_heap(begin_, end_, Lower);
    return *--end_;
  }

 private:
  Candidate *begin_, *end_;
};

Status Suppress(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float* boxes = run.input<float>(kBoxes);
  const float overlap_limit = *run.input<float>(kOverlapThreshold), score_limit = *run.input<float>(kScoreThreshold);
  const float sigma = p.soft ? *run.input<float>(kSigma) : 0.0f;
  const float scale = sigma > 0 ? -0.5f / sigma : 0.0f;
  auto* chosen = run.output<int32_t>(0);
  float* scores = p.soft ? run.output<float>(1) : nullptr;
  Queue queue(reinterpret_cast<Candidate*>(run.workspace));
  for (int32_t i = 0; i < p.boxes; ++i)
    if (run.input<float>(kScores)[i] > score_limit) queue.Push({i, run.input<float>(kScores)[i], 0});
  const int64_t most = std::min<int64_t>(queue.size(), p.room);
  int32_t count = 0;
  while (count < most && !queue.empty()) {
    Candidate next = queue.Pop();
    const float before = next.score;
    bool dropped = false;
    // Backwards: boxes that overlap tend to have similar scores.
    for (int32_t j = count - 1; j >= next.compared && !dropped; --j) {
      const float overlap = Overlap(boxes + 4 * int64_t{next.box}, boxes + 4 * int64_t{chosen[j]});
      dropped = overlap >= overlap_limit;
      if (dropped) break;
      if (sigma > 0) next.score *= std::exp(scale * overlap * overlap);
      if (next.score <= score_limit) break;
    }
    next.compared = count;
    if (dropped) continue;
    if (next.score == before) {
      chosen[count] = next.box;
      if (scores) scores[count] = next.score;
      ++count;
    }
    // A chosen box, too, as LiteRT has it: it is dropped the next time, by itself, but which of equal scores is next depends on it.
    if (next.score > score_limit) queue.Push(next);
  }
  std::fill(chosen + count, chosen + p.room, 0);
  if (scores) std::fill(scores + count, scores + p.room, 0.0f);
  *run.output<int32_t>(p.soft ? 2 : 1) = count;
  return {};
}

}  // namespace

float Overlap(const float* a, const float* b) {
  const float ay0 = std::min(a[0], a[2]), ay1 = std::max(a[0], a[2]), ax0 = std::min(a[1], a[3]), ax1 = std::max(a[1], a[3]);
  const float by0 = std::min(b[0], b[2]), by1 = std::max(b[0], b[2]), bx0 = std::min(b[1], b[3]), bx1 = std::max(b[1], b[3]);
  const float area_a = (ay1 - ay0) * (ax1 - ax0), area_b = (by1 - by0) * (bx1 - bx0);
  if (area_a <= 0 || area_b <= 0) return 0;
  const float height = std::max(std::min(ay1, by1) - std::max(ay0, by0), 0.0f), width = std::max(std::min(ax1, bx1) - std::max(ax0, bx0), 0.0f);
  const float both = height * width, all = area_a + area_b - both;
  return all == 0 ? 0 : both / all;
}

Status CheckSuppression(const OpView& op) {
  const Shape &boxes = op.in(kBoxes)->shape, &scores = op.in(kScores)->shape;
  if (boxes.rank() != 2 || (boxes[1] != 4 && boxes[1] != kUnknown) || scores.rank() != 1 || (boxes.known() && scores.known() && boxes[0] != scores[0]))
    return op.Fail(Code::kInvalidModel, "expected boxes [n,4] and scores [n], found %s and %s", boxes.text().c_str(), scores.text().c_str());
  for (int i = kMaxOutput; i < op.num_inputs(); ++i) OCTET_TRY(CheckScalar(op, i, "limits"));
  return {};
}

Status InferSuppression(const OpView& op, std::span<OutputType> out) {
  const bool soft = op.num_inputs() == kSigma + 1;
  int64_t most = 0;
  const bool known = ReadInt(op, kMaxOutput, &most);
  if (known && !FitsDimension(most)) return op.Fail(Code::kInvalidArgument, "at most %lld boxes", static_cast<long long>(most));
  out[0] = {DType::kI32, {static_cast<int32_t>(most)}, !known};
  if (soft) out[1] = {DType::kF32, {static_cast<int32_t>(most)}, !known};
  out[soft ? 2 : 1] = {DType::kI32, {}};
  return {};
}

Status PrepareSuppression(Prepare& p) {
  auto* params = p.Params<Params>();
  *params = {p.op.in(kBoxes)->shape[0], p.op.out(0)->shape[0], p.op.num_inputs() == kSigma + 1};
  p.Workspace(sizeof(Candidate) * static_cast<size_t>(params->boxes));
  p.SetRun(Suppress, params);
  return {};
}

}  // namespace octet::ops
