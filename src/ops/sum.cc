// SPDX-License-Identifier: Apache-2.0
// Sum over the given axes; integers wrap, quantized types rescale (reduce_util.h).
#include <type_traits>

#include "ops/reduce_util.h"

namespace octet::ops::sum {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8|i16|i32|i64 A=i32"}, {"T=i8 A=i32", 2}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kFree}, {.operand = 1, .kind = QuantKind::kNone}};

template <class T> struct Add {
  static T start() { return 0; }
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      using U = std::make_unsigned_t<T>;
      return static_cast<T>(static_cast<U>(static_cast<U>(a) + static_cast<U>(b)));
    } else {
      return a + b;
    }
  }
};

Status PrepareSum(Prepare& p) {
  const DType type = p.op.in(0)->dtype;
  if (type == DType::kI8 || type == DType::kU8 || type == DType::kI16) return PrepareQuantizedSum(p, false);
  return PrepareReduce<Add>(p);
}

bool TakesVectors(const OpView& op, const Cpu&) { return op.in(0)->dtype == DType::kF32; }

Status RunVectors(const void* params, const Run& run) {
  SumVectors(static_cast<const ReduceParams*>(params)->plan, run.input<float>(0), run.output<float>(0), *run.pool);
  return {};
}

Status PrepareVectors(Prepare& p) {
  auto* params = p.Params<ReduceParams>();
  params->plan = PlanReduce(p.op);
  p.SetRun(RunVectors, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesVectors, .prepare = PrepareVectors},
                                 {.name = "reference", .prepare = PrepareSum}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "sum",
    .code = BuiltinCode::kSum,
    .attrs = Layout<ReduceAttrs>(OptionsTable::kReducer, kReduceRows),
    .inputs = kReduceInputs,
    .outputs = kReduceOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kHomogeneous,
    .check = CheckReduce,
    .infer = InferReduce,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::sum
