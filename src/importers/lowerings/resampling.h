// SPDX-License-Identifier: Apache-2.0
// Resizing images in ways that no operator has. One axis is a product with a matrix [out, in] whose rows say which pixels count how much.
#pragma once
#include <string_view>
#include <vector>

#include "importers/lowering.h"

namespace octet::importers {

// By Keys' cubic kernel, or (not cubic) by how much of each pixel the new one covers.
struct Sampling {
  bool cubic = true, centres = false, corners = false;
};
std::vector<float> SampleRows(int32_t in, int32_t out, const Sampling& s);

// lanczos3, triangle, …; null for others.
struct ResampleKernel {
  double radius;
  double (*at)(double);
};
const ResampleKernel* FindResampleKernel(std::string_view name);
// Weights of new pixel i, whose middle lies at (i + 0.5 - move) / scale; antialias widens the kernel when shrinking.
// Pixels whose middle lies outside get nothing.
std::vector<float> KernelRows(int32_t in, int32_t out, float scale, float move, bool antialias, const ResampleKernel& kernel);

// Images [n, h, w, c] of known size -> [n, height, width, c], each axis by its matrix.
Result<Value> Resample(Lowering& c, Value x, int32_t height, int32_t width, const std::vector<float>& down, const std::vector<float>& across);

}  // namespace octet::importers
