// SPDX-License-Identifier: Apache-2.0
// What TensorFlow's stateless random operators share: their numbers are a function of a key and a counter (philox_util.h), whose
// words are the low and high halves of uint64s. Operands: shape, key [1], counter [2], algorithm, and an operator's own.
#pragma once
#include <algorithm>

#include "ops/import.h"
#include "ops/philox_util.h"

namespace octet::ops {

inline constexpr Operand kStatelessInputs[] = {{.name = "shape", .type = 'S', .role = Role::kShape}, {.name = "key", .type = 'K'},
                                               {.name = "counter", .type = 'K'}, {.name = "alg", .type = 'A', .role = Role::kShape}};
inline constexpr Operand kStatelessOutput[] = {{.name = "output"}};

Status CheckStateless(const OpView& op);
Status InferStateless(const OpView& op, std::span<OutputType> out);

// Where this run begins. An error where another algorithm is asked for.
Result<RandomState> BeginStateless(const Run& run);

struct StatelessParams {
  int64_t count;
};

// Prepares a kernel that draws float32 in groups of four: F makes them of four words.
template <void (*F)(const PhiloxWords&, float*)> Status PrepareStateless(Prepare& p) {
  auto* params = p.Params<StatelessParams>();
  *params = {p.op.out(0)->shape.elements()};
  p.SetRun(
      [](const void* q, const Run& run) -> Status {
        const int64_t count = static_cast<const StatelessParams*>(q)->count;
        OCTET_ASSIGN(RandomState state, BeginStateless(run));
        for (int64_t i = 0; i < count; i += 4) {
          float numbers[4];
          F(NextWords(state), numbers);
          std::copy_n(numbers, std::min<int64_t>(4, count - i), run.output<float>(0) + i);
        }
        return {};
      },
      params);
  return {};
}

// Whole numbers: T's bits, of one word or two.
template <class T> T WholeNumber(const PhiloxWords& words, int64_t i) {
  if constexpr (sizeof(T) == 4) return static_cast<T>(words[static_cast<size_t>(i % 4)]);
  else return static_cast<T>(uint64_t{words[static_cast<size_t>(i % 2) * 2 + 1]} << 32 | words[static_cast<size_t>(i % 2) * 2]);
}
// Calls use(i, bits) for i below `count`.
template <class T, class F> void ForWholeNumbers(RandomState state, int64_t count, const F& use) {
  constexpr int64_t kPerStep = 16 / sizeof(T);
  PhiloxWords words{};
  for (int64_t i = 0; i < count; ++i) {
    if (i % kPerStep == 0) words = NextWords(state);
    use(i, WholeNumber<T>(words, i));
  }
}

}  // namespace octet::ops
