// SPDX-License-Identifier: Apache-2.0
// Cumsum: running sums along an axis. exclusive leaves out the element itself, reverse starts at the end.
// Integers wrap. The axis is data: it is checked when it runs.
#include <type_traits>

#include "base/thread_pool.h"
#include "ops/import.h"
#include "ops/operand_util.h"

namespace octet::ops::cumsum {
namespace {

struct Attrs {
  bool exclusive = false;
  bool reverse = false;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::exclusive>("exclusive", 0), Attr<&Attrs::reverse>("reverse", 1)};
constexpr Operand kInputs[] = {{.name = "input"}, {.name = "axis", .type = 'A', .role = Role::kIndex}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|i32|i64 A=i32", 1}};

struct Params {
  Shape shape;
  bool exclusive, reverse;
};

Status Check(const OpView& op) {
  if (op.in(0)->shape.rank() < 1) return op.Fail(Code::kInvalidModel, "a scalar has no axis");
  return CheckScalar(op, 1, "axis");
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].shape = op.in(0)->shape;
  return {};
}

template <class Sum, class T> [[gnu::noinline]] void AddRows(const T* a, const T* b, int64_t n, T* sum) {
  for (int64_t i = 0; i < n; ++i) sum[i] = static_cast<T>(static_cast<Sum>(a[i]) + static_cast<Sum>(b[i]));
}

template <class T> Status RunSums(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  int axis = 0;
  if (!NormalizeAxis(*run.input<int32_t>(1), p.shape.rank(), &axis))
    return Error(Code::kInvalidArgument, "cumsum: axis %d is outside %s", *run.input<int32_t>(1), p.shape.text().c_str());
  const int64_t depth = p.shape[axis], inner = p.shape.elements(axis + 1, p.shape.rank());
  if (depth == 0 || inner == 0) return {};
  const int64_t step = p.reverse ? -inner : inner, first = p.reverse ? (depth - 1) * inner : 0;
  run.pool->For(p.shape.elements(0, axis), [&](int64_t slice, int) {
    using Sum = std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>, std::type_identity<T>>::type;
    const T* from = run.input<T>(0) + slice * depth * inner + first;
    T* to = run.output<T>(0) + slice * depth * inner + first;
    std::fill_n(to, inner, T{0});
    if (!p.exclusive) AddRows<Sum>(to, from, inner, to);
    for (int64_t i = 1; i < depth; ++i) AddRows<Sum>(to + (i - 1) * step, from + (p.exclusive ? i - 1 : i) * step, inner, to + i * step);
  });
  return {};
}

Status PrepareReference(Prepare& p) {
  const Attrs& a = p.op.attrs<Attrs>();
  auto* params = p.Params<Params>();
  *params = {p.op.in(0)->shape, a.exclusive, a.reverse};
  const DType type = p.op.in(0)->dtype;
  p.SetRun(type == DType::kF32 ? RunSums<float> : type == DType::kI32 ? RunSums<int32_t> : RunSums<int64_t>, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "cumsum",
    .code = BuiltinCode::kCumsum,
    .attrs = Layout<Attrs>(OptionsTable::kCumsum, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::cumsum
