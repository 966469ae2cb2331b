// SPDX-License-Identifier: Apache-2.0
#include "runtime/partition.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace octet::runtime {
namespace {

using Lists = std::vector<std::vector<int>>;

TEST(Partition, AChainIsOnePart) {
  const Partition p({{1}, {2}, {}});
  EXPECT_EQ(p.Cut({true, true, true}), (Lists{{0, 1, 2}}));
}

TEST(Partition, BranchesThatDoNotMeetAreParts) {
  const Partition p({{}, {}});
  EXPECT_EQ(p.Cut({true, true}), (Lists{{0}, {1}}));
}

// 0 -> 1 -> 3 with 0 -> 3 directly: 1 is the CPU's, so that 0 and 3 as one would wait for itself.
TEST(Partition, APartDoesNotWaitForItself) {
  Partition p({{1, 3}, {3}, {3}, {}});
  const Lists parts = p.Cut({true, false, true, true});
  EXPECT_EQ(parts, (Lists{{0}, {2, 3}}));
}

// What comes first (0) need not run first: with 2 and 3 it is one part, although the CPU's 1 lies between.
TEST(Partition, WhatCanWaitIsJoined) {
  Partition p({{3}, {3}, {}, {}});
  EXPECT_EQ(p.Cut({true, false, false, true}), (Lists{{0, 3}}));
  p.Keep(std::vector{0, 3});
  EXPECT_EQ(p.Order(), (Lists{{1}, {0, 3}, {2}}));
}

// 0 -> 4, and 1 -> 2 (CPU) -> 4: turns put 0 beside 1 and 4 after 2; nothing prevents 0 and 4 from being one.
TEST(Partition, PartsOfDifferentTurnsAreJoined) {
  const Partition p({{4}, {2}, {4}, {}, {}});
  EXPECT_EQ(p.Cut({true, true, false, false, true}), (Lists{{0, 4}, {1}}));
}

TEST(Partition, ASecondDelegateCutsAroundTheFirst) {
  Partition p({{1}, {2}, {3}, {}});
  p.Keep(std::vector{1, 2});
  EXPECT_EQ(p.Cut({true, false, false, true}), (Lists{{0}, {3}}));
}

// Every order is one in which each unit follows what it needs, and every node runs once, whatever the graph.
TEST(Partition, RandomGraphsRunInOrder) {
  std::mt19937 random(7);
  for (int trial = 0; trial < 300; ++trial) {
    const int n = 2 + static_cast<int>(random() % 40);
    Lists edges(static_cast<size_t>(n));
    for (int i = 0; i < n; ++i)
      for (int k = i + 1; k < n; ++k)
        if (random() % 8 == 0 || (k == i + 1 && random() % 2)) edges[static_cast<size_t>(i)].push_back(k);
    Partition p(edges);
    std::vector<int> owner(static_cast<size_t>(n));
    for (int& o : owner) o = static_cast<int>(random() % 3);
    for (int d = 0; d < 2; ++d) {
      std::vector<bool> taken;
      for (int o : owner) taken.push_back(o == d);
      for (const std::vector<int>& part : p.Cut(taken)) {
        for (int i : part) EXPECT_EQ(owner[static_cast<size_t>(i)], d);
        p.Keep(part);
      }
    }
    std::set<int> done;
    for (const std::vector<int>& unit : p.Order()) {
      const std::set<int> inside(unit.begin(), unit.end());
      for (int from = 0; from < n; ++from)
        for (int to : edges[static_cast<size_t>(from)])
          EXPECT_TRUE(!inside.count(to) || done.count(from) || inside.count(from)) << from << " before " << to;
      for (int i : unit) EXPECT_TRUE(done.insert(i).second);
    }
    EXPECT_EQ(done.size(), static_cast<size_t>(n));
  }
}

}  // namespace
}  // namespace octet::runtime
