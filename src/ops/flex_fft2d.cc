// SPDX-License-Identifier: Apache-2.0
// FFT2D (TensorFlow's): the discrete Fourier transform of the last two dimensions, of any length.
#include "ops/fourier_util.h"
#include "ops/import.h"

namespace octet::ops::flex_fft2d {
namespace {

Status PrepareReference(Prepare& p) { return PrepareFourier(p, 2, false); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_fft2d", .code = BuiltinCode::kCustom, .custom_name = "FlexFFT2D",
    .inputs = kFourierInputs, .outputs = kFourierOutputs, .types = kFourierTypes, .check = CheckFourier<2>, .infer = InferFourier};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_fft2d
