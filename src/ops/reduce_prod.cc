// SPDX-License-Identifier: Apache-2.0
// Product over the given axes; plain integers wrap. Quantized: every step is rescaled by
// s_in / s_out^(1/n) in I64 rounding, so that the product stays in range, and once more at the end.
#include <type_traits>

#include "ops/reduce_util.h"

namespace octet::ops::reduce_prod {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|i32|i64 A=i32"}, {"T=i8|i16 A=i32", 2}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kFree}, {.operand = 1, .kind = QuantKind::kNone}};

template <class T> struct Multiply {
  static T start() { return 1; }
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
    else return a * b;
  }
};

struct Params {
  ReducePlan plan;
  Multiplier step;
  int32_t zero_in, zero_out;
};

// A product in progress; `fresh` until the first factor.
struct Product {
  int32_t value;
  bool fresh;
};

template <class T> Status RunQuantized(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  auto* product = reinterpret_cast<Product*>(run.workspace);
  std::fill_n(product, p.plan.outputs, Product{0, true});
  Reduce(p.plan, run.input<T>(0), product, *run.pool, [&p](Product a, T b) {
    const int32_t factor = b - p.zero_in;
    return Product{a.fresh ? factor : Requantize64(int64_t{a.value} * factor, p.step), false};
  });
  for (int64_t i = 0; i < p.plan.outputs; ++i)  // Of nothing: as of other reductions.
    run.output<T>(0)[i] = p.plan.empty ? T{0} : Saturate<T>(Requantize64(product[i].value, p.step) + p.zero_out);
  return {};
}

Status PrepareProduct(Prepare& p) {
  const TensorType &in = *p.op.in(0), &out = *p.op.out(0);
  if (in.quant.empty() || (in.dtype != DType::kI8 && in.dtype != DType::kI16)) return PrepareReduce<Multiply>(p);
  auto* params = p.Params<Params>();
  params->plan = PlanReduce(p.op);
  const double root =
      std::pow(static_cast<double>(out.quant.scale0()), 1.0 / static_cast<double>(params->plan.reduced));
  params->step = QuantizeMultiplier(static_cast<double>(in.quant.scale0()) / root);
  params->zero_in = in.quant.zero0();
  params->zero_out = out.quant.zero0();
  if (params->step.shift > 14) return p.op.Fail(Code::kUnsupported, "the scales differ too much");
  p.Workspace(static_cast<size_t>(params->plan.outputs) * sizeof(Product));
  p.SetRun(in.dtype == DType::kI8 ? RunQuantized<int8_t> : RunQuantized<int16_t>, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareProduct}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "reduce_prod",
    .code = BuiltinCode::kReduceProd,
    .attrs = Layout<ReduceAttrs>(OptionsTable::kReducer, kReduceRows),
    .inputs = kReduceInputs,
    .outputs = kReduceOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .check = CheckReduce,
    .infer = InferReduce,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::reduce_prod
