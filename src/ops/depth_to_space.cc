// SPDX-License-Identifier: Apache-2.0
// DepthToSpace: the channels of one pixel become a block of block_size x block_size pixels, row by row.
#include "ops/depth_space_util.h"
#include "ops/import.h"

namespace octet::ops::depth_to_space {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8|i32|i64"}, {"T=i8", 2}};

Status Check(const OpView& op) {
  OCTET_TRY(CheckBlock(op));
  const Shape& in = op.in(0)->shape;
  const int32_t block = op.attrs<BlockAttrs>().block_size;
  if (in[3] != kUnknown && in[3] % (int64_t{block} * block) != 0)
    return op.Fail(Code::kInvalidModel, "the channels of %s do not divide into blocks of %d", in.text().c_str(),
                   block);
  if (!FitsDimension(std::max({int64_t{in[1]}, int64_t{in[2]}, int64_t{0}}) * block))  // Unknown ones are below zero.
    return op.Fail(Code::kInvalidModel, "the image becomes too large");
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  const int32_t block = op.attrs<BlockAttrs>().block_size;
  const auto more = [block](int32_t d) { return d == kUnknown ? kUnknown : d * block; };
  const int64_t area = int64_t{block} * block;
  out[0].shape = {in[0], more(in[1]), more(in[2]),
                  in[3] == kUnknown ? kUnknown : static_cast<int32_t>(in[3] / area)};
  return {};
}

Status PrepareBlocks(Prepare& p) { return SetBlockCopy(p, p.op.out(0)->shape, p.op.in(0)->shape, false); }

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareBlocks}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "depth_to_space",
    .code = BuiltinCode::kDepthToSpace,
    .attrs = Layout<BlockAttrs>(OptionsTable::kDepthToSpace, kBlockRows),
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

}  // namespace octet::ops::depth_to_space
