// SPDX-License-Identifier: Apache-2.0
// Svd (TensorFlow's): singular values, the largest first, and their vectors: input = u diag(s) v^T. A pair of vectors is unique up to its sign:
// here the largest element of the one on the narrow side is positive.
#include <algorithm>

#include "ops/decomposition_util.h"
#include "ops/text_util.h"

namespace octet::ops::flex_svd {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}};
constexpr Operand kOutputs[] = {{.name = "s"}, {.name = "u"}, {.name = "v"}};
constexpr TypeRow kTypes[] = {{"T=f32|f64"}};

Status Infer(const OpView& op, std::span<OutputType> out) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  const TensorType& in = *op.in(0);
  const int32_t m = in.shape.back(2), n = in.shape.back(1), narrow = Narrow(m, n);
  const bool vectors = node.Bool("compute_uv", true), full = node.Bool("full_matrices", false);
  out[0] = {in.dtype, PerMatrix(in.shape, {narrow})};
  out[1] = {in.dtype, vectors ? PerMatrix(in.shape, {m, full ? m : narrow}) : Shape()};
  out[2] = {in.dtype, vectors ? PerMatrix(in.shape, {n, full ? n : narrow}) : Shape()};
  return {};
}

// Of the matrix, or where that is wide of the transposed one.
template <class T> Status Compute(const void* params, const Run& run) {
  const auto& p = *static_cast<const MatrixParams*>(params);
  const bool wide = p.m < p.n;
  const int64_t rows = std::max(p.m, p.n), narrow = std::min(p.m, p.n), columns = p.full ? rows : narrow;
  auto *a = reinterpret_cast<double*>(run.workspace), *longer = a + rows * narrow, *shorter = longer + rows * columns, *values = shorter + narrow * narrow;
  for (int64_t i = 0; i < p.count; ++i) {
    const T* in = run.input<T>(0) + i * p.m * p.n;
    if (wide) CopyTransposed(in, p.m, p.n, a);
    else CopyNumbers(in, p.m * p.n, a);
    SingularValues(rows, narrow, a, values, columns, longer, shorter);
    CopyNumbers(values, narrow, run.output<T>(0) + i * narrow);
    if (!p.vectors) continue;
    CopyNumbers(longer, rows * columns, run.output<T>(wide ? 2 : 1) + i * rows * columns);
    CopyNumbers(shorter, narrow * narrow, run.output<T>(wide ? 1 : 2) + i * narrow * narrow);
  }
  if (!p.vectors) *run.output<T>(1) = *run.output<T>(2) = 0;  // Of TensorFlow's shape for what it does not compute.
  return {};
}

Status PrepareReference(Prepare& p) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(p.op));
  const Shape& in = p.op.in(0)->shape;
  auto* params = p.Params<MatrixParams>();
  *params = {in.elements(0, in.rank() - 2), in.back(2), in.back(1), node.Bool("compute_uv", true), node.Bool("full_matrices", false)};
  const int64_t rows = std::max(params->m, params->n);
  p.Workspace(sizeof(double) * static_cast<size_t>(rows * (3 * rows + 1)));
  p.SetRun(p.op.in(0)->dtype == DType::kF32 ? Compute<float> : Compute<double>, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_svd", .code = BuiltinCode::kCustom, .custom_name = "FlexSvd",
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = CheckMatrices, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_svd
