// SPDX-License-Identifier: Apache-2.0
// SpaceToDepth: blocks of block_size x block_size pixels become the channels of one pixel, row by row.
#include "ops/depth_space_util.h"
#include "ops/import.h"

namespace octet::ops::space_to_depth {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8|i32|i64"}, {"T=i8", 2}};

Status Check(const OpView& op) {
  OCTET_TRY(CheckBlock(op));
  const Shape& in = op.in(0)->shape;
  const int32_t block = op.attrs<BlockAttrs>().block_size;
  if ((in[1] != kUnknown && in[1] % block != 0) || (in[2] != kUnknown && in[2] % block != 0))
    return op.Fail(Code::kInvalidModel, "%s does not divide into blocks of %d", in.text().c_str(), block);
  if (in[3] != kUnknown && !FitsDimension(int64_t{in[3]} * block * block))
    return op.Fail(Code::kInvalidModel, "too many channels");
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  const int32_t block = op.attrs<BlockAttrs>().block_size;
  const auto less = [block](int32_t d) { return d == kUnknown ? kUnknown : d / block; };
  out[0].shape = {in[0], less(in[1]), less(in[2]), in[3] == kUnknown ? kUnknown : in[3] * block * block};
  return {};
}

Status PrepareBlocks(Prepare& p) { return SetBlockCopy(p, p.op.in(0)->shape, p.op.out(0)->shape, true); }

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareBlocks}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "space_to_depth",
    .code = BuiltinCode::kSpaceToDepth,
    .attrs = Layout<BlockAttrs>(OptionsTable::kSpaceToDepth, kBlockRows),
    .inputs = kBlockInputs,
    .outputs = kBlockOutputs,
    .types = kTypes,
    .quantization = kBlockQuant,
    .traits = kMovesBytes,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::space_to_depth
