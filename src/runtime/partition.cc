// SPDX-License-Identifier: Apache-2.0
#include "runtime/partition.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>
#include <utility>

namespace octet::runtime {
namespace {

// Steps that the search for further joins may take, per node: what the first cut leaves is little.
constexpr size_t kSearchPerNode = 64;

int Find(std::vector<int>& group_of, int n) {
  while (group_of[n] != n) n = group_of[n] = group_of[group_of[n]];
  return n;
}

}  // namespace

struct Partition::Units {
  std::vector<std::vector<int>> next;  // Per unit's lowest node; without repetitions.
  std::vector<int> waits_for;          // How many units lead to it; -1: no unit.
};

Partition::Partition(std::vector<std::vector<int>> edges) : edges_(std::move(edges)), unit_of_(edges_.size()) {
  std::iota(unit_of_.begin(), unit_of_.end(), 0);
}

Partition::Units Partition::Contract(const std::vector<int>& unit_of) const {
  Units units{std::vector<std::vector<int>>(edges_.size()), std::vector<int>(edges_.size(), -1)};
  for (size_t n = 0; n < edges_.size(); ++n) {
    units.waits_for[unit_of[n]] = 0;
    for (int to : edges_[n])
      if (unit_of[to] != unit_of[n]) units.next[unit_of[n]].push_back(unit_of[to]);
  }
  for (std::vector<int>& next : units.next) {
    std::ranges::sort(next);
    next.erase(std::unique(next.begin(), next.end()), next.end());
    for (int to : next) ++units.waits_for[to];
  }
  return units;
}

// In turns, all that is ready and not taken, then all that is ready and taken: what runs in one turn waits for nothing
// of a later one. Connected units of a turn are a part.
std::vector<std::vector<int>> Partition::Cut(const std::vector<bool>& taken) const {
  const int n = static_cast<int>(edges_.size());
  const Units units = Contract(unit_of_);
  std::vector<int> waits_for = units.waits_for, turn(static_cast<size_t>(n), -1);
  std::vector<int> ready[2];  // Not taken, taken.
  for (int i = 0; i < n; ++i)
    if (waits_for[i] == 0) ready[taken[i]].push_back(i);
  for (int now = 0; !ready[0].empty() || !ready[1].empty(); ++now) {
    std::vector<int>& list = ready[now % 2];
    for (size_t k = 0; k < list.size(); ++k) {  // Grows while it is read.
      const int unit = list[k];
      turn[unit] = now;
      for (int to : units.next[unit])
        if (--waits_for[to] == 0) ready[taken[to]].push_back(to);
    }
    list.clear();
  }
  std::vector<int> group_of(static_cast<size_t>(n));
  std::iota(group_of.begin(), group_of.end(), 0);
  for (int i = 0; i < n; ++i)
    for (int to : units.next[i])
      if (taken[i] && taken[to] && turn[i] == turn[to]) group_of[Find(group_of, to)] = Find(group_of, i);
  Join(units, taken, &group_of);
  std::vector<std::vector<int>> parts;
  std::vector<int> part_of(static_cast<size_t>(n), -1);
  for (int i = 0; i < n; ++i) {
    if (!taken[i]) continue;
    int& part = part_of[Find(group_of, i)];
    if (part < 0) part = static_cast<int>(parts.size()), parts.emplace_back();
    parts[part].push_back(i);
  }
  return parts;
}

// Turns may part what could run together. Two parts become one where nothing outside of them lies on a way between.
void Partition::Join(const Units& units, const std::vector<bool>& joinable, std::vector<int>* group_of) const {
  size_t left = kSearchPerNode * (edges_.size() + 1);
  std::vector<std::vector<int>> members(edges_.size());
  for (size_t i = 0; i < edges_.size(); ++i)
    if (units.waits_for[i] >= 0) members[Find(*group_of, static_cast<int>(i))].push_back(static_cast<int>(i));
  // Whether group `to` is reached from group `from` by a way that leaves `from` to a third group.
  const auto detour = [&](int from, int to) {
    std::vector<bool> seen(edges_.size());
    std::vector<int> open;
    left -= std::min(left, edges_.size() / 64 + 1);
    const auto visit = [&](int group, bool first) {
      for (int m : members[group])
        for (int next : units.next[m]) {
          const int g = Find(*group_of, next);
          if (g == from || (first && g == to) || seen[g]) continue;
          seen[g] = true;
          open.push_back(g);
        }
    };
    visit(from, true);
    while (!open.empty() && !seen[to] && left > 0) {
      const int g = open.back();
      open.pop_back();
      left -= std::min(left, members[g].size());
      visit(g, false);
    }
    return seen[to] || left == 0;
  };
  for (size_t i = 0; i < edges_.size(); ++i)
    for (int to : units.next[i]) {
      if (left == 0) return;
      if (!joinable[i] || !joinable[to]) continue;
      const int a = Find(*group_of, static_cast<int>(i)), b = Find(*group_of, to);
      if (a == b || detour(a, b)) continue;
      (*group_of)[b] = a;
      members[a].insert(members[a].end(), members[b].begin(), members[b].end());
      members[b].clear();
    }
}

void Partition::Keep(std::span<const int> part) {
  const int lowest = std::ranges::min(part);
  for (int n : part) unit_of_[n] = lowest;
}

std::vector<std::vector<int>> Partition::Order() const {
  Units units = Contract(unit_of_);
  std::vector<std::vector<int>> members(edges_.size());
  for (size_t n = 0; n < edges_.size(); ++n) members[unit_of_[n]].push_back(static_cast<int>(n));
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (size_t n = 0; n < edges_.size(); ++n)
    if (units.waits_for[n] == 0) ready.push(static_cast<int>(n));
  std::vector<std::vector<int>> order;
  while (!ready.empty()) {
    const int unit = ready.top();
    ready.pop();
    order.push_back(std::move(members[unit]));
    for (int to : units.next[unit])
      if (--units.waits_for[to] == 0) ready.push(to);
  }
  return order;
}

}  // namespace octet::runtime
