// SPDX-License-Identifier: Apache-2.0
// Rank: the number of dimensions of the input. Never reads the input's data.
#include "ops/import.h"
#include "ops/op_def.h"

namespace octet::ops::rank {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}};
constexpr Operand kOutputs[] = {{.name = "output", .type = 'O'}};
constexpr TypeRow kTypes[] = {{"O=i32"}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kNone}};

Status Infer(const OpView&, std::span<OutputType> out) {
  out[0].dtype = DType::kI32;
  return {};
}

Status Write(const void* params, const Run& run) {
  *run.output<int32_t>(0) = *static_cast<const int32_t*>(params);
  return {};
}

Status PrepareRank(Prepare& p) {
  auto* rank = p.Params<int32_t>();
  *rank = p.op.in(0)->shape.rank();
  p.SetRun(Write, rank);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareRank}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "rank",
    .code = BuiltinCode::kRank,
    .attrs = Layout<NoAttrs>(OptionsTable::kRank, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::rank
