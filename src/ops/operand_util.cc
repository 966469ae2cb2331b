// SPDX-License-Identifier: Apache-2.0
#include "ops/operand_util.h"

namespace octet::ops {
namespace {

template <class T> void Take(const OpView& op, int i, IntList* list) {
  const std::span<const T> values = op.const_of<T>(i);
  for (size_t k = 0; k < std::min(values.size(), list->v.size()); ++k) list->v[k] = values[k];
}

}  // namespace

bool ReadInts(const OpView& op, int i, IntList* list) {
  *list = {};
  const TensorType* t = op.in(i);
  if (!t || !t->shape.known()) return false;
  list->count = t->shape.elements();
  if (list->count == 0) return true;  // An empty list has no bytes to wait for.
  if (!op.has_const(i)) return false;
  if (t->dtype == DType::kI32) Take<int32_t>(op, i, list);
  else if (t->dtype == DType::kI64) Take<int64_t>(op, i, list);
  else if (t->dtype == DType::kI16) Take<int16_t>(op, i, list);
  else return false;
  return true;
}

bool ReadInt(const OpView& op, int i, int64_t* value) {
  IntList list;
  if (!ReadInts(op, i, &list) || list.count != 1) return false;
  *value = list.v[0];
  return true;
}

Status CheckVector(const OpView& op, int i, int64_t count, const char* what) {
  const Shape& s = op.in(i)->shape;
  if (s.rank() == 1 && (s[0] == kUnknown || s[0] == count)) return {};
  return op.Fail(Code::kInvalidModel, "%s: expected a vector of %lld, found shape %s", what,
                 static_cast<long long>(count), s.text().c_str());
}

Status CheckScalar(const OpView& op, int i, const char* what) {
  const Shape& s = op.in(i)->shape;
  if (!s.known() || s.elements() == 1) return {};
  return op.Fail(Code::kInvalidModel, "%s: expected one element, found shape %s", what, s.text().c_str());
}

}  // namespace octet::ops
