// SPDX-License-Identifier: Apache-2.0
// Whether any element is true, over the given axes.
#include "ops/element_util.h"
#include "ops/reduce_util.h"

namespace octet::ops::reduce_any {
namespace {

constexpr TypeRow kTypes[] = {{"T=bool A=i32"}};

template <class T> struct Any {
  static constexpr bool kAnyOrder = true;
  static T start() { return false; }
  T operator()(T a, T b) const {  // a is 0 or 1.
    a.byte |= b.byte != 0;
    return a;
  }
};

Status PrepareLogical(Prepare& p) {
  auto* params = p.Params<ReduceParams>();
  params->plan = PlanReduce(p.op);
  p.SetRun(RunReduce<Bool, Any>, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareLogical}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "reduce_any",
    .code = BuiltinCode::kReduceAny,
    .attrs = Layout<ReduceAttrs>(OptionsTable::kReducer, kReduceRows),
    .inputs = kReduceInputs,
    .outputs = kReduceOutputs,
    .types = kTypes,
    .check = CheckReduce,
    .infer = InferReduce,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::reduce_any
