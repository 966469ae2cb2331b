// SPDX-License-Identifier: Apache-2.0
// IFFT2D (TensorFlow's): the inverse of FFT2D, of any length.
#include "ops/fourier_util.h"
#include "ops/import.h"

namespace octet::ops::flex_ifft2d {
namespace {

Status PrepareReference(Prepare& p) { return PrepareFourier(p, 2, true); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_ifft2d", .code = BuiltinCode::kCustom, .custom_name = "FlexIFFT2D",
    .inputs = kFourierInputs, .outputs = kFourierOutputs, .types = kFourierTypes, .check = CheckFourier<2>, .infer = InferFourier};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_ifft2d
