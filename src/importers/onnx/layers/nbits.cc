// SPDX-License-Identifier: Apache-2.0
// Matrix products with weights of few bits (com.microsoft), as language models come: constants become floats here, and go
// back to four bits in blocks where the file is written so (--scheme dynamic).
#include "importers/onnx/context.h"
#include "importers/onnx/rules.h"

namespace octet::importers::onnx {
namespace {

// Number i of `bits` bits each, packed from the low end of every byte.
int Unpacked(std::span<const uint8_t> bytes, size_t i, int bits) {
  const size_t per_byte = static_cast<size_t>(8 / bits);
  return bytes[i / per_byte] >> (static_cast<int>(i % per_byte) * bits) & ((1 << bits) - 1);
}

// x * W' with W [N, K] in blocks along K: input 1 uint8 [N, blocks, bytes of a block], 2 scales [N, blocks], 3 zero points (packed
// by rows, or floats; else the middle), 5 bias.
Status ConvertMatMulNBits(NodeContext& c) {
  const int64_t k = c.Int("K", 0), n = c.Int("N", 0), size = c.Int("block_size", 0), bits = c.Int("bits", 4);
  if (k < 1 || n < 1 || k > (1 << 24) || n > (1 << 24) || k * n > (int64_t{1} << 31) || size < 1 || size > (1 << 16) || (bits != 2 && bits != 4 && bits != 8))
    return c.Fail("K, N, block_size and 2, 4 or 8 bits", std::to_string(bits), "check the model");
  if (c.Input(4)) return c.Fail("blocks in the order of the weights", "a group index", "export without act_order");
  const auto blocks = static_cast<size_t>((k + size - 1) / size), block_bytes = static_cast<size_t>(size * bits + 7) / 8, rows = static_cast<size_t>(n);
  const std::span<const uint8_t> packed = c.is_constant(c.Input(1)) ? c.data_as<uint8_t>(c.Input(1)) : std::span<const uint8_t>();
  const std::vector<float> scale = c.FloatsOf(c.Input(2));
  if (c.type(c.Input(1)).dtype != DType::kU8 || packed.size() != rows * blocks * block_bytes || scale.size() != rows * blocks)
    return c.Fail("constant weights and a scale per block", Format("%zu bytes, %zu scales", packed.size(), scale.size()), "check the model");
  std::vector<float> zero(rows * blocks, static_cast<float>(1 << (bits - 1)));
  if (c.Input(3)) {
    const size_t row_bytes = (blocks * static_cast<size_t>(bits) + 7) / 8;
    const bool whole = c.type(c.Input(3)).dtype == DType::kU8;
    const std::vector<float> given = c.FloatsOf(c.Input(3));
    if (given.size() != rows * (whole ? row_bytes : blocks)) return c.Fail("a constant zero point per block", Format("%zu", given.size()), "check the model");
    for (size_t i = 0; i < zero.size(); ++i)
      zero[i] =
          whole ? static_cast<float>(Unpacked(c.data_as<uint8_t>(c.Input(3)).subspan(i / blocks * row_bytes, row_bytes), i % blocks, static_cast<int>(bits)))
                : given[i];
  }
  std::vector<float> w;
  w.reserve(rows * static_cast<size_t>(k));
  for (size_t row = 0; row < rows; ++row)
    for (size_t i = 0; i < static_cast<size_t>(k); ++i) {
      const size_t block = row * blocks + i / static_cast<size_t>(size);
      const int q = Unpacked(packed.subspan(block * block_bytes, block_bytes), i % static_cast<size_t>(size), static_cast<int>(bits));
      w.push_back((static_cast<float>(q) - zero[block]) * scale[block]);
    }
  const Value weights = c.Constant<float>(Shape{static_cast<int32_t>(n), static_cast<int32_t>(k)}, w);
  Value bias = c.Input(5);
  if (!bias) bias = c.Constant<float>(Shape{static_cast<int32_t>(n)}, std::vector<float>(rows, 0.0f));
  OCTET_ASSIGN(const Value y, c.Make("fully_connected", {c.Input(0), weights, bias}, {{"keep_num_dims", c.rank(c.Input(0)) > 2}}));
  c.SetOutput(0, y);
  return {};
}

constexpr NodeRule kRules[] = {{"com.microsoft.MatMulNBits", 0, ConvertMatMulNBits}};

}  // namespace

const std::span<const NodeRule> kNBitsRules = kRules;

}  // namespace octet::importers::onnx
