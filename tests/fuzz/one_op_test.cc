// SPDX-License-Identifier: Apache-2.0
// The fuzz target's generator on random bytes: nothing crashes, and a good part of the models runs.
#include <gtest/gtest.h>

#include <random>

#include "tests/fuzz/one_op.h"

namespace octet::fuzz {
namespace {

TEST(Operators, SurviveRandomTypesShapesAndAttributes) {
  constexpr int kRounds = 6;
  const size_t operators = ops::Defs().size();
  int ran = 0;
  for (int round = 0; round < kRounds; ++round) {
    for (size_t op = 0; op < operators; ++op) {
      std::mt19937 random(static_cast<uint32_t>(op * 1000 + static_cast<size_t>(round)));
      std::vector<uint8_t> bytes(300);
      for (uint8_t& b : bytes) b = static_cast<uint8_t>(random());
      bytes[0] = static_cast<uint8_t>(op);
      bytes[1] = static_cast<uint8_t>(op >> 8);
      ran += RunOneOp(bytes);
    }
  }
  EXPECT_GT(ran, static_cast<int>(operators) / 4);
}

}  // namespace
}  // namespace octet::fuzz
