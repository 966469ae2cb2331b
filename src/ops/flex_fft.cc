// SPDX-License-Identifier: Apache-2.0
// FFT (TensorFlow's): the discrete Fourier transform of the last dimension, of any length.
#include "ops/fourier_util.h"
#include "ops/import.h"

namespace octet::ops::flex_fft {
namespace {

Status PrepareReference(Prepare& p) { return PrepareFourier(p, 1, false); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_fft", .code = BuiltinCode::kCustom, .custom_name = "FlexFFT",
    .inputs = kFourierInputs, .outputs = kFourierOutputs, .types = kFourierTypes, .check = CheckFourier<1>, .infer = InferFourier};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_fft
