// SPDX-License-Identifier: Apache-2.0
// StatelessRandomUniformFullIntV2 (TensorFlow's): whole numbers of any value.
#include "ops/stateless_util.h"

namespace octet::ops::flex_stateless_random_uniform_full_int_v2 {
namespace {

template <class T> Status Compute(const void* params, const Run& run) {
  OCTET_ASSIGN(const RandomState state, BeginStateless(run));
  T* out = run.output<T>(0);
  ForWholeNumbers<T>(state, static_cast<const StatelessParams*>(params)->count, [&](int64_t i, T bits) { out[i] = bits; });
  return {};
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<StatelessParams>();
  *params = {p.op.out(0)->shape.elements()};
  p.SetRun(BitsOf(p.op.out(0)->dtype) == 64 ? Compute<uint64_t> : Compute<uint32_t>, params);
  return {};
}

constexpr TypeRow kTypes[] = {{"S=i32|i64 K=u64 A=i32 T=i32|i64|u32|u64"}};
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_stateless_random_uniform_full_int_v2", .code = BuiltinCode::kCustom, .custom_name = "FlexStatelessRandomUniformFullIntV2",
    .inputs = kStatelessInputs, .outputs = kStatelessOutput, .types = kTypes, .check = CheckStateless, .infer = InferStateless};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_stateless_random_uniform_full_int_v2
