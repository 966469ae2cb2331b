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

// What the fuzzer found, by the operator it was in. The bytes mean a model only as long as no operator is added, but
// never harm; the sanitizers' builds say more than this one.
TEST(Operators, SurviveWhatWasFoundOnce) {
  const std::vector<uint8_t> findings[] = {
      {0x32, 0x28, 0x28, 0x1e, 0x27, 0xe7, 0x35, 0xff, 0x0c, 0x21},  // mul: plain int16 into an int8 output.
      {0x66, 0xd1, 0x66, 0x30, 0x30, 0x2c, 0x2c, 0xf6},              // reduce_any: a bool of 2.
  };
  for (const std::vector<uint8_t>& bytes : findings) (void)RunOneOp(bytes);
}

}  // namespace
}  // namespace octet::fuzz
