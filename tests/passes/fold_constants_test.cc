// SPDX-License-Identifier: Apache-2.0
// Which nodes of constants are computed, and which stay since their results are much larger than what they are made of.
#include "tests/passes/meaning.h"

namespace octet {
namespace {

using test::Builder;
using test::ExpectSameMeaning;
using test::Names;

constexpr int32_t kHeads = 8;

// A bias of attention: `rows` rows of a small table.
graph::TensorId Gathered(Builder& b, int32_t rows) {
  std::vector<int32_t> places(static_cast<size_t>(rows));
  for (size_t i = 0; i < places.size(); ++i) places[i] = static_cast<int32_t>(i * 7 % 50);
  const auto table = b.Constant<float>("table", Shape{50, kHeads}, test::RandomFloats(50 * kHeads, 3));
  return b.Node("gather", "rows", {table, b.Constant<int32_t>("places", Shape{rows}, places)});
}

TEST(FoldConstants, WhatGrowsMuchAndIsAddedStays) {
  for (const auto& [rows, operators] : {std::pair(100000, Names{"gather", "add"}), std::pair(1000, Names{"add"})}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, Shape{1, 1, kHeads}, {}});
    const auto bias = b.Node("reshape", "bias", {Gathered(b, rows), b.Constant<int32_t>("shape", Shape{3}, {1, rows, kHeads})});
    b.g().outputs = {b.Node("add", "y", {x, bias})};
    ExpectSameMeaning(b, Shape{1, 1, kHeads}, operators);
  }
}

TEST(FoldConstants, WhatShrinksAgainIsComputed) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, kHeads}, {}});
  const auto most = b.Node("reduce_max", "most", {Gathered(b, 100000), b.Constant<int32_t>("axis", Shape{1}, {0})});
  b.g().outputs = {b.Node("add", "y", {x, most})};
  ExpectSameMeaning(b, Shape{1, kHeads}, {"add"});
}

TEST(FoldConstants, WeightsAreComputed) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, kHeads}, {}});
  b.g().outputs = {b.Node("fully_connected", "y", {x, Gathered(b, 100000), graph::kNoTensor})};
  ExpectSameMeaning(b, Shape{1, kHeads}, {"fully_connected"});
}

}  // namespace
}  // namespace octet
