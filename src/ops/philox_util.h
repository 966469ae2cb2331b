// SPDX-License-Identifier: Apache-2.0
// Counter-based random bits (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): four words per
// step of Philox 4x32-10, and the numbers that TensorFlow makes of them.
#pragma once
#include <array>
#include <bit>
#include <cstdint>

#include "ops/op_def.h"
#include "ops/resource.h"

namespace octet::ops {

using PhiloxWords = std::array<uint32_t, 4>;

inline PhiloxWords Philox4x32(std::array<uint32_t, 2> key, PhiloxWords c) {
  constexpr uint64_t kMultiplier[] = {0xD2511F53, 0xCD9E8D57};
  constexpr uint32_t kWeyl[] = {0x9E3779B9, 0xBB67AE85};
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = kMultiplier[0] * c[0], b = kMultiplier[1] * c[2];
    c = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ key[0], static_cast<uint32_t>(b), static_cast<uint32_t>(a >> 32) ^ c[3] ^ key[1], static_cast<uint32_t>(a)};
    key[0] += kWeyl[0];
    key[1] += kWeyl[1];
  }
  return c;
}

struct RandomAttrs {
  int64_t seed = 0, seed2 = 0;
};
inline constexpr AttrRow kRandomRows[] = {Attr<&RandomAttrs::seed>("seed", 0), Attr<&RandomAttrs::seed2>("seed2", 1)};

// The node's generator, which lives with the interpreter: it goes on from run to run.
Result<RandomState*> GeneratorOf(Prepare& p);
PhiloxWords NextWords(RandomState& state);
void SkipWords(RandomState& state, uint64_t steps);  // Steps of four words.

// [0, 1) from the low 23 bits, and from the low 20 bits of `high` with all of `low`.
inline float UnitFloat(uint32_t bits) { return std::bit_cast<float>(0x3f800000u | (bits & 0x7fffffu)) - 1.0f; }
inline double UnitDouble(uint32_t high, uint32_t low) {
  return std::bit_cast<double>((uint64_t{1023} << 52) | (uint64_t{high & 0xfffffu} << 32) | low) - 1.0;
}

// Two normal numbers, by Box and Muller: sqrt(-2 ln u) times sine and cosine of 2 pi v.
void NormalPair(uint32_t a, uint32_t b, float* out);

// RANDOM_UNIFORM and RANDOM_STANDARD_NORMAL: the shape is an operand; `pair` makes two numbers of two words.
Status CheckRandom(const OpView& op);
Status InferRandom(const OpView& op, std::span<OutputType> out);
Status PrepareRandom(Prepare& p, void (*pair)(uint32_t, uint32_t, float*));
inline constexpr Operand kRandomInputs[] = {{.name = "shape", .type = 'S', .role = Role::kShape}};

}  // namespace octet::ops
