// SPDX-License-Identifier: Apache-2.0
// GatherNd: the last axis of `indices` names the leading coordinates of the slices to collect. Indices
// are data: they are checked when it runs.
#include <cstring>

#include "ops/import.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::gather_nd {
namespace {

constexpr Operand kInputs[] = {{.name = "params"}, {.name = "indices", .type = 'I', .role = Role::kIndex}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|f16|bf16|i8|u8|i32|i64 I=i32|i64"},
                              {"T=str I=i32|i64", 2},
                              {"T=i16 I=i32|i64", 3},
                              {"T=f32|f16|bf16|i8|u8|i16|i32|i64|str I=i16", 4},
                              {"T=bool I=i16|i32|i64", 5}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone}};

Status Check(const OpView& op) {
  const Shape &in = op.in(0)->shape, &index = op.in(1)->shape;
  if (in.rank() < 1 || index.rank() < 1)
    return op.Fail(Code::kInvalidModel, "expected params and indices of one dimension or more, found %s and %s",
                   in.text().c_str(), index.text().c_str());
  const int32_t depth = index.back();
  if (depth == kUnknown)
    return op.Fail(Code::kUnsupported, "the last dimension of indices %s must be known; give the model a fixed shape", index.text().c_str());
  if (depth > in.rank())
    return op.Fail(Code::kInvalidModel, "indices %s name more coordinates than %s has", index.text().c_str(),
                   in.text().c_str());
  if (index.rank() - 1 + in.rank() - depth > kMaxRank)
    return op.Fail(Code::kUnsupported, "the output's rank is above %d", kMaxRank);
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape &in = op.in(0)->shape, &index = op.in(1)->shape;
  for (int i = 0; i + 1 < index.rank(); ++i) out[0].shape.push_back(index[i]);
  for (int i = index.back(); i < in.rank(); ++i) out[0].shape.push_back(in[i]);
  return {};
}

struct Params {
  int64_t count, bytes;
  int depth;
  std::array<int64_t, kMaxRank> size, step;  // Of the named axes; steps in slices.
};

template <class I> Status Gather(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const I* index = run.input<I>(1);
  for (int64_t i = 0; i < p.count; ++i, index += p.depth) {
    int64_t at = 0;
    for (int d = 0; d < p.depth; ++d) {
      if (index[d] < 0 || index[d] >= p.size[d])
        return Error(Code::kInvalidArgument, "gather_nd: index %lld is outside [0, %lld)",
                     static_cast<long long>(index[d]), static_cast<long long>(p.size[d]));
      at += index[d] * p.step[d];
    }
    if (p.bytes > 0) std::memcpy(run.out[0] + i * p.bytes, run.in[0] + at * p.bytes, static_cast<size_t>(p.bytes));
  }
  return {};
}

Status PrepareGather(Prepare& p) {
  const Shape &in = p.op.in(0)->shape, &index = p.op.in(1)->shape;
  auto* params = p.Params<Params>();
  params->depth = index.back();
  params->count = index.elements(0, index.rank() - 1);
  params->bytes = in.elements(params->depth, in.rank()) * BytesOf(p.op.in(0)->dtype);
  for (int d = 0; d < params->depth; ++d) {
    params->size[d] = in[d];
    params->step[d] = in.elements(d + 1, params->depth);
  }
  const DType type = p.op.in(1)->dtype;
  p.SetRun(type == DType::kI16 ? Gather<int16_t> : type == DType::kI32 ? Gather<int32_t> : Gather<int64_t>, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareGather}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "gather_nd",
    .code = BuiltinCode::kGatherNd,
    .attrs = Layout<NoAttrs>(OptionsTable::kGatherNd, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kMovesBytes,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::gather_nd
