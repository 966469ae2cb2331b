// SPDX-License-Identifier: Apache-2.0
// StableHLO rng bit generator: random words from a state of 64-bit numbers [key, counter, counter's upper half], and
// the state to go on with.
#include <algorithm>
#include <cstring>

#include "ops/import.h"
#include "ops/philox_util.h"

namespace octet::ops::stablehlo_rng_bit_generator {
namespace {

enum Algorithm : int8_t { kDefault = 0, kPhilox = 1, kThreefry = 2 };
struct Attrs {
  int8_t algorithm = kDefault;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::algorithm>("algorithm", 0)};
constexpr Operand kInputs[] = {{.name = "state", .type = 'S'}};
constexpr Operand kOutputs[] = {{.name = "state", .type = 'S'}, {.name = "output", .type = 'T'}};
constexpr TypeRow kTypes[] = {{"S=u64 T=i32|i64|u32|u64"}};

Status Check(const OpView& op) {
  const int8_t algorithm = op.attrs<Attrs>().algorithm;
  const Shape& state = op.in(0)->shape;
  if (algorithm < kDefault || algorithm > kThreefry) return op.Fail(Code::kUnsupported, "there is no random algorithm %d", algorithm);
  const bool fits = state.rank() == 1 && (state[0] == 2 || (state[0] == 3 && algorithm != kThreefry));
  return fits ? Status() : op.Fail(Code::kInvalidModel, "a state of shape %s", state.text().c_str());
}

// The output's shape is declared: nothing else tells it.
Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0] = {DType::kU64, op.in(0)->shape};
  if (!op.out(1)) return op.Fail(Code::kInvalidModel, "its output has no declared shape");
  out[1] = {op.out(1)->dtype, op.out(1)->shape};
  return {};
}

// Threefry 2x32 with 20 rounds (Salmon et al. 2011).
std::array<uint32_t, 2> Threefry(std::array<uint32_t, 2> key, std::array<uint32_t, 2> x) {
  constexpr int kRotation[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const uint32_t keys[3] = {key[0], key[1], 0x1BD11BDAu ^ key[0] ^ key[1]};
  x[0] += keys[0];
  x[1] += keys[1];
  for (uint32_t four = 0; four < 5; ++four) {
    for (int r : kRotation[four % 2]) {
      x[0] += x[1];
      x[1] = std::rotl(x[1], r) ^ x[0];
    }
    x[0] += keys[(four + 1) % 3];
    x[1] += keys[(four + 2) % 3] + four + 1;
  }
  return x;
}

struct Params {
  bool threefry;
  size_t state_words, words;
};

Status Generate(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  uint32_t s[6] = {};
  std::memcpy(s, run.in[0], p.state_words * 4);
  const std::array<uint32_t, 2> key = {s[0], s[1]};
  PhiloxWords counter = {s[2], s[3], s[p.state_words == 6 ? 4 : 0], s[p.state_words == 6 ? 5 : 1]};
  const size_t step = p.threefry ? 2 : 4;
  for (size_t i = 0; i < p.words; i += step) {
    PhiloxWords words{};
    if (p.threefry) {
      const auto two = Threefry(key, {counter[0], counter[1]});
      words = {two[0], two[1], 0, 0};
    } else {
      words = Philox4x32(key, counter);
    }
    std::memcpy(run.out[1] + 4 * i, words.data(), 4 * std::min(step, p.words - i));
    if (++counter[0] == 0) ++counter[1];
  }
  s[2] = counter[0];
  s[3] = counter[1];
  std::memcpy(run.out[0], s, p.state_words * 4);
  return {};
}

Status PrepareReference(Prepare& p) {
  const TensorType& out = *p.op.out(1);
  auto* params = p.Params<Params>();
  *params = {p.op.attrs<Attrs>().algorithm == kThreefry, static_cast<size_t>(p.op.in(0)->shape[0]) * 2,
             static_cast<size_t>(out.shape.elements() * BitsOf(out.dtype) / 32)};
  p.SetRun(Generate, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "stablehlo_rng_bit_generator", .code = BuiltinCode::kStablehloRngBitGenerator,
    .attrs = Layout<Attrs>(OptionsTable::kStablehloRngBitGenerator, kRows),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::stablehlo_rng_bit_generator
