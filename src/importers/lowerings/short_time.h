// SPDX-License-Identifier: Apache-2.0
// Short-time Fourier transforms of signals whose length is known: each frame's bins up to half of its length.
#pragma once
#include <vector>

#include "importers/lowerings/complex.h"

namespace octet::importers {

struct Framing {
  int32_t time, size, step;  // Of the signals, of the frames that are transformed, and from each to the next.
  int32_t frames() const { return (time - size) / step + 1; }
  int32_t bins() const { return size / 2 + 1; }
  int32_t blocks_per_frame() const { return (size - 1) / step + 1; }
};

// Whether RFFT2D and what cuts the frames are smaller than a matrix of waves.
bool IsFast(const Framing& f);

// Signals [n, time] -> complex numbers [n*frames, 1, bins], the frames multiplied by a window of f.size numbers.
Result<Value> SpectraOfFrames(Lowering& c, Value x, const Framing& f, const std::vector<double>& window);

}  // namespace octet::importers
