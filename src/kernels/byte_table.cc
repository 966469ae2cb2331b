// SPDX-License-Identifier: Apache-2.0
// Tables as straight pieces (ByteTable).
#include <algorithm>
#include <cmath>

#include "kernels/elementwise.h"

namespace octet::kernels {
namespace {

constexpr int kLength = 256 / ByteTable::kPieces;
constexpr int kSlopesTried = 8;  // To each side.

// A line that none of the first `count` entries lies below, nor more than one above.
bool FindPiece(const uint8_t (&entry)[kLength], int count, uint8_t* base, int8_t* slope, uint8_t* more) {
  const int rise = static_cast<int8_t>(entry[count - 1] - entry[0]);
  const int middle = count == 1 ? 0 : static_cast<int>(std::lround(static_cast<double>(rise << ByteTable::kSlopeBits) / (count - 1)));
  for (int i = 0; i < 2 * kSlopesTried; ++i) {
    const int by = middle + (i % 2 ? -(i + 1) / 2 : i / 2);
    if (by < -128 || by > 127) continue;
    int rest[kLength] = {};
    for (int l = 0; l < count; ++l) rest[l] = static_cast<int8_t>(entry[l] - ((by * l) >> ByteTable::kSlopeBits) - entry[0]);
    const auto [low, high] = std::minmax_element(rest, rest + count);
    if (*high - *low > 1) continue;
    *base = static_cast<uint8_t>(entry[0] + *low);
    *slope = static_cast<int8_t>(by);
    *more = 0;
    for (int l = 0; l < count; ++l) *more |= static_cast<uint8_t>((rest[l] - *low) << l);
    return true;
  }
  return false;
}

// Of entry_at(i), i < count: bits or distances.
bool FindAllPieces(int count, const auto& entry_at, ByteTable* t) {
  for (int first = 0; first < count; first += kLength) {
    uint8_t entry[kLength];
    const int here = std::min(kLength, count - first), s = first / kLength;
    for (int l = 0; l < here; ++l) entry[l] = entry_at(first + l);
    if (!FindPiece(entry, here, &t->base[s], &t->slope[s], &t->more[s])) return false;
  }
  return true;
}

}  // namespace

void FindPieces(ByteTable* t) {
  if (!Vectors().reads_pieces) return;
  if (FindAllPieces(256, [&](int bits) { return t->entry[bits]; }, t)) {
    t->pieces = ByteTable::Pieces::kOfBits;
    return;
  }
  const auto signed_entry = [&](int value) { return t->entry[static_cast<uint8_t>(value)]; };
  int flat = -128;  // Up to here.
  while (flat < 127 && signed_entry(flat + 1) == signed_entry(-128)) ++flat;
  for (int from = flat; from > flat - kLength && from >= -128; --from) {
    if (!FindAllPieces(128 - from, [&](int distance) { return signed_entry(from + distance); }, t)) continue;
    t->from = static_cast<int8_t>(from);
    t->pieces = ByteTable::Pieces::kOfDistance;
    return;
  }
}

}  // namespace octet::kernels
