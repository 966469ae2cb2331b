// SPDX-License-Identifier: Apache-2.0
// Densify: a sparse constant as a dense tensor. Sparse constants are made dense when a file is opened, so
// that every operator may read them; what remains is the same tensor.
#include "ops/unary_util.h"

namespace octet::ops::densify {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|f16|i8"}};

struct Params {
  size_t bytes;
};

Status RunCopy(const void* params, const Run& run) {
  const size_t bytes = static_cast<const Params*>(params)->bytes;
  if (bytes > 0) std::memcpy(run.out[0], run.in[0], bytes);
  return {};
}

Status PrepareReference(Prepare& prepare) {
  auto* p = prepare.Params<Params>();
  p->bytes = static_cast<size_t>(CountOf(prepare.op)) * static_cast<size_t>(BitsOf(prepare.op.in(0)->dtype)) / 8;
  prepare.SetRun(RunCopy, p);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "densify",
    .code = BuiltinCode::kDensify,
    .attrs = Layout<NoAttrs>(OptionsTable::kDensify, {}),
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary | kMovesBytes | kKeepsChannels,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::densify
