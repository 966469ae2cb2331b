// SPDX-License-Identifier: Apache-2.0
// y = act(a + b), broadcast. Integer arithmetic: add_sub_util.h.
#include "ops/add_sub_util.h"

namespace octet::ops::add {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|i32|u8", 1}, {"T=i8", 2}, {"T=i16", 3}, {"T=i64", 4}, {"T=f16", 6}};

Status Prepare_(Prepare& p) { return PrepareAdd(p, +1); }
Status PrepareVectors(Prepare& p) { return PrepareAddVectors(p, +1); }
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesF32OrInteger, .prepare = PrepareVectors}, {.name = "reference", .prepare = Prepare_}};

Status FromKerasAdd(ImportContext& c) { return MergeInputs(c, "add"); }

// The mean of the inputs: their sum times 1/n.
Status FromKerasAverage(ImportContext& c) {
  OCTET_ASSIGN(Value sum, MergedInputs(c, "add"));
  OCTET_ASSIGN(Value y, c.Emit("mul", {sum, c.Scalar(1.0f / static_cast<float>(c.num_inputs()))}));
  c.SetOutput(0, y);
  return {};
}

constexpr ImportRule kRules[] = {
    {Source::kKeras, "Add", 0, FromKerasAdd},
    {Source::kKeras, "Average", 0, FromKerasAverage},
    {Source::kOnnx, "Add", 0, FromKerasAdd},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "add",
    .code = BuiltinCode::kAdd,
    .attrs = Layout<AddAttrs>(OptionsTable::kAdd, kAddRows),
    .inputs = kBinaryInputs,
    .outputs = kOneOutput,
    .types = kTypes,
    .traits = kElementwise | kJointlyHomogeneous,
    .check = CheckBinaryWithActivation,
    .infer = InferBinary,
    .cost = CostOfElementwise,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::add
