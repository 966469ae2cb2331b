// SPDX-License-Identifier: Apache-2.0
// Igamma (TensorFlow's): the share of the gamma distribution of shape a below x, P(a, x).
#include "ops/import.h"
#include "ops/incomplete_util.h"
#include "ops/simple_binary_util.h"

namespace octet::ops::flex_igamma {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|f64"}};

struct Apply {
  template <class T> T operator()(T a, T x) const { return static_cast<T>(IncompleteGamma(static_cast<double>(a), static_cast<double>(x), false)); }
};
Status PrepareReference(Prepare& p) { return PrepareSimple<Apply, float, double>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_igamma", .code = BuiltinCode::kCustom, .custom_name = "FlexIgamma",
    .inputs = kBinaryInputs, .outputs = kOneOutput, .types = kTypes, .check = CheckBinary, .infer = InferBinary};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_igamma
