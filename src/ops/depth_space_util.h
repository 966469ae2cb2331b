// SPDX-License-Identifier: Apache-2.0
// space_to_depth and depth_to_space: the same copy in two directions.
#pragma once
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops {

struct BlockAttrs {
  int32_t block_size = 0;
};
inline constexpr AttrRow kBlockRows[] = {Attr<&BlockAttrs::block_size>("block_size", 0)};
inline constexpr Operand kBlockInputs[] = {{.name = "input"}};
inline constexpr Operand kBlockOutputs[] = {{.name = "output"}};
inline constexpr QuantRow kBlockQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0}};

// Rank and block size.
inline Status CheckBlock(const OpView& op) {
  const int32_t block = op.attrs<BlockAttrs>().block_size;
  if (op.in(0)->shape.rank() != 4)
    return op.Fail(Code::kInvalidModel, "expected [batch, height, width, channels], found %s",
                   op.in(0)->shape.text().c_str());
  if (block < 1 || block > (1 << 15))
    return op.Fail(Code::kInvalidModel, "block_size %d is not in [1, 32768]", block);
  return {};
}

// `wide` is the image, `deep` the one with the blocks in its channels.
inline Status SetBlockCopy(Prepare& p, const Shape& wide, const Shape& deep, bool to_deep) {
  const int64_t block = p.op.attrs<BlockAttrs>().block_size;
  const int64_t bytes = BytesOf(p.op.in(0)->dtype);
  const auto w = Strides(wide), d = Strides(deep);
  StridedCopy copy;
  const auto add = [&](int64_t size, int64_t in_wide, int64_t in_deep) {
    copy.Add(size, (to_deep ? in_wide : in_deep) * bytes, (to_deep ? in_deep : in_wide) * bytes);
  };
  add(wide[0], w[0], d[0]);
  add(deep[1], w[1] * block, d[1]);
  add(block, w[1], block * wide[3]);
  add(deep[2], w[2] * block, d[2]);
  add(block, w[2], wide[3]);
  add(wide[3], 1, 1);
  copy.Finish(bytes);
  return SetCopy(p, copy, 0);
}

}  // namespace octet::ops
