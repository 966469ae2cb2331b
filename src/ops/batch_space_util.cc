// SPDX-License-Identifier: Apache-2.0
#include "ops/batch_space_util.h"

#include <cstring>

namespace octet::ops {
namespace {

struct Params {
  BlockShape blocks;
  bool to_batch;
  int64_t batches;                        // Of the spatial side.
  std::array<int64_t, kMaxRank> spatial;  // Sizes of the blocked axes on either side.
  std::array<int64_t, kMaxRank> batched;
  std::array<int64_t, kMaxRank> spatial_step;  // Bytes.
  std::array<int64_t, kMaxRank> batched_step;
  int64_t spatial_image, batched_image;  // Bytes of one batch entry.
  int64_t inner;                         // Bytes behind the blocked axes.
  int64_t elements, element_bytes;       // Of the output.
  std::array<std::byte, 8> zero;
};

int64_t CeilDivide(int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

// All pixels whose position within their block is `shift`.
StridedCopy OneShift(const Params& p, int64_t index, const std::array<int64_t, kMaxRank>& shift) {
  StridedCopy copy;
  int64_t in_spatial = 0, in_batched = index * p.batches * p.batched_image;
  const auto add = [&](int64_t size, int64_t spatial, int64_t batched) {
    copy.Add(size, p.to_batch ? spatial : batched, p.to_batch ? batched : spatial);
  };
  add(p.batches, p.spatial_image, p.batched_image);
  for (int i = 0; i < p.blocks.axes; ++i) {
    const int64_t block = p.blocks.block[i], lead = shift[i] - p.blocks.before[i];
    const int64_t first = std::max<int64_t>(CeilDivide(-lead, block), 0);
    const int64_t end = std::min(CeilDivide(p.spatial[i] - lead, block), p.batched[i]);
    add(std::max<int64_t>(end - first, 0), block * p.spatial_step[i], p.batched_step[i]);
    in_spatial += (first * block + lead) * p.spatial_step[i];
    in_batched += first * p.batched_step[i];
  }
  add(p.inner, 1, 1);
  copy.src_offset = p.to_batch ? in_spatial : in_batched;
  copy.dst_offset = p.to_batch ? in_batched : in_spatial;
  copy.Finish(1);
  return copy;
}

Status Move(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  if (p.elements == 0) return {};
  if (p.to_batch) FillElements(run.out[0], p.elements, p.zero.data(), p.element_bytes);
  std::array<int64_t, kMaxRank> shift{};
  for (int64_t index = 0; index < p.blocks.product; ++index) {
    const StridedCopy copy = OneShift(p, index, shift);
    if (copy.rank != 1 || copy.axis[0].size != 0) Copy(copy, run.in[0], run.out[0]);
    for (int i = p.blocks.axes - 1; i >= 0 && ++shift[i] == p.blocks.block[i]; --i) shift[i] = 0;
  }
  return {};
}

}  // namespace

bool ReadBlockShape(const OpView& op, BlockShape* blocks) {
  IntList block, borders;
  if (!ReadInts(op, 1, &block) || !ReadInts(op, 2, &borders)) return false;
  blocks->axes = static_cast<int>(std::min<int64_t>(block.count, kMaxRank));
  for (int i = 0; i < blocks->axes; ++i) {
    blocks->block[i] = block.v[i];
    blocks->before[i] = borders.v[2 * i];
    blocks->after[i] = borders.v[2 * i + 1];
    if (__builtin_mul_overflow(blocks->product, block.v[i], &blocks->product)) blocks->product = INT64_MAX;
  }
  return true;
}

Status CheckBlockShape(const OpView& op) {
  const Shape& in = op.in(0)->shape;
  const Shape &block = op.in(1)->shape, &borders = op.in(2)->shape;
  if (block.rank() != 1 || borders.rank() != 2 || !block.known() || !borders.known() || borders[0] != block[0] ||
      borders[1] != 2 || block[0] + 1 > in.rank())
    return op.Fail(Code::kInvalidModel, "block_shape %s and borders %s do not fit %s", block.text().c_str(),
                   borders.text().c_str(), in.text().c_str());
  BlockShape blocks;
  if (!ReadBlockShape(op, &blocks)) return {};
  bool sane = blocks.product <= INT32_MAX;
  for (int i = 0; i < blocks.axes; ++i)
    sane &= blocks.block[i] >= 1 && FitsDimension(blocks.before[i]) && FitsDimension(blocks.after[i]);
  if (!sane)
    return op.Fail(Code::kInvalidModel, "expected block sizes of at least 1 whose product fits 32 bits, and borders of at least 0: one of axis 1 to %d is not",
                   blocks.axes);
  return {};
}

int VersionOfBatchSpace(const OpView& op) { return std::max(RowVersion(op), op.in(0)->shape.rank() != 4 ? 3 : 1); }

Status PrepareBatchSpace(Prepare& p, bool to_batch) {
  const Shape &in = p.op.in(0)->shape, &out = p.op.out(0)->shape;
  const Shape &spatial = to_batch ? in : out, &batched = to_batch ? out : in;
  const int64_t bytes = BytesOf(p.op.in(0)->dtype);
  const auto s = Strides(spatial), b = Strides(batched);
  auto* params = p.Params<Params>();
  ReadBlockShape(p.op, &params->blocks);
  params->to_batch = to_batch;
  params->batches = spatial[0];
  for (int i = 0; i < params->blocks.axes; ++i) {
    params->spatial[i] = spatial[i + 1];
    params->batched[i] = batched[i + 1];
    params->spatial_step[i] = s[i + 1] * bytes;
    params->batched_step[i] = b[i + 1] * bytes;
  }
  params->spatial_image = s[0] * bytes;
  params->batched_image = b[0] * bytes;
  params->inner = spatial.elements(params->blocks.axes + 1, spatial.rank()) * bytes;
  params->elements = out.elements();
  params->element_bytes = bytes;
  const int32_t zero = p.op.out(0)->quant.zero0();  // Little endian: its low bytes are the element.
  if (!IsFloat(p.op.out(0)->dtype))
    std::memcpy(params->zero.data(), &zero, std::min<size_t>(sizeof zero, static_cast<size_t>(bytes)));
  p.SetRun(Move, params);
  return {};
}

}  // namespace octet::ops
