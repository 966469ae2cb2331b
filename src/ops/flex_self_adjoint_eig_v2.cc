// SPDX-License-Identifier: Apache-2.0
// SelfAdjointEigV2 (TensorFlow's): eigenvalues of symmetric matrices, the smallest first, and their vectors as columns. Those are unique up to
// their signs: here the largest element of each is positive.
#include <algorithm>

#include "ops/decomposition_util.h"
#include "ops/text_util.h"

namespace octet::ops::flex_self_adjoint_eig_v2 {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}};
constexpr Operand kOutputs[] = {{.name = "e"}, {.name = "v"}};
constexpr TypeRow kTypes[] = {{"T=f32|f64"}};

Status Infer(const OpView& op, std::span<OutputType> out) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  const TensorType& in = *op.in(0);
  const int32_t n = in.shape.back();
  out[0] = {in.dtype, PerMatrix(in.shape, {n})};
  out[1] = {in.dtype, node.Bool("compute_v", true) ? in.shape : Shape()};
  return {};
}

template <class T> Status Compute(const void* params, const Run& run) {
  const auto& p = *static_cast<const MatrixParams*>(params);
  auto *a = reinterpret_cast<double*>(run.workspace), *vectors = a + p.n * p.n, *values = vectors + p.n * p.n;
  for (int64_t i = 0; i < p.count; ++i) {
    CopyNumbers(run.input<T>(0) + i * p.n * p.n, p.n * p.n, a);
    EigenSymmetric(p.n, a, values, vectors);
    CopyNumbers(values, p.n, run.output<T>(0) + i * p.n);
    if (p.vectors) CopyNumbers(vectors, p.n * p.n, run.output<T>(1) + i * p.n * p.n);
  }
  if (!p.vectors) *run.output<T>(1) = 0;  // Of TensorFlow's shape for what it does not compute.
  return {};
}

Status PrepareReference(Prepare& p) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(p.op));
  const Shape& in = p.op.in(0)->shape;
  auto* params = p.Params<MatrixParams>();
  *params = {in.elements(0, in.rank() - 2), in.back(), in.back(), node.Bool("compute_v", true), false};
  p.Workspace(sizeof(double) * static_cast<size_t>(params->n * (2 * params->n + 1)));
  p.SetRun(p.op.in(0)->dtype == DType::kF32 ? Compute<float> : Compute<double>, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_self_adjoint_eig_v2", .code = BuiltinCode::kCustom, .custom_name = "FlexSelfAdjointEigV2",
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = CheckSquare, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_self_adjoint_eig_v2
