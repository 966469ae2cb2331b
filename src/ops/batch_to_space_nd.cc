// SPDX-License-Identifier: Apache-2.0
// BatchToSpaceNd: weaves block_shape images of the batch into one along the axes behind it, then crops.
#include "ops/batch_space_util.h"
#include "ops/import.h"

namespace octet::ops::batch_to_space_nd {
namespace {

Status Check(const OpView& op) {
  OCTET_TRY(CheckBlockShape(op));
  const Shape& in = op.in(0)->shape;
  BlockShape blocks;
  if (!ReadBlockShape(op, &blocks)) return {};
  if (in[0] != kUnknown && in[0] % blocks.product != 0)
    return op.Fail(Code::kInvalidModel, "the batch of %s does not divide by %lld", in.text().c_str(),
                   static_cast<long long>(blocks.product));
  for (int i = 0; i < blocks.axes; ++i) {
    const int64_t size = in[i + 1] * blocks.block[i] - blocks.before[i] - blocks.after[i];
    if (in[i + 1] != kUnknown && !FitsDimension(size))
      return op.Fail(Code::kInvalidModel, "the crops leave %lld of dimension %d", static_cast<long long>(size),
                     i + 1);
  }
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  BlockShape blocks;
  out[0].dynamic = !ReadBlockShape(op, &blocks);
  if (out[0].dynamic) return {};
  Shape& shape = out[0].shape = op.in(0)->shape;
  if (shape[0] != kUnknown) shape[0] = static_cast<int32_t>(shape[0] / blocks.product);
  for (int i = 0; i < blocks.axes; ++i)
    if (shape[i + 1] != kUnknown)
      shape[i + 1] = static_cast<int32_t>(shape[i + 1] * blocks.block[i] - blocks.before[i] - blocks.after[i]);
  return {};
}

Status PrepareMove(Prepare& p) { return PrepareBatchSpace(p, false); }

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareMove}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "batch_to_space_nd",
    .code = BuiltinCode::kBatchToSpaceNd,
    .attrs = Layout<NoAttrs>(OptionsTable::kBatchToSpaceND, {}),
    .inputs = kBatchSpaceInputs,
    .outputs = kBatchSpaceOutputs,
    .types = kBatchSpaceTypes,
    .quantization = kBatchSpaceQuant,
    .traits = kMovesBytes | kHomogeneous | kKeepsChannels,
    .check = Check,
    .infer = Infer,
    .version = VersionOfBatchSpace,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::batch_to_space_nd
