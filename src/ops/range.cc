// SPDX-License-Identifier: Apache-2.0
// Range: start, start + delta, … up to but without limit.
#include <cmath>

#include "ops/import.h"
#include "ops/operand_util.h"

namespace octet::ops::range {
namespace {

constexpr Operand kInputs[] = {{.name = "start", .role = Role::kShape},
                               {.name = "limit", .role = Role::kShape},
                               {.name = "delta", .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|i32"}, {"T=i64", 2}};

// Number of elements; -1 when the operands make no sense.
int64_t CountFloat(float start, float limit, float delta) {
  if (delta == 0 || !((start >= limit && delta < 0) || (start <= limit && delta > 0))) return -1;
  const float count = std::ceil(std::abs((limit - start) / delta));
  return count <= 2147483520.0f ? static_cast<int64_t>(count) : -1;  // The largest float below 2^31.
}
int64_t CountInteger(int64_t start, int64_t limit, int64_t delta) {
  if (delta == 0 || !((start >= limit && delta < 0) || (start <= limit && delta > 0))) return -1;
  const uint64_t span = start < limit ? static_cast<uint64_t>(limit) - static_cast<uint64_t>(start)
                                      : static_cast<uint64_t>(start) - static_cast<uint64_t>(limit);
  const uint64_t step = delta < 0 ? 0 - static_cast<uint64_t>(delta) : static_cast<uint64_t>(delta);
  const uint64_t count = span / step + (span % step != 0);
  return count <= INT32_MAX ? static_cast<int64_t>(count) : -1;
}

// False: the operands are not known yet.
bool Count(const OpView& op, int64_t* count) {
  if (op.in(0)->dtype == DType::kF32) {
    const auto a = op.const_of<float>(0), b = op.const_of<float>(1), c = op.const_of<float>(2);
    if (a.empty() || b.empty() || c.empty()) return false;
    *count = CountFloat(a[0], b[0], c[0]);
    return true;
  }
  int64_t v[3] = {};
  for (int i = 0; i < 3; ++i)
    if (!ReadInt(op, i, &v[i])) return false;
  *count = CountInteger(v[0], v[1], v[2]);
  return true;
}

Status Check(const OpView& op) {
  for (int i = 0; i < 3; ++i) OCTET_TRY(CheckScalar(op, i, "an operand"));
  int64_t count = 0;
  if (Count(op, &count) && count < 0)
    return op.Fail(Code::kInvalidArgument, "delta does not lead from start to limit in less than 2^31 steps");
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  int64_t count = 0;
  out[0].dynamic = !Count(op, &count);
  if (!out[0].dynamic) out[0].shape = {static_cast<int32_t>(count)};
  return {};
}

template <class T> Status Write(const void* params, const Run& run) {
  const int64_t count = *static_cast<const int64_t*>(params);
  T value = *run.input<T>(0);
  const T delta = *run.input<T>(2);
  for (int64_t i = 0; i < count; ++i) {
    run.output<T>(0)[i] = value;
    if (i + 1 < count) value += delta;  // The one after the last may not fit the type.
  }
  return {};
}

Status PrepareRange(Prepare& p) {
  auto* count = p.Params<int64_t>();
  *count = p.op.out(0)->shape.elements();
  const DType type = p.op.in(0)->dtype;
  p.SetRun(type == DType::kF32 ? Write<float> : type == DType::kI32 ? Write<int32_t> : Write<int64_t>, count);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareRange}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "range",
    .code = BuiltinCode::kRange,
    .attrs = Layout<NoAttrs>(OptionsTable::kRange, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::range
