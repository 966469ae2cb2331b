// SPDX-License-Identifier: Apache-2.0
// space_to_batch_nd and batch_to_space_nd: pixels at distance block[i] of each other share an image of
// the longer batch. spatial[b, p·block + s - before] <-> batched[s·batches + b, p].
#pragma once
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops {

inline constexpr Operand kBatchSpaceInputs[] = {{.name = "input"},
                                                {.name = "block_shape", .type = 'B', .role = Role::kShape},
                                                {.name = "borders", .type = 'B', .role = Role::kShape}};
inline constexpr Operand kBatchSpaceOutputs[] = {{.name = "output"}};
inline constexpr TypeRow kBatchSpaceTypes[] = {
    {"T=f32|u8|i32|i64|bool B=i32"}, {"T=i8 B=i32", 2}, {"T=i16 B=i32", 4}};
inline constexpr QuantRow kBatchSpaceQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                                                {.operand = 1, .kind = QuantKind::kNone},
                                                {.operand = 2, .kind = QuantKind::kNone}};

// Operands 1 and 2: block sizes, and [before, after] paddings or crops per blocked axis.
struct BlockShape {
  int axes = 0;
  int64_t product = 1;
  std::array<int64_t, kMaxRank> block{}, before{}, after{};
};
// False when they are not known yet; also checks nothing.
bool ReadBlockShape(const OpView& op, BlockShape* blocks);
Status CheckBlockShape(const OpView& op);
int VersionOfBatchSpace(const OpView& op);

// Moves input to output; to_batch: the input is the spatial side, and what no pixel reaches becomes `zero`.
Status PrepareBatchSpace(Prepare& p, bool to_batch);

}  // namespace octet::ops
