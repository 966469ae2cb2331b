// SPDX-License-Identifier: Apache-2.0
// Soft non-maximum suppression: overlapping boxes lose score before they are chosen.
#include "ops/import.h"
#include "ops/suppression_util.h"

namespace octet::ops::non_max_suppression_v5 {
namespace {

constexpr Operand kInputs[] = {{.name = "boxes"}, {.name = "scores"}, {.name = "max_output_size", .type = 'I', .role = Role::kShape},
                               {.name = "overlap_threshold"}, {.name = "score_threshold"}, {.name = "sigma"}};
constexpr Operand kOutputs[] = {{.name = "selected", .type = 'I'}, {.name = "scores"}, {.name = "count", .type = 'I'}};
constexpr TypeRow kTypes[] = {{"T=f32 I=i32"}};
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareSuppression}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "non_max_suppression_v5", .code = BuiltinCode::kNonMaxSuppressionV5,
    .attrs = Layout<NoAttrs>(OptionsTable::kNonMaxSuppressionV5, {}),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = CheckSuppression, .infer = InferSuppression};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::non_max_suppression_v5
