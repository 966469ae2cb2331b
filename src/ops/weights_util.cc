// SPDX-License-Identifier: Apache-2.0
#include "ops/weights_util.h"

namespace octet::ops {
namespace {

struct UnpackContext {
  const std::byte* from;
  int bits;
  int64_t count;
};

void FillUnpacked(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const UnpackContext*>(context);
  UnpackBits(c.from, c.bits, c.count, reinterpret_cast<int8_t*>(packed));
}

}  // namespace

void UnpackBits(const std::byte* from, int bits, int64_t count, int8_t* to) {
  const int per_byte = 8 / bits;
  for (int64_t i = 0; i < count; ++i) {
    const auto byte = std::to_integer<uint8_t>(from[i / per_byte]);
    const auto high = static_cast<int8_t>(byte << (8 - bits - static_cast<int>(i % per_byte) * bits));
    to[i] = static_cast<int8_t>(high >> (8 - bits));
  }
}

const int8_t* ByteWeights::of(const Run& run) const {
  if (unpacked) return unpacked;
  if (bits == 8) return run.input<int8_t>(operand);
  auto* to = reinterpret_cast<int8_t*>(run.workspace + at);
  UnpackBits(run.in[operand], bits, count, to);
  return to;
}

Result<ByteWeights> PrepareByteWeights(Prepare& prepare, int operand, size_t* workspace) {
  const TensorType& w = *prepare.op.in(operand);
  ByteWeights weights{nullptr, operand, BitsOf(w.dtype), w.shape.elements(), 0};
  if (weights.bits == 8) return weights;
  const auto bytes = static_cast<size_t>(weights.count);
  if (prepare.op.has_const(operand)) {
    const UnpackContext context{prepare.op.constants[operand], weights.bits, weights.count};
    OCTET_ASSIGN(const std::byte* unpacked,
                 prepare.Pack(operand, "unpacked_s8", static_cast<uint64_t>(weights.bits), bytes, FillUnpacked, &context));
    weights.unpacked = reinterpret_cast<const int8_t*>(unpacked);
    return weights;
  }
  const size_t at = (*workspace + 63) / 64 * 64;
  weights.at = static_cast<int64_t>(at);
  *workspace = at + bytes;
  return weights;
}

}  // namespace octet::ops
