// SPDX-License-Identifier: Apache-2.0
#include "ops/select_util.h"

namespace octet::ops {
namespace {

struct Params {
  int rank = 0;
  int64_t count = 0;
  int64_t dim[kMaxRank], condition[kMaxRank], a[kMaxRank], b[kMaxRank];  // Strides are 0 where stretched.
};

template <class T> Status RunSelect(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const Bool* condition = run.input<Bool>(0);
  const T *a = run.input<T>(1), *b = run.input<T>(2);
  T* y = run.output<T>(0);
  int64_t index[kMaxRank] = {}, at_c = 0, at_a = 0, at_b = 0;
  for (int64_t i = 0; i < p.count; ++i) {
    y[i] = condition[at_c] ? a[at_a] : b[at_b];
    for (int d = p.rank - 1; d >= 0; --d) {  // The next index, like an odometer.
      at_c += p.condition[d];
      at_a += p.a[d];
      at_b += p.b[d];
      if (++index[d] < p.dim[d]) break;
      at_c -= p.condition[d] * p.dim[d];
      at_a -= p.a[d] * p.dim[d];
      at_b -= p.b[d] * p.dim[d];
      index[d] = 0;
    }
  }
  return {};
}

void FillStrides(const Shape& s, const Shape& out, int64_t (&strides)[kMaxRank]) {
  const auto own = Strides(s);
  for (int i = 0; i < out.rank(); ++i) {
    const int at = i - (out.rank() - s.rank());
    strides[i] = at < 0 || s[at] == 1 ? 0 : own[at];
  }
}

}  // namespace

Status PrepareSelect(Prepare& prepare, const Shape& condition) {
  const OpView& op = prepare.op;
  auto* p = prepare.Params<Params>();
  const Shape& out = op.out(0)->shape;
  p->rank = out.rank();
  p->count = out.elements();
  for (int i = 0; i < p->rank; ++i) p->dim[i] = out[i];
  FillStrides(condition, out, p->condition);
  FillStrides(op.in(1)->shape, out, p->a);
  FillStrides(op.in(2)->shape, out, p->b);
  switch (BitsOf(op.in(1)->dtype)) {
    case 8: prepare.SetRun(RunSelect<int8_t>, p); break;
    case 16: prepare.SetRun(RunSelect<int16_t>, p); break;
    case 32: prepare.SetRun(RunSelect<int32_t>, p); break;
    default: prepare.SetRun(RunSelect<int64_t>, p); break;
  }
  return {};
}

}  // namespace octet::ops
