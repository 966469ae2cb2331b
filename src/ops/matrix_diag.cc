// SPDX-License-Identifier: Apache-2.0
// MatrixDiag: [..., n] becomes [..., n, n], zero outside the diagonal.
#include <cstring>

#include "ops/import.h"
#include "ops/move_util.h"

namespace octet::ops::matrix_diag {
namespace {

constexpr Operand kInputs[] = {{.name = "diagonal"}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|i8|u8|i16|i32|i64", 1}};

struct Params {
  StridedCopy diagonal;
  int64_t bytes;
};

Status Check(const OpView& op) {
  const int rank = op.in(0)->shape.rank();
  if (rank >= 1 && rank < kMaxRank) return {};
  return op.Fail(Code::kInvalidModel, "expected 1 to %d dimensions, found %s", kMaxRank - 1, op.in(0)->shape.text().c_str());
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = op.in(0)->dtype;
  out[0].shape = op.in(0)->shape;
  out[0].shape.push_back(op.in(0)->shape.back());
  return {};
}

Status RunDiagonal(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  if (p.bytes == 0) return {};
  std::memset(run.out[0], 0, static_cast<size_t>(p.bytes));
  Copy(p.diagonal, run.in[0], run.out[0], *run.pool);
  return {};
}

Status PrepareReference(Prepare& p) {
  const Shape& in = p.op.in(0)->shape;
  const int64_t size = BytesOf(p.op.in(0)->dtype), n = in.back(), batches = in.elements(0, in.rank() - 1);
  auto* params = p.Params<Params>();
  params->bytes = batches * n * n * size;
  params->diagonal.Add(batches, n * size, n * n * size);
  params->diagonal.Add(n, size, (n + 1) * size);
  params->diagonal.Finish(size);
  p.SetRun(RunDiagonal, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "matrix_diag",
    .code = BuiltinCode::kMatrixDiag,
    .attrs = Layout<NoAttrs>(OptionsTable::kMatrixDiag, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::matrix_diag
