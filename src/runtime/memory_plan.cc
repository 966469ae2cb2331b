// SPDX-License-Identifier: Apache-2.0
#include "runtime/memory_plan.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

namespace octet::runtime {
namespace {

// A plan this close to the bound ends the search: within 1/128, or 1/32 where an attempt costs milliseconds.
constexpr size_t kManyLives = 1000;
uint64_t CloseEnough(uint64_t bound, size_t lives) { return bound + bound / (lives < kManyLives ? 128 : 32); }

uint64_t Aligned(uint64_t bytes) { return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment; }

uint64_t LowerBound(std::span<const Life> lives) {
  struct Change {
    int step;
    int64_t bytes;
  };
  std::vector<Change> changes;
  for (const Life& l : lives) {
    changes.push_back({l.first, static_cast<int64_t>(Aligned(l.bytes))});
    changes.push_back({l.last + 1, -static_cast<int64_t>(Aligned(l.bytes))});
  }
  std::ranges::sort(changes, [](const Change& a, const Change& b) { return a.step != b.step ? a.step < b.step : a.bytes < b.bytes; });
  int64_t now = 0, most = 0;
  for (const Change& c : changes) most = std::max(most, now += c.bytes);
  return static_cast<uint64_t>(most);
}

// The placed lives that overlap a span of steps, found in O(k log n): a segment tree over all lives by first step,
// whose nodes hold the latest last step of what is placed below them.
class Overlaps {
 public:
  explicit Overlaps(std::span<const Life> lives) : lives_(lives), by_first_(lives.size()), place_(lives.size()), leaves_(std::bit_ceil(std::max<size_t>(lives.size(), 1))) {
    std::iota(by_first_.begin(), by_first_.end(), 0);
    std::ranges::sort(by_first_, {}, [&](int i) { return std::pair(lives[i].first, i); });
    for (size_t k = 0; k < by_first_.size(); ++k) place_[by_first_[k]] = k;
    Clear();
  }
  void Clear() { latest_.assign(2 * leaves_, kNone); }
  void Add(int life) {
    for (size_t node = leaves_ + place_[life]; node > 0; node /= 2) latest_[node] = std::max(latest_[node], lives_[life].last);
  }
  void Find(const Life& life, std::vector<int>* found) const { Descend(1, 0, leaves_, life, found); }

 private:
  static constexpr int kNone = std::numeric_limits<int>::min();

  void Descend(size_t node, size_t begin, size_t end, const Life& life, std::vector<int>* found) const {
    if (latest_[node] < life.first || lives_[by_first_[begin]].first > life.last) return;
    if (end - begin == 1) return found->push_back(by_first_[begin]);
    const size_t middle = (begin + end) / 2;
    Descend(2 * node, begin, middle, life, found);
    if (middle < by_first_.size()) Descend(2 * node + 1, middle, end, life, found);
  }

  std::span<const Life> lives_;
  std::vector<int> by_first_;
  std::vector<size_t> place_;  // Of a life in by_first_.
  size_t leaves_;
  std::vector<int> latest_;
};

// Puts each life, in the given order, into the smallest gap that fits between those already placed
// that live at the same time, or behind them.
Placement Place(std::span<const Life> lives, std::span<const int> order, Overlaps* overlaps) {
  Placement p;
  p.offsets.assign(lives.size(), 0);
  overlaps->Clear();
  std::vector<int> found;
  for (int i : order) {
    const uint64_t size = Aligned(lives[i].bytes);
    if (size == 0) continue;
    found.clear();
    overlaps->Find(lives[i], &found);
    std::ranges::sort(found, {}, [&](int other) { return p.offsets[other]; });
    uint64_t end = 0, best = UINT64_MAX, best_gap = UINT64_MAX;
    for (int other : found) {
      const uint64_t offset = p.offsets[other];
      if (offset > end && offset - end >= size && offset - end < best_gap) {
        best = end;
        best_gap = offset - end;
      }
      end = std::max(end, offset + Aligned(lives[other].bytes));
    }
    p.offsets[i] = best == UINT64_MAX ? end : best;
    p.arena_bytes = std::max(p.arena_bytes, p.offsets[i] + size);
    overlaps->Add(i);
  }
  return p;
}

// One behind the other: the best there is where all live at the same time.
Placement Row(std::span<const Life> lives) {
  Placement p;
  for (const Life& l : lives) {
    p.offsets.push_back(p.arena_bytes);
    p.arena_bytes += Aligned(l.bytes);
  }
  return p;
}

}  // namespace

Placement PlaceMemory(std::span<const Life> lives) {
  std::vector<int> order(lives.size());
  std::iota(order.begin(), order.end(), 0);
  const uint64_t bound = LowerBound(lives);
  Placement best = Row(lives);
  Overlaps overlaps(lives);
  const auto length = [&](int i) { return lives[i].last - lives[i].first; };
  const auto attempt = [&](auto before) {
    if (best.arena_bytes <= CloseEnough(bound, lives.size())) return;
    std::ranges::stable_sort(order, before);
    Placement p = Place(lives, order, &overlaps);
    if (p.arena_bytes < best.arena_bytes) best = std::move(p);
  };
  // Large ones first; long lives first; by area; in order of birth.
  attempt([&](int a, int b) { return lives[a].bytes > lives[b].bytes; });
  attempt([&](int a, int b) { return length(a) != length(b) ? length(a) > length(b) : lives[a].bytes > lives[b].bytes; });
  attempt([&](int a, int b) { return lives[a].bytes * (length(a) + 1) > lives[b].bytes * (length(b) + 1); });
  attempt([&](int a, int b) { return lives[a].first < lives[b].first; });
  attempt([&](int a, int b) { return lives[a].last > lives[b].last; });
  best.lower_bound_bytes = bound;
  return best;
}

}  // namespace octet::runtime
