// SPDX-License-Identifier: Apache-2.0
// The discrete Fourier transform, computed in double.
#pragma once
#include "ops/element_util.h"
#include "ops/op_def.h"

namespace octet::ops {

// In place, n a power of two; root[k] = e^(-2 pi i k / roots). The elements are `step` apart.
void RadixTwo(C128* x, int64_t n, int64_t step, const C128* root, int64_t roots);

// What the operators FFT, IFFT, FFT2D and IFFT2D share: complex numbers, transformed along their last `axes` dimensions, whatever
// the length; the inverse is divided by it.
inline constexpr Operand kFourierInputs[] = {{.name = "input"}};
inline constexpr Operand kFourierOutputs[] = {{.name = "output"}};
inline constexpr TypeRow kFourierTypes[] = {{"T=c64"}};
template <int kAxes> Status CheckFourier(const OpView& op);
Status InferFourier(const OpView& op, std::span<OutputType> out);
Status PrepareFourier(Prepare& p, int axes, bool inverse);

}  // namespace octet::ops
