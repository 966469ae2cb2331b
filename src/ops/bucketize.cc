// SPDX-License-Identifier: Apache-2.0
// y = how many of the boundaries, which ascend, are not above x.
#include <algorithm>

#include "ops/unary_util.h"

namespace octet::ops::bucketize {
namespace {

struct Attrs {
  Floats boundaries;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::boundaries>("boundaries", 0)};
constexpr Operand kOutputs[] = {{.name = "output", .type = 'O'}};
constexpr TypeRow kTypes[] = {{"T=f32|f64|i32|i64 O=i32", 1}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kNone}};

struct Params {
  int64_t count;
  std::span<const float> boundaries;
};

Status Check(const OpView& op) {
  const std::span<const float> boundaries = op.attrs<Attrs>().boundaries.span();
  if (std::ranges::is_sorted(boundaries)) return {};
  return op.Fail(Code::kInvalidModel, "the %zu boundaries do not ascend", boundaries.size());
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = DType::kI32;
  return InferUnary(op, out);
}

// Integers are compared as floats, doubles with the boundary as a double.
template <class T> Status RunSearch(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  using Common = std::common_type_t<T, float>;
  const T* x = run.input<T>(0);
  int32_t* y = run.output<int32_t>(0);
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto above = [](Common value, float boundary) { return value < static_cast<Common>(boundary); };
      const auto first = std::upper_bound(p.boundaries.begin(), p.boundaries.end(), static_cast<Common>(x[i]), above);
      y[i] = static_cast<int32_t>(first - p.boundaries.begin());
    }
  });
  return {};
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<Params>();
  *params = {CountOf(p.op), p.op.attrs<Attrs>().boundaries.span()};
  p.SetRun(ByType<float, double, int32_t, int64_t>(p.op.in(0)->dtype, []<class T>() -> RunFn { return RunSearch<T>; }), params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "bucketize",
    .code = BuiltinCode::kBucketize,
    .attrs = Layout<Attrs>(OptionsTable::kBucketize, kRows),
    .inputs = kUnaryInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kElementwise | kUnary,
    .check = Check,
    .infer = Infer,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::bucketize
