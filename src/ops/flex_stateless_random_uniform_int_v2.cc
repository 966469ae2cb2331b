// SPDX-License-Identifier: Apache-2.0
// StatelessRandomUniformIntV2 (TensorFlow's): whole numbers from `minval` to below `maxval`.
#include <type_traits>

#include "ops/operand_util.h"
#include "ops/stateless_util.h"

namespace octet::ops::flex_stateless_random_uniform_int_v2 {
namespace {

constexpr Operand kInputs[] = {kStatelessInputs[0], kStatelessInputs[1], kStatelessInputs[2], kStatelessInputs[3], {.name = "minval"}, {.name = "maxval"}};

template <class T> Status Compute(const void* params, const Run& run) {
  using U = std::make_unsigned_t<T>;
  OCTET_ASSIGN(const RandomState state, BeginStateless(run));
  const T least = run.input<T>(4)[0], most = run.input<T>(5)[0];
  if (least >= most)
    return Error(Code::kInvalidArgument, "flex_stateless_random_uniform_int_v2: nothing lies from %lld to below %lld", static_cast<long long>(least),
                 static_cast<long long>(most));
  const U range = static_cast<U>(most) - static_cast<U>(least);
  T* out = run.output<T>(0);
  ForWholeNumbers<U>(state, static_cast<const StatelessParams*>(params)->count,
                     [&](int64_t i, U bits) { out[i] = static_cast<T>(static_cast<U>(least) + bits % range); });
  return {};
}

Status Check(const OpView& op) {
  OCTET_TRY(CheckStateless(op));
  OCTET_TRY(CheckScalar(op, 4, "minval"));
  return CheckScalar(op, 5, "maxval");
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<StatelessParams>();
  *params = {p.op.out(0)->shape.elements()};
  p.SetRun(p.op.in(4)->dtype == DType::kI64 ? Compute<int64_t> : Compute<int32_t>, params);
  return {};
}

constexpr TypeRow kTypes[] = {{"S=i32|i64 K=u64 A=i32 T=i32|i64"}};
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_stateless_random_uniform_int_v2", .code = BuiltinCode::kCustom, .custom_name = "FlexStatelessRandomUniformIntV2",
    .inputs = kInputs, .outputs = kStatelessOutput, .types = kTypes, .check = Check, .infer = InferStateless};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_stateless_random_uniform_int_v2
