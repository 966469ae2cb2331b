// SPDX-License-Identifier: Apache-2.0
// Gather: out[batch, outer, i, inner] = in[batch, outer, index[batch, i], inner] along `axis`; the first
// batch_dims dimensions of both inputs run together. Indices are data: they are checked when it runs.
#include <cstring>

#include "base/thread_pool.h"
#include "ops/import.h"
#include "ops/move_attrs.h"
#include "ops/operand_util.h"

namespace octet::ops::gather {
namespace {

using Attrs = GatherAttrs;
constexpr AttrRow kRows[] = {Attr<&Attrs::axis>("axis", 0), Attr<&Attrs::batch_dims>("batch_dims", 1)};

constexpr Operand kInputs[] = {{.name = "params"}, {.name = "indices", .type = 'I', .role = Role::kIndex}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|f16|bf16|u8|i32|i64|str I=i32|i64"},
                              {"T=i8 I=i32|i64", 2},
                              {"T=bool I=i32|i64", 3},
                              {"T=i16 I=i32|i64", 4},
                              {"T=f32|f16|bf16|i8|u8|i16|i32|i64|bool|str I=i16", 6},
                              {"T=i4 I=i32|i64", 7}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone}};

struct Axes {
  int axis, batch;
};
Axes Normalized(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  return {a.axis < 0 ? a.axis + op.in(0)->shape.rank() : a.axis,
          a.batch_dims < 0 ? a.batch_dims + op.in(1)->shape.rank() : a.batch_dims};
}

Status Check(const OpView& op) {
  const Shape& in = op.in(0)->shape;
  const Shape& index = op.in(1)->shape;
  const auto [axis, batch] = Normalized(op);
  if (axis < 0 || axis >= in.rank())
    return op.Fail(Code::kInvalidModel, "axis %d is outside %s", op.attrs<Attrs>().axis, in.text().c_str());
  if (batch < 0 || batch > index.rank() || batch > axis)
    return op.Fail(Code::kInvalidModel, "batch_dims %d does not fit axis %d and indices %s",
                   op.attrs<Attrs>().batch_dims, axis, index.text().c_str());
  for (int i = 0; i < batch; ++i)
    if (in[i] != index[i] && in[i] != kUnknown && index[i] != kUnknown)
      return op.Fail(Code::kInvalidModel, "batch dimension %d of %s and %s differ", i, in.text().c_str(),
                     index.text().c_str());
  const int rank = in.rank() - 1 + index.rank() - batch;
  if (rank > kMaxRank) return op.Fail(Code::kUnsupported, "rank %d is above %d", rank, kMaxRank);
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  const Shape& index = op.in(1)->shape;
  const auto [axis, batch] = Normalized(op);
  for (int i = 0; i < axis; ++i) out[0].shape.push_back(in[i]);
  for (int i = batch; i < index.rank(); ++i) out[0].shape.push_back(index[i]);
  for (int i = axis + 1; i < in.rank(); ++i) out[0].shape.push_back(in[i]);
  return {};
}

int Version(const OpView& op) { return std::max(RowVersion(op), op.attrs<Attrs>().batch_dims != 0 ? 5 : 1); }

struct Params {
  int64_t batches, outer, length, indices, bytes;  // bytes: of one gathered slice.
};

template <class I> Status Gather(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const I* index = run.input<I>(1);
  for (int64_t i = 0; i < p.batches * p.indices; ++i) {
    if (index[i] < 0 || index[i] >= p.length)
      return Error(Code::kInvalidArgument, "gather: index %lld is outside [0, %lld)",
                   static_cast<long long>(index[i]), static_cast<long long>(p.length));
  }
  if (p.bytes == 0) return {};
  std::byte* to = run.out[0];
  for (int64_t b = 0; b < p.batches; ++b, index += p.indices) {
    for (int64_t o = 0; o < p.outer; ++o) {
      const std::byte* from = run.in[0] + (b * p.outer + o) * p.length * p.bytes;
      for (int64_t i = 0; i < p.indices; ++i, to += p.bytes)
        std::memcpy(to, from + index[i] * p.bytes, static_cast<size_t>(p.bytes));
    }
  }
  return {};
}

Status PrepareGather(Prepare& p) {
  const Shape& in = p.op.in(0)->shape;
  const Shape& index = p.op.in(1)->shape;
  const auto [axis, batch] = Normalized(p.op);
  auto* params = p.Params<Params>();
  const int64_t bits = in.elements(axis + 1, in.rank()) * BitsOf(p.op.in(0)->dtype);
  if (bits % 8 != 0)
    return p.op.Fail(Code::kUnsupported, "slices of %lld bits do not fill bytes", static_cast<long long>(bits));
  *params = {in.elements(0, batch), in.elements(batch, axis), in[axis], index.elements(batch, index.rank()),
             bits / 8};
  const DType type = p.op.in(1)->dtype;
  p.SetRun(type == DType::kI16 ? Gather<int16_t> : type == DType::kI32 ? Gather<int32_t> : Gather<int64_t>, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareGather}};

// Rows of the table; float ids are cast, as Keras does.
Status FromKerasEmbedding(ImportContext& c) {
  OCTET_ASSIGN(const Value table, c.Weight(0));
  Value ids = c.Input(0);
  const DType type = c.type(ids).dtype;
  if (type != DType::kI32 && type != DType::kI64 && type != DType::kI16) {
    OCTET_ASSIGN(ids, c.EmitAs("cast", std::span(&ids, 1), nullptr, {DType::kI32, c.shape(ids), {}}));
  }
  const Attrs attrs{.axis = 0};
  OCTET_ASSIGN(Value y, c.Emit("gather", {table, ids}, attrs));
  c.SetOutput(0, y);
  return {};
}

constexpr ImportRule kRules[] = {{Source::kKeras, "Embedding", 0, FromKerasEmbedding}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "gather",
    .code = BuiltinCode::kGather,
    .attrs = Layout<Attrs>(OptionsTable::kGather, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kMovesBytes,
    .check = Check,
    .infer = Infer,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::gather
