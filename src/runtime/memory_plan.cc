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

uint64_t Length(const Life& l) { return static_cast<uint64_t>(l.last - l.first); }

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
  std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) { return a.step != b.step ? a.step < b.step : a.bytes < b.bytes; });
  int64_t now = 0, most = 0;
  for (const Change& c : changes) most = std::max(most, now += c.bytes);
  return static_cast<uint64_t>(most);
}

// The placed lives that overlap a span of steps, found in O(k log n): a segment tree over all lives by first step,
// whose nodes hold the latest last step of what is placed below them.
class Overlaps {
 public:
  explicit Overlaps(std::span<const Life> lives)
      : lives_(lives), by_first_(lives.size()), place_(lives.size()), leaves_(std::bit_ceil(std::max<size_t>(lives.size(), 1))) {
    std::iota(by_first_.begin(), by_first_.end(), 0);
    std::stable_sort(by_first_.begin(), by_first_.end(), [&](int a, int b) { return lives[a].first < lives[b].first; });
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

// Where a placed life is, and until which step.
struct Spot {
  uint64_t offset, end;
  int last;
};
struct Below {
  bool operator()(const Spot& a, const Spot& b) const { return a.offset < b.offset; }
};

// The begin of the smallest gap between spots, sorted by offset, that `size` bytes fit into; the end of all where none does.
uint64_t SmallestGap(std::span<const Spot> spots, uint64_t size) {
  uint64_t end = 0, best = UINT64_MAX, best_gap = UINT64_MAX;
  for (const Spot& s : spots) {
    if (s.offset > end && s.offset - end >= size && s.offset - end < best_gap) {
      best = end;
      best_gap = s.offset - end;
    }
    end = std::max(end, s.end);
  }
  return best == UINT64_MAX ? end : best;
}

// The same of the first such gap.
uint64_t FirstGap(std::span<const Spot> spots, uint64_t size) {
  uint64_t end = 0;
  for (const Spot& s : spots) {
    if (s.offset >= end + size) return end;
    end = std::max(end, s.end);
  }
  return end;
}

// Puts each life, in the given order, into the smallest gap that fits between those already placed
// that live at the same time, or behind them.
Placement Place(std::span<const Life> lives, std::span<const int> order, Overlaps* overlaps) {
  Placement p;
  p.offsets.assign(lives.size(), 0);
  overlaps->Clear();
  std::vector<int> found;
  std::vector<Spot> spots;
  for (int i : order) {
    const uint64_t size = Aligned(lives[i].bytes);
    if (size == 0) continue;
    found.clear();
    overlaps->Find(lives[i], &found);
    spots.clear();
    for (int other : found) spots.push_back({p.offsets[other], p.offsets[other] + Aligned(lives[other].bytes), 0});
    std::sort(spots.begin(), spots.end(), Below());
    p.offsets[i] = SmallestGap(spots, size);
    p.arena_bytes = std::max(p.arena_bytes, p.offsets[i] + size);
    overlaps->Add(i);
  }
  return p;
}

// The same for an order of birth, into the first gap that fits: who died before is forgotten on the way, and nothing is
// searched or sorted. Unrolled loops, whose rounds need the same again, come out close to the bound.
Placement Sweep(std::span<const Life> lives, std::span<const int> order) {
  Placement p;
  p.offsets.assign(lives.size(), 0);
  std::vector<Spot> spots;
  for (int i : order) {
    const uint64_t size = Aligned(lives[i].bytes);
    if (size == 0) continue;
    std::erase_if(spots, [&](const Spot& s) { return s.last < lives[i].first; });
    const uint64_t offset = FirstGap(spots, size);
    const Spot spot{offset, offset + size, lives[i].last};
    spots.insert(std::upper_bound(spots.begin(), spots.end(), spot, Below()), spot);
    p.offsets[i] = offset;
    p.arena_bytes = std::max(p.arena_bytes, spot.end);
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

// A chain within the bound: what a step reads lies at one end, what it writes at the other, and what it works with between them. Tensors,
// in their order of birth, take either end in turn; what lives for one step is put into gaps, last. Where that does not fit: a row.
Placement FromBothEnds(std::span<const Life> lives, std::span<const int> order, uint64_t bound, Overlaps* overlaps) {
  Placement p;
  p.offsets.assign(lives.size(), 0);
  overlaps->Clear();
  std::vector<int> found;
  std::vector<Spot> spots;
  // Of what lives at the same time; seen from the upper end or the lower.
  const auto look = [&](const Life& life, bool upper) {
    found.clear();
    overlaps->Find(life, &found);
    spots.clear();
    for (int other : found) {
      const uint64_t begin = p.offsets[other], end = begin + Aligned(lives[other].bytes);
      spots.push_back(upper ? Spot{bound - end, bound - begin, 0} : Spot{begin, end, 0});
    }
    std::sort(spots.begin(), spots.end(), Below());
  };
  const auto put = [&](int life, uint64_t offset) {
    p.offsets[life] = offset;
    p.arena_bytes = std::max(p.arena_bytes, offset + Aligned(lives[life].bytes));
    overlaps->Add(life);
  };
  bool upper = false;
  for (int i : order) {
    const uint64_t size = Aligned(lives[i].bytes);
    if (size == 0 || Length(lives[i]) == 0) continue;
    look(lives[i], upper);
    const uint64_t from_end = FirstGap(spots, size);
    if (from_end + size > bound) return Row(lives);
    put(i, upper ? bound - from_end - size : from_end);
    upper = !upper;
  }
  for (int i : order) {
    if (lives[i].bytes == 0 || Length(lives[i]) > 0) continue;
    look(lives[i], false);
    put(i, SmallestGap(spots, Aligned(lives[i].bytes)));
    if (p.arena_bytes > bound) return Row(lives);
  }
  return p;
}

// Time runs backwards: what dies last is born first.
std::vector<Life> Mirrored(std::span<const Life> lives) {
  std::vector<Life> mirrored;
  for (const Life& l : lives) mirrored.push_back({l.bytes, -l.last, -l.first});
  return mirrored;
}

}  // namespace

Placement PlaceMemory(std::span<const Life> lives) {
  std::vector<int> order(lives.size());
  std::iota(order.begin(), order.end(), 0);
  const uint64_t bound = LowerBound(lives);
  Placement best = Row(lives);
  const auto open = [&] { return best.arena_bytes > CloseEnough(bound, lives.size()); };
  const auto sort = [&](bool (*before)(const Life&, const Life&)) {
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return before(lives[a], lives[b]); });
  };
  const auto keep = [&](Placement p) {
    if (p.arena_bytes < best.arena_bytes) best = std::move(p);
  };
  sort([](const Life& a, const Life& b) { return a.first < b.first; });  // The quickest.
  keep(Sweep(lives, order));
  if (open()) {
    Overlaps overlaps(lives);
    keep(FromBothEnds(lives, order, bound, &overlaps));
    // Large ones first; long lives first; by area.
    const auto attempt = [&](bool (*before)(const Life&, const Life&)) {
      if (!open()) return;
      sort(before);
      keep(Place(lives, order, &overlaps));
    };
    attempt([](const Life& a, const Life& b) { return a.bytes > b.bytes; });
    attempt([](const Life& a, const Life& b) { return Length(a) != Length(b) ? Length(a) > Length(b) : a.bytes > b.bytes; });
    attempt([](const Life& a, const Life& b) { return a.bytes * (Length(a) + 1) > b.bytes * (Length(b) + 1); });
  }
  if (open()) {
    sort([](const Life& a, const Life& b) { return a.last > b.last; });
    keep(Sweep(Mirrored(lives), order));
  }
  best.lower_bound_bytes = bound;
  return best;
}

}  // namespace octet::runtime
