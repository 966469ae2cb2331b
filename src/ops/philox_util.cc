// SPDX-License-Identifier: Apache-2.0
#include "ops/philox_util.h"

#include <unistd.h>

#include <cmath>
#include <numbers>

#include "ops/operand_util.h"

namespace octet::ops {
namespace {

struct Params {
  RandomState* state;
  void (*pair)(uint32_t, uint32_t, float*);
  int64_t count;
};

Status RunRandom(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  for (int64_t i = 0; i < p.count; i += 4) {
    const PhiloxWords words = NextWords(*p.state);
    float numbers[4];
    p.pair(words[0], words[1], numbers);
    p.pair(words[2], words[3], numbers + 2);
    std::copy_n(numbers, std::min<int64_t>(4, p.count - i), run.output<float>(0) + i);
  }
  return {};
}

}  // namespace

Result<RandomState*> GeneratorOf(Prepare& p) {
  if (!p.op.resources) return p.op.Fail(Code::kUnsupported, "random numbers exist only in an interpreter");
  const auto& a = p.op.attrs<RandomAttrs>();
  RandomState& state = p.op.resources->generators[p.op.attributes];
  if (state.seeded) return &state;
  uint64_t seeds[2] = {static_cast<uint64_t>(a.seed), static_cast<uint64_t>(a.seed2)};
  if (seeds[0] == 0 && seeds[1] == 0 && ::getentropy(seeds, sizeof seeds) != 0) return p.op.Fail(Code::kIo, "the system has no random numbers");
  state.seeded = true;
  state.key = {static_cast<uint32_t>(seeds[0]), static_cast<uint32_t>(seeds[0] >> 32)};
  state.start = {0, 0, static_cast<uint32_t>(seeds[1]), static_cast<uint32_t>(seeds[1] >> 32)};
  state.counter = state.start;
  return &state;
}

PhiloxWords NextWords(RandomState& state) {
  const PhiloxWords words = Philox4x32(state.key, state.counter);
  SkipWords(state, 1);
  return words;
}

// The counter is one number of 128 bits.
void SkipWords(RandomState& state, uint64_t steps) {
  PhiloxWords& c = state.counter;
  uint64_t low = uint64_t{c[1]} << 32 | c[0];
  low += steps;
  c[0] = static_cast<uint32_t>(low);
  c[1] = static_cast<uint32_t>(low >> 32);
  if (low < steps && ++c[2] == 0) ++c[3];
}

void NormalPair(uint32_t a, uint32_t b, float* out) {
  constexpr float kLeast = 1.0e-7f;  // The logarithm of zero has no value.
  const float u = std::max(UnitFloat(a), kLeast);
  const auto angle = static_cast<float>(2.0 * std::numbers::pi * static_cast<double>(UnitFloat(b)));
  const float radius = std::sqrt(-2.0f * std::log(u));
  out[0] = std::sin(angle) * radius;
  out[1] = std::cos(angle) * radius;
}

Status CheckRandom(const OpView& op) {
  if (op.in(0)->shape.rank() != 1) return op.Fail(Code::kInvalidModel, "the shape is a vector, found %s", op.in(0)->shape.text().c_str());
  if (op.in(0)->shape[0] > kMaxRank) return op.Fail(Code::kUnsupported, "a shape of %d dimensions", op.in(0)->shape[0]);
  return {};
}

Status InferRandom(const OpView& op, std::span<OutputType> out) {
  IntList shape;
  out[0].dtype = DType::kF32;
  out[0].dynamic = !ReadInts(op, 0, &shape);
  if (out[0].dynamic) return {};
  for (int64_t d : shape.span()) {
    if (!FitsDimension(d)) return op.Fail(Code::kInvalidArgument, "a dimension of %lld", static_cast<long long>(d));
    out[0].shape.push_back(static_cast<int32_t>(d));
  }
  return {};
}

Status PrepareRandom(Prepare& p, void (*pair)(uint32_t, uint32_t, float*)) {
  auto* params = p.Params<Params>();
  OCTET_ASSIGN(RandomState* const state, GeneratorOf(p));
  *params = {state, pair, p.op.out(0)->shape.elements()};
  p.SetRun(RunRandom, params);
  return {};
}

}  // namespace octet::ops
