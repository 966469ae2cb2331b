// SPDX-License-Identifier: Apache-2.0
// Not of the pipeline: quantize asks for it. A number that hides others by being far below all of them (-1e9 before a softmax, what a
// maximum never falls to) would spread 256 steps over what nobody looks at.
#pragma once
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "graph/graph.h"

namespace octet::passes {

struct Interval {
  float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();
};

// What samples show of a tensor.
struct SeenValues {
  float min = 0, max = 0;
  float least_peak = 0;  // The least of what RankRead finds in rows; infinite where no row was looked at.
};
using Seen = std::function<std::optional<SeenValues>(const std::string& tensor)>;

// Where only the largest values of a tensor's rows count (softmax, arg_max, topk_v2): how many; 0: all do.
int RankRead(const graph::Graph& g, graph::TensorId t);
// A row whose value of that rank is not above it is masked as a whole.
inline constexpr float kHidden = -5000;

// A softmax's: how far below a row's largest score one is nothing beside it. Infinite: no softmax.
float MarginOf(const graph::Node& n);

// What readers tell apart of each float tensor, where that is less than what it holds: beyond these ends everything gives the same outputs
// for all samples. A mask, whatever computes it, ends just below the scores; a bound that is never reached, at the data; what a sigmoid is
// made of, where the sigmoid is level.
std::map<graph::TensorId, Interval> VisibleRanges(const graph::Graph& g, const Seen& seen);

// Is it read through constant bounds, or functions that have some, alone? What is beyond them is never seen, whatever the samples.
bool IsBounded(const graph::Graph& g, graph::TensorId t);

// What the node divides by; kNoTensor: nothing.
graph::TensorId DivisorOf(const graph::Node& n);

// Constants beyond 1e30 that are selected, added or compared become 1e9: an infinite number has no scale. How many operands there were.
int MakeFinite(graph::Graph& g);

}  // namespace octet::passes
