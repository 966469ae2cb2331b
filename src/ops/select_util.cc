// SPDX-License-Identifier: Apache-2.0
#include "ops/select_util.h"

#include <algorithm>

namespace octet::ops {
namespace {

struct Params {
  int rank = 0;  // Of what is outside of the rows.
  int64_t count = 0, row = 1;
  int64_t condition_step = 0, a_step = 0, b_step = 0;  // Along a row: 0 or 1.
  int64_t dim[kMaxRank], condition[kMaxRank], a[kMaxRank], b[kMaxRank];  // Strides are 0 where stretched.
};

template <class T> void SelectRow(const Params& p, const Bool* condition, const T* a, const T* b, T* __restrict y) {
  if (p.condition_step == 0) {
    const bool first = *condition;
    const T* from = first ? a : b;
    if (first ? p.a_step : p.b_step) std::copy_n(from, p.row, y);
    else std::fill_n(y, p.row, *from);
  } else {
    const int64_t n = p.row, a_step = p.a_step, b_step = p.b_step;
    const auto pick = [&](int64_t i, T first, T second) { y[i] = condition[i].byte != 0 ? first : second; };  // Both are read: no branch.
    if (a_step && b_step)
      for (int64_t i = 0; i < n; ++i) pick(i, a[i], b[i]);
    else
      for (int64_t i = 0; i < n; ++i) pick(i, a[i * a_step], b[i * b_step]);
  }
}

template <class T> Status RunSelect(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const Bool* condition = run.input<Bool>(0);
  const T *a = run.input<T>(1), *b = run.input<T>(2);
  T* y = run.output<T>(0);
  int64_t index[kMaxRank] = {}, at_c = 0, at_a = 0, at_b = 0;
  for (int64_t i = 0; i < p.count; i += p.row) {
    SelectRow(p, condition + at_c, a + at_a, b + at_b, y + i);
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

// Inner axes along which each operand has neighbours, or one value, become the row.
void CutRows(Params* p) {
  const auto goes_on = [&](int64_t stride, int64_t step) { return stride == step * p->row; };
  for (; p->rank > 0 && p->count > 0; --p->rank) {
    const int d = p->rank - 1;
    if (p->row == 1) p->condition_step = p->condition[d], p->a_step = p->a[d], p->b_step = p->b[d];
    else if (p->dim[d] > 1 && !(goes_on(p->condition[d], p->condition_step) && goes_on(p->a[d], p->a_step) && goes_on(p->b[d], p->b_step))) return;
    if (std::max({p->condition_step, p->a_step, p->b_step}) > 1) return static_cast<void>(p->condition_step = p->a_step = p->b_step = 0);
    p->row *= p->dim[d];
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
  CutRows(p);
  switch (BitsOf(op.in(1)->dtype)) {
    case 8: prepare.SetRun(RunSelect<int8_t>, p); break;
    case 16: prepare.SetRun(RunSelect<int16_t>, p); break;
    case 32: prepare.SetRun(RunSelect<int32_t>, p); break;
    default: prepare.SetRun(RunSelect<int64_t>, p); break;
  }
  return {};
}

}  // namespace octet::ops
