// SPDX-License-Identifier: Apache-2.0
// y = act(a - b), broadcast. Integer arithmetic: add_sub_util.h.
#include "ops/add_sub_util.h"

namespace octet::ops::sub {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|i32|u8", 1}, {"T=i8", 2}, {"T=i64", 4}, {"T=i16", 5}};

Status Prepare_(Prepare& p) { return PrepareAdd(p, -1); }
Status PrepareVectors(Prepare& p) { return PrepareAddVectors(p, -1); }
bool Takes(const OpView& op, const Cpu& cpu) { return TakesF32OrS8(op, cpu) || (TakesQuantizedS16(op) && kernels::Vectors().difference_s16); }
constexpr Variant kVariants[] = {{.name = "vectors", .takes = Takes, .prepare = PrepareVectors}, {.name = "reference", .prepare = Prepare_}};

Status FromKeras(ImportContext& c) { return MergeInputs(c, "sub"); }
constexpr ImportRule kRules[] = {
    {Source::kKeras, "Subtract", 0, FromKeras},
    {Source::kOnnx, "Sub", 0, FromKeras},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "sub",
    .code = BuiltinCode::kSub,
    .attrs = Layout<AddAttrs>(OptionsTable::kSub, kAddRows),
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

}  // namespace octet::ops::sub
