// SPDX-License-Identifier: Apache-2.0
#include "ops/binary_util.h"

namespace octet::ops {

Broadcast CollapseBroadcast(const Shape& a, const Shape& b, const Shape& out) {
  const auto stride_a = Strides(a), stride_b = Strides(b);
  const auto stride = [&](const Shape& s, const auto& strides, int i) -> int64_t {
    const int at = i - (out.rank() - s.rank());
    return at < 0 || s[at] == 1 ? 0 : strides[at];
  };
  Broadcast c;
  for (int i = 0; i < out.rank(); ++i) {
    if (out[i] == 1) continue;
    const int64_t sa = stride(a, stride_a, i), sb = stride(b, stride_b, i), n = out[i];
    const int p = c.rank - 1;
    if (p >= 0 && c.a[p] == sa * n && c.b[p] == sb * n) {
      c.dim[p] *= n;
      c.a[p] = sa;
      c.b[p] = sb;
    } else {
      c.dim[c.rank] = n;
      c.a[c.rank] = sa;
      c.b[c.rank++] = sb;
    }
  }
  if (c.rank == 0) c = {1, {1}, {1}, {1}};
  return c;
}

Status CheckBinary(const OpView& op) {
  const TensorType &a = *op.in(0), &b = *op.in(1);
  Shape out;
  if (!BroadcastShape(a.shape, b.shape, &out))
    return op.Fail(Code::kInvalidModel, "shapes %s and %s do not broadcast", a.shape.text().c_str(), b.shape.text().c_str());
  return {};
}

Status CheckBinaryWithActivation(const OpView& op) {
  OCTET_TRY(CheckActivation(op, op.attrs<ActivationAttrs>().activation));
  OCTET_TRY(CheckBinary(op));
  const DType t = op.in(0)->dtype;
  if (t != DType::kI8 && t != DType::kU8 && t != DType::kI16) return {};
  // Without any quantization the numbers are plain integers: scale 1 (ScaleOrOne).
  const bool plain = op.in(0)->quant.empty() && op.in(1)->quant.empty() && (!op.out(0) || op.out(0)->quant.empty());
  if (plain && op.attrs<ActivationAttrs>().activation == Activation::kNone) return {};
  OCTET_TRY(CheckPerTensor(op, *op.in(0), "lhs"));
  OCTET_TRY(CheckPerTensor(op, *op.in(1), "rhs"));
  return op.out(0) ? CheckPerTensor(op, *op.out(0), "output") : Status();
}

Status InferBinary(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = op.in(0)->dtype;
  BroadcastShape(op.in(0)->shape, op.in(1)->shape, &out[0].shape);
  return {};
}

Result<Value> MergedInputs(ImportContext& c, std::string_view op) {
  if (c.num_inputs() < 1) return c.Fail("at least one input", "none", "connect the layer");
  Value y = c.Input(0);
  for (int i = 1; i < c.num_inputs(); ++i) {
    OCTET_ASSIGN(y, c.Emit(op, {y, c.Input(i)}));
  }
  return y;
}

Status MergeInputs(ImportContext& c, std::string_view op) {
  OCTET_ASSIGN(Value y, MergedInputs(c, op));
  c.SetOutput(0, y);
  return {};
}

}  // namespace octet::ops
