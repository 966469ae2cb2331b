// SPDX-License-Identifier: Apache-2.0
// EmbeddingLookup: rows of a table; quantized tables with a float result are scaled, per tensor, per row or
// per block of a row. Indices are data: they are checked when it runs.
#include <cstring>

#include "base/float16.h"
#include "ops/import.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::embedding_lookup {
namespace {

constexpr Operand kInputs[] = {{.name = "lookup", .type = 'L', .role = Role::kIndex},
                               {.name = "value", .type = 'V', .role = Role::kWeights}};
constexpr Operand kOutputs[] = {{.name = "output", .type = 'O'}};
constexpr TypeRow kTypes[] = {
    {"L=i32 V=f32 O=f32"},         {"L=i32 V=f16 O=f16"},          {"L=i32 V=i32 O=i32"},          {"L=i32 V=i64 O=i64"},
    {"L=i32 V=i16 O=i16"},         {"L=i32 V=bool O=bool"},        {"L=i32 V=u8 O=u8|f32|f16"},    {"L=i32 V=i8 O=i8|f32|f16", 2},
    {"L=i32 V=i4 O=f32|f16", 4},   {"L=i32 V=i2 O=f32|f16", 5}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 1},
                               {.operand = 0, .kind = QuantKind::kNone}};

bool Scales(const OpView& op) {
  return op.out(0) && op.out(0)->dtype != op.in(1)->dtype;
}

Status CheckBlocks(const OpView& op) {
  const TensorType& table = *op.in(1);
  const int64_t block = table.quant.block_size;
  if (BitsOf(table.dtype) < 8 && table.shape.rank() == 2 && table.shape[1] % block == 0 &&
      static_cast<int64_t>(table.quant.scale.size()) == table.shape.elements() / block)
    return {};
  return op.Fail(Code::kUnsupported, "blocks of %lld do not divide a table of %s with %zu scales", static_cast<long long>(block), table.shape.text().c_str(),
                 table.quant.scale.size());
}

Status Check(const OpView& op) {
  const TensorType& table = *op.in(1);
  const Shape& lookup = op.in(0)->shape;
  if (lookup.rank() != 1 || table.shape.rank() < 2)
    return op.Fail(Code::kInvalidModel, "expected a vector and a table, found %s and %s", lookup.text().c_str(),
                   table.shape.text().c_str());
  if (!Scales(op)) return {};
  const size_t n = table.quant.scale.size();
  if (table.quant.block_size > 0) return CheckBlocks(op);
  if (n != 1 && (table.quant.axis != 0 || static_cast<int64_t>(n) != table.shape[0]))
    return op.Fail(Code::kInvalidModel, "expected one scale or one per row, found %zu along axis %d", n,
                   table.quant.axis);
  for (int32_t z : table.quant.zero_point)
    if (z != 0) return op.Fail(Code::kUnsupported, "a quantized table needs zero points of 0, found %d", z);
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  if (!op.out(0)) out[0].dtype = op.in(1)->dtype;
  out[0].shape = op.in(1)->shape;
  out[0].shape[0] = op.in(0)->shape[0];
  return {};
}

struct Params {
  int64_t count, rows, row;  // row: elements.
  int bits;
  const float* scale;  // One, or one per `per_scale` elements.
  int64_t per_scale;
};

Status Bound(const Params& p, int32_t index) {
  if (index >= 0 && index < p.rows) return {};
  return Error(Code::kInvalidArgument, "embedding_lookup: index %d is outside [0, %lld)", index,
               static_cast<long long>(p.rows));
}

Status CopyRows(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const auto bytes = static_cast<size_t>(p.row * p.bits / 8);
  for (int64_t i = 0; i < p.count; ++i) {
    const int32_t index = run.input<int32_t>(0)[i];
    OCTET_TRY(Bound(p, index));
    if (bytes > 0)
      std::memcpy(run.out[0] + static_cast<size_t>(i) * bytes, run.in[1] + static_cast<size_t>(index) * bytes,
                  bytes);
  }
  return {};
}

// Element i of a table whose elements have 8, 4 or 2 bits, the first in the lowest bits, signed. uint8 holds
// the same signed bytes: an old spelling of the format.
int32_t Element(const std::byte* table, int64_t i, int bits) {
  const auto byte = std::to_integer<int32_t>(table[i * bits / 8]);
  const int shift = static_cast<int>(i * bits % 8);
  return static_cast<int32_t>(static_cast<uint32_t>(byte) << (32 - bits - shift)) >> (32 - bits);
}

void Store(float value, float* to) { *to = value; }
void Store(float value, uint16_t* to) { *to = F32ToF16(value); }

template <class O> Status ScaleRows(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  O* out = run.output<O>(0);
  const int64_t per_byte = 8 / p.bits;
  for (int64_t i = 0; i < p.count; ++i) {
    const int32_t index = run.input<int32_t>(0)[i];
    OCTET_TRY(Bound(p, index));
    const int64_t first = index * p.row, packed = first / per_byte * per_byte;  // LiteRT starts rows at whole bytes.
    for (int64_t k = 0; k < p.row; ++k)
      Store(static_cast<float>(Element(run.in[1], packed + k, p.bits)) * p.scale[(first + k) / p.per_scale], out++);
  }
  return {};
}

Status PrepareLookup(Prepare& p) {
  const TensorType& table = *p.op.in(1);
  auto* params = p.Params<Params>();
  const int64_t row = table.shape.elements(1, table.shape.rank());
  *params = {p.op.in(0)->shape[0], table.shape[0], row, BitsOf(table.dtype), nullptr, 1};
  if (!Scales(p.op)) {
    p.SetRun(CopyRows, params);
    return {};
  }
  auto* scale = p.Array<float>(table.quant.scale.size());
  std::ranges::copy(table.quant.scale, scale);
  params->scale = scale;
  params->per_scale = std::max<int64_t>(table.quant.block_size > 0 ? table.quant.block_size : table.quant.per_channel() ? row : table.shape.elements(), 1);
  p.SetRun(p.op.out(0)->dtype == DType::kF16 ? ScaleRows<uint16_t> : ScaleRows<float>, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareLookup}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "embedding_lookup",
    .code = BuiltinCode::kEmbeddingLookup,
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::embedding_lookup
