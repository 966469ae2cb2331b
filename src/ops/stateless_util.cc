// SPDX-License-Identifier: Apache-2.0
#include "ops/stateless_util.h"

#include "ops/operand_util.h"
#include "ops/text_util.h"

namespace octet::ops {

Status CheckStateless(const OpView& op) {
  OCTET_TRY(CheckNode(op));
  OCTET_TRY(CheckRandom(op));
  for (int i = 1; i <= 2; ++i) {
    const Shape& shape = op.in(i)->shape;
    if (shape.rank() != 1 || (shape[0] != kUnknown && shape[0] != i))
      return op.Fail(Code::kInvalidModel, "expected a key of 1 and a counter of 2, found %s", shape.text().c_str());
  }
  return CheckScalar(op, 3, "algorithm");
}

Status InferStateless(const OpView& op, std::span<OutputType> out) {
  OCTET_TRY(InferRandom(op, out));
  if (op.out(0)) out[0].dtype = op.out(0)->dtype;
  return {};
}

Result<RandomState> BeginStateless(const Run& run) {
  constexpr int32_t kPhilox = 1, kAny = 3;  // ThreeFry, 2, is not what TensorFlow has for CPUs.
  const int32_t algorithm = run.input<int32_t>(3)[0];
  if (algorithm != kPhilox && algorithm != kAny) return Error(Code::kUnsupported, "stateless random numbers: algorithm %d; expected 1, Philox", algorithm);
  const uint64_t key = run.input<uint64_t>(1)[0], *counter = run.input<uint64_t>(2);
  RandomState state{.seeded = true};
  state.key = {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
  for (size_t i = 0; i < 2; ++i) {
    state.counter[2 * i] = static_cast<uint32_t>(counter[i]);
    state.counter[2 * i + 1] = static_cast<uint32_t>(counter[i] >> 32);
  }
  return state;
}

}  // namespace octet::ops
