// SPDX-License-Identifier: Apache-2.0
// IFFT (TensorFlow's): the inverse of FFT, of any length.
#include "ops/fourier_util.h"
#include "ops/import.h"

namespace octet::ops::flex_ifft {
namespace {

Status PrepareReference(Prepare& p) { return PrepareFourier(p, 1, true); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_ifft", .code = BuiltinCode::kCustom, .custom_name = "FlexIFFT",
    .inputs = kFourierInputs, .outputs = kFourierOutputs, .types = kFourierTypes, .check = CheckFourier<1>, .infer = InferFourier};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_ifft
