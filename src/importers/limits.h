// SPDX-License-Identifier: Apache-2.0
// How much rules write out or let a model compute at most: a hostile file asks for anything in a few bytes. In numbers of elements, whatever the
// source's format; limits that only one layer has stand with it.
#pragma once
#include <cstdint>

namespace octet::importers {

inline constexpr int64_t kMostWritten = 1 << 24;     // Of a constant that a rule writes out - indices, bands, masks: 64 MB.
inline constexpr int64_t kMostWeights = 1 << 26;     // Of a matrix that a rule makes - of formulas, of kernels put in other places: 256 MB.
inline constexpr int64_t kMostPlaces = 1 << 26;      // Of what a layer is spread to when it runs - windows, samples: 256 MB.
inline constexpr int64_t kFloatIntegers = 1 << 24;   // From here on float32 lacks whole numbers: pixels and lengths are counted in it.

}  // namespace octet::importers
