// SPDX-License-Identifier: Apache-2.0
// y = min(a, b), broadcast; one scale for all.
#include "ops/add_sub_util.h"
#include "ops/simple_binary_util.h"

namespace octet::ops::minimum {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|f16|bf16|i32|i64|u8", 1}, {"T=i8", 2}, {"T=i16", 4}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0}, {.operand = 1, .kind = QuantKind::kSameAs, .other = 0}};

struct Apply {
  template <class T> T operator()(T a, T b) const { return a < b ? a : b; }
};
Status PrepareReference(Prepare& p) { return PrepareSimple<Apply, float, F16, BF16, int8_t, uint8_t, int16_t, int32_t, int64_t>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

Status FromKeras(ImportContext& c) { return MergeInputs(c, "minimum"); }
constexpr ImportRule kRules[] = {
    {Source::kKeras, "Minimum", 0, FromKeras},
    {Source::kOnnx, "Min", 0, FromKeras},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "minimum",
    .code = BuiltinCode::kMinimum,
    .attrs = Layout<NoAttrs>(OptionsTable::kMaximumMinimum, {}),
    .inputs = kBinaryInputs,
    .outputs = kOneOutput,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kElementwise | kJointlyHomogeneous,
    .check = CheckBinary,
    .infer = InferBinary,
    .cost = CostOfElementwise,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::minimum
