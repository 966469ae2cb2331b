// SPDX-License-Identifier: Apache-2.0
// RaggedTensorToTensor (TensorFlow's): rows of different lengths, padded with a default to one length, or cut to it. Rows are
// told by where they begin (ROW_SPLITS) or by each value's row (FIRST_DIM_SIZE, VALUE_ROWIDS). How long the longest row is is
// data: infer counts once the rows are known.
#include <algorithm>
#include <cstring>

#include "ops/move_util.h"
#include "ops/operand_util.h"
#include "ops/text_util.h"

namespace octet::ops::flex_ragged_tensor_to_tensor {
namespace {

constexpr Operand kInputs[] = {{.name = "shape", .type = 'S', .role = Role::kShape}, {.name = "values"}, {.name = "default_value"},
                               {.name = "row_partition_tensors", .type = 'I', .arity = Arity::kMany, .role = Role::kIndex}};
constexpr Operand kOutputs[] = {{.name = "result"}};
constexpr TypeRow kTypes[] = {{"T=f32|i32|i64|str|bool|i8|u8 I=i32|i64 S=i32|i64"}};

Status Check(const OpView& op) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  const std::vector<std::string_view> kinds = node.Texts("row_partition_types");
  const bool splits = kinds.size() == 1 && kinds[0] == "ROW_SPLITS", ids = kinds.size() == 2 && kinds[0] == "FIRST_DIM_SIZE" && kinds[1] == "VALUE_ROWIDS";
  if (!splits && !ids)
    return op.Fail(Code::kUnsupported,
                   "expected rows of values (ROW_SPLITS, or FIRST_DIM_SIZE and VALUE_ROWIDS), found %zu partitions of other kinds", kinds.size());
  if (op.num_inputs() != 3 + static_cast<int>(kinds.size())) return op.Fail(Code::kInvalidModel, "%d inputs for %zu partitions", op.num_inputs(), kinds.size());
  OCTET_TRY(CheckScalar(op, 2, "default_value"));
  if (ids) OCTET_TRY(CheckScalar(op, 3, "the number of rows"));
  if (op.in(0)->shape.rank() > 1 || op.in(op.num_inputs() - 1)->shape.rank() != 1)
    return op.Fail(Code::kInvalidModel, "a shape of %s, rows of %s", op.in(0)->shape.text().c_str(), op.in(op.num_inputs() - 1)->shape.text().c_str());
  const Shape &values = op.in(1)->shape, &rows = op.in(op.num_inputs() - 1)->shape;
  if (values.rank() < 1 || values.rank() >= kMaxRank) return op.Fail(Code::kInvalidModel, "values of %s", values.text().c_str());
  if (ids && values.known() && rows.known() && values[0] != rows[0]) return op.Fail(Code::kInvalidModel, "%d values of %d rows", values[0], rows[0]);
  if (splits && rows.known() && rows[0] < 1) return op.Fail(Code::kInvalidModel, "no row splits");
  return {};
}

int64_t At(DType type, const std::byte* data, int64_t i) {
  if (type == DType::kI64) return reinterpret_cast<const int64_t*>(data)[i];
  return reinterpret_cast<const int32_t*>(data)[i];
}

// Calls found(row, first value, values) for each row that has some. False: the rows are not in order, or reach beyond the values.
template <class F> bool ForEachRow(bool splits, DType type, const std::byte* rows, int64_t entries, int64_t values, const F& found) {
  if (splits) {
    if (At(type, rows, 0) != 0 || At(type, rows, entries - 1) > values) return false;
    for (int64_t row = 0; row + 1 < entries; ++row) {
      const int64_t begin = At(type, rows, row), end = At(type, rows, row + 1);
      if (end < begin || end > values) return false;
      if (end > begin) found(row, begin, end - begin);
    }
    return true;
  }
  for (int64_t i = 0; i < entries;) {
    const int64_t row = At(type, rows, i), begin = i;
    if (row < 0 || (i > 0 && row < At(type, rows, i - 1))) return false;
    while (i < entries && At(type, rows, i) == row) ++i;
    found(row, begin, i - begin);
  }
  return true;
}

// The shape that is asked for: all open where it is the scalar -1.
Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& values = op.in(1)->shape;
  const int last = op.num_inputs() - 1, rank = values.rank() + 1;
  out[0] = {op.in(1)->dtype, {}};
  for (int i = 0; i < rank; ++i) out[0].shape.push_back(i < 2 ? kUnknown : values[i - 1]);
  IntList asked;
  if (!ReadInts(op, 0, &asked)) return {};
  if (op.in(0)->shape.rank() == 1) {
    if (asked.count != rank) return op.Fail(Code::kInvalidModel, "a shape of %lld dimensions for %d", static_cast<long long>(asked.count), rank);
    for (int i = 0; i < rank; ++i) {
      const int64_t d = asked.v[static_cast<size_t>(i)];
      if (d < -1 || d > INT32_MAX || (i >= 2 && d >= 0 && values[i - 1] >= 0 && d != values[i - 1]))
        return op.Fail(Code::kInvalidModel, "dimension %lld of the shape", static_cast<long long>(d));
      if (d >= 0) out[0].shape[i] = static_cast<int32_t>(d);
    }
  }
  int64_t rows = 0, widest = 0;
  const bool splits = last == 3;
  if (!splits && out[0].shape[0] < 0 && ReadInt(op, 3, &rows) && FitsDimension(rows)) out[0].shape[0] = static_cast<int32_t>(rows);
  if (splits && out[0].shape[0] < 0 && op.in(3)->shape.known()) out[0].shape[0] = op.in(3)->shape[0] - 1;
  if (out[0].shape[1] >= 0 || !op.has_const(last) || !values.known()) return {};
  const TensorType& type = *op.in(last);
  if (!ForEachRow(splits, type.dtype, op.constants[last], type.shape[0], values[0], [&](int64_t, int64_t, int64_t n) { widest = std::max(widest, n); }))
    return op.Fail(Code::kInvalidArgument, "its rows are not in order, or reach beyond the values");
  out[0].shape[1] = static_cast<int32_t>(widest);
  return {};
}

struct Params {
  bool splits;
  DType type;
  int64_t entries, values, rows, columns, bytes, inner;  // `bytes` of an element, `inner` elements of a value.
};

Status Fill(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const int64_t size = p.bytes * p.inner;
  FillElements(run.out[0], p.rows * p.columns * p.inner, run.in[2], p.bytes);
  const bool good = ForEachRow(p.splits, p.type, run.in[p.splits ? 3 : 4], p.entries, p.values, [&](int64_t row, int64_t first, int64_t n) {
    if (row < p.rows && p.columns > 0)
      std::memcpy(run.out[0] + row * p.columns * size, run.in[1] + first * size, static_cast<size_t>(std::min(n, p.columns) * size));
  });
  return good ? Status() : Error(Code::kInvalidArgument, "flex_ragged_tensor_to_tensor: its rows are not in order, or reach beyond the values");
}

Status PrepareReference(Prepare& p) {
  const int last = p.op.num_inputs() - 1;
  const Shape &values = p.op.in(1)->shape, &out = p.op.out(0)->shape;
  auto* params = p.Params<Params>();
  *params = {last == 3, p.op.in(last)->dtype, p.op.in(last)->shape[0], values[0], out[0], out[1], BitsOf(p.op.in(1)->dtype) / 8,
             values.elements(1, values.rank())};
  p.SetRun(Fill, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_ragged_tensor_to_tensor", .code = BuiltinCode::kCustom, .custom_name = "FlexRaggedTensorToTensor",
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_ragged_tensor_to_tensor
