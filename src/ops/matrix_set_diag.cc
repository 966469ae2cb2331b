// SPDX-License-Identifier: Apache-2.0
// MatrixSetDiag: the input [..., m, n] with its diagonal replaced by [..., min(m, n)].
#include <cstring>

#include "ops/import.h"
#include "ops/move_util.h"

namespace octet::ops::matrix_set_diag {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}, {.name = "diagonal"}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|i8|u8|i16|i32|i64", 1}};

struct Params {
  StridedCopy diagonal;
  int64_t bytes;
};

Status Check(const OpView& op) {
  const Shape &in = op.in(0)->shape, &diagonal = op.in(1)->shape;
  if (in.rank() < 2) return op.Fail(Code::kInvalidModel, "expected 2 dimensions or more, found %s", in.text().c_str());
  if (!in.known() || !diagonal.known()) return {};
  const int64_t wanted = in.elements(0, in.rank() - 2) * std::min(in.back(1), in.back(2));
  if (diagonal.elements() == wanted) return {};
  return op.Fail(Code::kInvalidModel, "the diagonals %s do not fit %s", diagonal.text().c_str(), in.text().c_str());
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = op.in(0)->dtype;
  out[0].shape = op.in(0)->shape;
  return {};
}

Status RunDiagonal(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  if (p.bytes == 0) return {};
  if (run.in[0] != run.out[0]) std::memcpy(run.out[0], run.in[0], static_cast<size_t>(p.bytes));
  Copy(p.diagonal, run.in[1], run.out[0], *run.pool);
  return {};
}

Status PrepareReference(Prepare& p) {
  const Shape& in = p.op.in(0)->shape;
  const int64_t size = BytesOf(p.op.in(0)->dtype), rows = in.back(2), columns = in.back(1), n = std::min(rows, columns);
  auto* params = p.Params<Params>();
  params->bytes = in.elements() * size;
  params->diagonal.Add(in.elements(0, in.rank() - 2), n * size, rows * columns * size);
  params->diagonal.Add(n, size, (columns + 1) * size);
  params->diagonal.Finish(size);
  p.SetRun(RunDiagonal, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "matrix_set_diag",
    .code = BuiltinCode::kMatrixSetDiag,
    .attrs = Layout<NoAttrs>(OptionsTable::kMatrixSetDiag, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::matrix_set_diag
