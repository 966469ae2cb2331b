// SPDX-License-Identifier: Apache-2.0
// Cuts the nodes that delegates take into parts: connected, as large as they can be without a part waiting for
// itself. Pure graph work: what is taken, and what pays, is decided elsewhere.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace octet::runtime {

class Partition {
 public:
  // `edges[n]`: nodes that read what node n writes, or must run after it; every edge leads to a higher number.
  explicit Partition(std::vector<std::vector<int>> edges);

  // The parts of the nodes with taken[n], none of which may be in a part already; each in increasing order.
  std::vector<std::vector<int>> Cut(const std::vector<bool>& taken) const;
  // From now on the nodes run as one. They must be a part that Cut gave, with the parts kept since.
  void Keep(std::span<const int> part);
  // What runs when: kept parts and single nodes, so that everything follows what it needs. Near the nodes' own order.
  std::vector<std::vector<int>> Order() const;

 private:
  struct Units;  // Nodes contracted to what runs as one.
  Units Contract(const std::vector<int>& unit_of) const;
  void Join(const Units& units, const std::vector<bool>& joinable, std::vector<int>* group_of) const;

  std::vector<std::vector<int>> edges_;
  std::vector<int> unit_of_;  // The lowest node of the part; itself where it is in none.
};

}  // namespace octet::runtime
