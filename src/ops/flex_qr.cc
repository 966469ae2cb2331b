// SPDX-License-Identifier: Apache-2.0
// Qr (TensorFlow's): q with orthogonal columns and an upper triangle r, q r = input; both as narrow as the input, or q square.
#include <algorithm>

#include "ops/decomposition_util.h"
#include "ops/text_util.h"

namespace octet::ops::flex_qr {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}};
constexpr Operand kOutputs[] = {{.name = "q"}, {.name = "r"}};
constexpr TypeRow kTypes[] = {{"T=f32|f64"}};

Status Infer(const OpView& op, std::span<OutputType> out) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  const TensorType& in = *op.in(0);
  const int32_t m = in.shape.back(2), n = in.shape.back(1), inner = node.Bool("full_matrices", false) ? m : Narrow(m, n);
  out[0] = {in.dtype, PerMatrix(in.shape, {m, inner})};
  out[1] = {in.dtype, PerMatrix(in.shape, {inner, n})};
  return {};
}

template <class T> Status Compute(const void* params, const Run& run) {
  const auto& p = *static_cast<const MatrixParams*>(params);
  const int64_t inner = p.full ? p.m : std::min(p.m, p.n);
  auto *a = reinterpret_cast<double*>(run.workspace), *q = a + p.m * p.n;
  for (int64_t i = 0; i < p.count; ++i) {
    CopyNumbers(run.input<T>(0) + i * p.m * p.n, p.m * p.n, a);
    Triangulate(p.m, p.n, a, q);
    for (int64_t row = 0; row < p.m; ++row) CopyNumbers(q + row * p.m, inner, run.output<T>(0) + (i * p.m + row) * inner);
    CopyNumbers(a, inner * p.n, run.output<T>(1) + i * inner * p.n);
  }
  return {};
}

Status PrepareReference(Prepare& p) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(p.op));
  const Shape& in = p.op.in(0)->shape;
  auto* params = p.Params<MatrixParams>();
  *params = {in.elements(0, in.rank() - 2), in.back(2), in.back(1), true, node.Bool("full_matrices", false)};
  p.Workspace(sizeof(double) * static_cast<size_t>(params->m * (params->m + params->n)));
  p.SetRun(p.op.in(0)->dtype == DType::kF32 ? Compute<float> : Compute<double>, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_qr", .code = BuiltinCode::kCustom, .custom_name = "FlexQr",
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = CheckMatrices, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_qr
