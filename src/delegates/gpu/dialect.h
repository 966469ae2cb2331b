// SPDX-License-Identifier: Apache-2.0
// Kernels are written once, in what OpenCL C and GLSL have in common, and rendered for either. Memory is seen as quads:
// four neighbouring elements, which every buffer has room for at its end. For an argument `a` a kernel has
//   LOAD_a(i)  quad i as four floats (F4) or integers (I4)     ELEM_a(i)  element i
//   RANK_a(s)  how many of 255 increasing floats, from element 1 on, are not above s
//   STORE_a(i, v)  where the kernel writes to it               MAKE_a(x, y, z, w), LOOKUP_a(v)  four elements at v
// and P(k), the numbers that come with each command. GID(d) and FLAT_ID say which item it is. A kernel that defines SHARED has
// 64 values of that type, `together`, for the items of a group of 64, which LANE counts; they meet at a BARRIER.
#pragma once
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base/float16.h"
#include "delegates/gpu/device.h"

namespace octet::gpu {

// How elements lie in the device's memory.
enum class Kind : uint8_t { kF32, kF16, kI8, kU8, kI32 };
inline bool IsFloatKind(Kind k) { return k == Kind::kF32 || k == Kind::kF16; }
inline size_t BytesOf(Kind k) { return k == Kind::kF32 || k == Kind::kI32 ? 4 : k == Kind::kF16 ? 2 : 1; }
// With room for whole quads.
inline size_t BytesOf(Kind k, int64_t elements) { return static_cast<size_t>((elements + 3) / 4 * 4) * BytesOf(k); }

// float32 where 16 bits are kept: what is beyond their range (masks of -1e9) becomes the largest number, not infinity,
// which times 0 would be no number.
inline uint16_t ToHalf(float f) {
  return F32ToF16(f > 65504.0f && f <= std::numeric_limits<float>::max() ? 65504.0f : f < -65504.0f && f >= -std::numeric_limits<float>::max() ? -65504.0f : f);
}

inline constexpr int kMostParams = 96;

struct Argument {
  std::string name;
  Kind kind;
  bool written = false;
};
std::string Render(Language language, std::span<const Argument> arguments, const std::string& defines, const char* body, Extent group);

}  // namespace octet::gpu
