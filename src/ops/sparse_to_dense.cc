// SPDX-License-Identifier: Apache-2.0
// SparseToDense: a tensor of `default_value`, with values where `indices` say: a scalar or a vector of places
// in a vector, or one row of coordinates per value. A scalar value goes to every place. Indices are data:
// they are checked when it runs.
#include <cstring>

#include "ops/import.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::sparse_to_dense {
namespace {

struct Attrs {
  bool validate_indices = false;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::validate_indices>("validate_indices", 0)};
constexpr Operand kInputs[] = {{.name = "indices", .type = 'I', .role = Role::kIndex},
                               {.name = "output_shape", .type = 'S', .role = Role::kShape},
                               {.name = "values"},
                               {.name = "default_value"}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"I=i32|i64 S=i32|i64 T=f32|i32", 1}, {"I=i32|i64 S=i32|i64 T=i64", 2}, {"I=i32|i64 S=i32|i64 T=i8|u8", 3}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 2},
                               {.operand = 3, .kind = QuantKind::kSameAs, .other = 2},
                               {.operand = 0, .kind = QuantKind::kNone},
                               {.operand = 1, .kind = QuantKind::kNone}};

struct Params {
  int64_t count, elements, bytes;  // Places; elements of the output; bytes of one.
  int rank;
  bool one_value;
  std::array<int64_t, kMaxRank> size, step;
};

Status Check(const OpView& op) {
  const Shape &index = op.in(0)->shape, &shape = op.in(1)->shape, &values = op.in(2)->shape;
  OCTET_TRY(CheckScalar(op, 3, "default_value"));
  if (index.rank() > 2 || shape.rank() != 1 || values.rank() > 1)
    return op.Fail(Code::kInvalidModel, "indices %s, output_shape %s and values %s: expected at most 2, exactly 1 and at most 1 dimensions",
                   index.text().c_str(), shape.text().c_str(), values.text().c_str());
  if (!index.known() || !shape.known() || !values.known()) return {};
  const int32_t depth = index.rank() < 2 ? 1 : index[1], count = index.rank() == 0 ? 1 : index[0];
  if (shape[0] != depth || (values.rank() == 1 && values[0] != count))
    return op.Fail(Code::kInvalidModel, "indices %s do not fit %d dimensions and values %s", index.text().c_str(), shape[0], values.text().c_str());
  IntList dims;
  if (shape[0] > kMaxRank) return op.Fail(Code::kUnsupported, "rank %d is above %d", shape[0], kMaxRank);
  if (!ReadInts(op, 1, &dims)) return {};
  for (int64_t d : dims.span())
    if (!FitsDimension(d)) return op.Fail(Code::kInvalidModel, "dimension %lld is not in [0, 2^31)", static_cast<long long>(d));
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  IntList dims;
  out[0].dtype = op.in(2)->dtype;
  out[0].dynamic = !ReadInts(op, 1, &dims);
  if (out[0].dynamic) return {};
  for (int64_t d : dims.span()) out[0].shape.push_back(static_cast<int32_t>(d));
  return {};
}

template <class I> Status RunScatter(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  FillElements(run.out[0], p.elements, run.in[3], p.bytes);
  const I* index = run.input<I>(0);
  for (int64_t i = 0; i < p.count; ++i, index += p.rank) {
    int64_t at = 0;
    for (int d = 0; d < p.rank; ++d) {
      if (index[d] < 0 || index[d] >= p.size[d])
        return Error(Code::kInvalidArgument, "sparse_to_dense: index %lld is outside [0, %lld)", static_cast<long long>(index[d]),
                     static_cast<long long>(p.size[d]));
      at += index[d] * p.step[d];
    }
    std::memcpy(run.out[0] + at * p.bytes, run.in[2] + (p.one_value ? 0 : i) * p.bytes, static_cast<size_t>(p.bytes));
  }
  return {};
}

Status PrepareReference(Prepare& p) {
  const Shape &index = p.op.in(0)->shape, &out = p.op.out(0)->shape;
  auto* params = p.Params<Params>();
  *params = {index.rank() == 0 ? 1 : index[0], out.elements(), BytesOf(p.op.out(0)->dtype), out.rank(), p.op.in(2)->shape.rank() == 0, {}, Strides(out)};
  for (int d = 0; d < out.rank(); ++d) params->size[d] = out[d];
  p.SetRun(p.op.in(0)->dtype == DType::kI32 ? RunScatter<int32_t> : RunScatter<int64_t>, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "sparse_to_dense",
    .code = BuiltinCode::kSparseToDense,
    .attrs = Layout<Attrs>(OptionsTable::kSparseToDense, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::sparse_to_dense
