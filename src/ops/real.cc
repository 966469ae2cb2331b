// SPDX-License-Identifier: Apache-2.0
// y = the real part of complex numbers.
#include "ops/complex_util.h"

namespace octet::ops::real {
namespace {

struct Apply {
  template <class T> T operator()(std::complex<T> x) const { return x.real(); }
};
Status PrepareReference(Prepare& p) { return PrepareComplex<Apply>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "real",
    .code = BuiltinCode::kReal,
    .inputs = kComplexInputs,
    .outputs = kUnaryOutputs,
    .types = kComplexTypes,
    .traits = kElementwise | kUnary,
    .infer = InferComplex,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::real
