// SPDX-License-Identifier: Apache-2.0
#include "runtime/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace octet::runtime {
namespace {

constexpr uint64_t kCloseEnough = 128;  // A plan within 1/128 of the bound ends the search.

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

// Puts each life, in the given order, into the smallest gap that fits between those already placed
// that live at the same time, or behind them.
Placement Place(std::span<const Life> lives, std::span<const int> order) {
  Placement p;
  p.offsets.assign(lives.size(), 0);
  struct Placed {
    uint64_t offset, end;
    int first, last;
  };
  std::vector<Placed> placed;  // By offset. Side by side in memory: this loop is what planning a large model costs.
  placed.reserve(lives.size());
  for (int i : order) {
    const Life& life = lives[i];
    const uint64_t size = Aligned(life.bytes);
    if (size == 0) continue;
    uint64_t end = 0, best = UINT64_MAX, best_gap = UINT64_MAX;
    for (const Placed& other : placed) {
      if (other.last < life.first || other.first > life.last) continue;
      if (other.offset > end && other.offset - end >= size && other.offset - end < best_gap) {
        best = end;
        best_gap = other.offset - end;
      }
      end = std::max(end, other.end);
    }
    p.offsets[i] = best == UINT64_MAX ? end : best;
    p.arena_bytes = std::max(p.arena_bytes, p.offsets[i] + size);
    const auto at = std::ranges::upper_bound(placed, p.offsets[i], {}, &Placed::offset);
    placed.insert(at, {p.offsets[i], p.offsets[i] + size, life.first, life.last});
  }
  return p;
}

}  // namespace

Placement PlaceMemory(std::span<const Life> lives) {
  std::vector<int> order(lives.size());
  std::iota(order.begin(), order.end(), 0);
  const uint64_t bound = LowerBound(lives);
  const auto length = [&](int i) { return lives[i].last - lives[i].first; };
  Placement best;
  best.arena_bytes = UINT64_MAX;
  const auto attempt = [&](auto before) {
    if (best.arena_bytes <= bound + bound / kCloseEnough) return;
    std::ranges::stable_sort(order, before);
    Placement p = Place(lives, order);
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
