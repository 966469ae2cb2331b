// SPDX-License-Identifier: Apache-2.0
// SpaceToBatchNd: pads the axes behind the batch, then spreads each over block_shape[i] images.
#include "ops/batch_space_util.h"
#include "ops/import.h"

namespace octet::ops::space_to_batch_nd {
namespace {

Status Check(const OpView& op) {
  OCTET_TRY(CheckBlockShape(op));
  const Shape& in = op.in(0)->shape;
  BlockShape blocks;
  if (!ReadBlockShape(op, &blocks)) return {};
  for (int i = 0; i < blocks.axes; ++i) {
    const int64_t size = in[i + 1] + blocks.before[i] + blocks.after[i];
    if (in[i + 1] != kUnknown && (size % blocks.block[i] != 0 || size > INT32_MAX))
      return op.Fail(Code::kInvalidModel, "padded dimension %d of %s does not divide by %lld", i + 1,
                     in.text().c_str(), static_cast<long long>(blocks.block[i]));
  }
  if (in[0] != kUnknown && !FitsDimension(in[0] * blocks.product))
    return op.Fail(Code::kInvalidModel, "the batch becomes too large");
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  BlockShape blocks;
  out[0].dynamic = !ReadBlockShape(op, &blocks);
  if (out[0].dynamic) return {};
  Shape& shape = out[0].shape = op.in(0)->shape;
  if (shape[0] != kUnknown) shape[0] = static_cast<int32_t>(shape[0] * blocks.product);
  for (int i = 0; i < blocks.axes; ++i)
    if (shape[i + 1] != kUnknown)
      shape[i + 1] = static_cast<int32_t>((shape[i + 1] + blocks.before[i] + blocks.after[i]) / blocks.block[i]);
  return {};
}

Status PrepareMove(Prepare& p) { return PrepareBatchSpace(p, true); }

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareMove}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "space_to_batch_nd",
    .code = BuiltinCode::kSpaceToBatchNd,
    .attrs = Layout<NoAttrs>(OptionsTable::kSpaceToBatchND, {}),
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

}  // namespace octet::ops::space_to_batch_nd
