// SPDX-License-Identifier: Apache-2.0
#include "ops/hash_util.h"

#include <bit>
#include <cstring>
#include <utility>

namespace octet::ops {
namespace {

uint64_t Read64(const char* p) {
  uint64_t v = 0;
  for (int i = 7; i >= 0; --i) v = v << 8 | static_cast<uint8_t>(p[i]);
  return v;
}
uint64_t Read32(const char* p) {
  uint64_t v = 0;
  for (int i = 3; i >= 0; --i) v = v << 8 | static_cast<uint8_t>(p[i]);
  return v;
}
uint64_t Rotate(uint64_t v, int right) { return std::rotr(v, right); }

// ------------------------------------------------------------------------------ FarmHash
// Constants and steps: github.com/google/farmhash, "farmhashna", whose Hash64 is Fingerprint64.

constexpr uint64_t k0 = 0xc3a5c85c97cb3127, k1 = 0xb492b66fbe98f273, k2 = 0x9ae16a3b2f90404f;

uint64_t ShiftMix(uint64_t v) { return v ^ v >> 47; }

uint64_t Mix(uint64_t u, uint64_t v, uint64_t mul) {
  const uint64_t a = ShiftMix((u ^ v) * mul);
  return ShiftMix((v ^ a) * mul) * mul;
}

uint64_t UpTo16(const char* s, uint64_t n) {
  const uint64_t mul = k2 + 2 * n;
  if (n >= 8) {
    const uint64_t a = Read64(s) + k2, b = Read64(s + n - 8);
    return Mix(Rotate(b, 37) * mul + a, (Rotate(a, 25) + b) * mul, mul);
  }
  if (n >= 4) return Mix(n + (Read32(s) << 3), Read32(s + n - 4), mul);
  if (n == 0) return k2;
  const auto first = static_cast<uint8_t>(s[0]), middle = static_cast<uint8_t>(s[n >> 1]), last = static_cast<uint8_t>(s[n - 1]);
  const uint64_t y = first + (uint64_t{middle} << 8), z = n + (uint64_t{last} << 2);
  return ShiftMix(y * k2 ^ z * k0) * k2;
}

uint64_t UpTo32(const char* s, uint64_t n) {
  const uint64_t mul = k2 + 2 * n;
  const uint64_t a = Read64(s) * k1, b = Read64(s + 8), c = Read64(s + n - 8) * mul, d = Read64(s + n - 16) * k2;
  return Mix(Rotate(a + b, 43) + Rotate(c, 30) + d, a + Rotate(b + k2, 18) + c, mul);
}

uint64_t UpTo64(const char* s, uint64_t n) {
  const uint64_t mul = k2 + 2 * n;
  const uint64_t a = Read64(s) * k2, b = Read64(s + 8), c = Read64(s + n - 8) * mul, d = Read64(s + n - 16) * k2;
  const uint64_t y = Rotate(a + b, 43) + Rotate(c, 30) + d, z = Mix(y, a + Rotate(b + k2, 18) + c, mul);
  const uint64_t e = Read64(s + 16) * mul, f = Read64(s + 24), g = (y + Read64(s + n - 32)) * mul, h = (z + Read64(s + n - 24)) * mul;
  return Mix(Rotate(e + f, 43) + Rotate(g, 30) + h, e + Rotate(f + a, 18) + g, mul);
}

struct Pair {
  uint64_t first = 0, second = 0;
};

// 32 bytes, mixed into two seeds.
Pair Mix32(const char* s, uint64_t a, uint64_t b) {
  a += Read64(s);
  b = Rotate(b + a + Read64(s + 24), 21);
  const uint64_t c = a;
  a += Read64(s + 8) + Read64(s + 16);
  return {a + Read64(s + 24), b + Rotate(a, 44) + c};
}

// What 64 bytes at a time are mixed into.
struct State {
  uint64_t x, y, z;
  Pair v, w;

  // `times` is 1, and 9 in the last round, whose multiplier differs, too.
  void Take(const char* s, uint64_t mul, uint64_t times) {
    x = Rotate(x + y + v.first + Read64(s + 8), 37) * mul;
    y = Rotate(y + v.second + Read64(s + 48), 42) * mul;
    x ^= w.second * times;
    y += v.first * times + Read64(s + 40);
    z = Rotate(z + w.first, 33) * mul;
    v = Mix32(s, v.second * mul, x + w.first);
    w = Mix32(s + 32, z + w.second, y + Read64(s + 16));
    std::swap(z, x);
  }
};

uint64_t Longer(const char* s, uint64_t n) {
  constexpr uint64_t kSeed = 81;
  State t{kSeed * k2 + Read64(s), kSeed * k1 + 113, 0, {}, {}};
  t.z = ShiftMix(t.y * k2 + 113) * k2;
  const char* const end = s + (n - 1) / 64 * 64;
  const char* const last = s + n - 64;
  for (; s != end; s += 64) t.Take(s, k1, 1);
  const uint64_t mul = k1 + ((t.z & 0xff) << 1);
  t.w.first += (n - 1) & 63;
  t.v.first += t.w.first;
  t.w.first += t.v.first;
  t.Take(last, mul, 9);
  return Mix(Mix(t.v.first, t.w.first, mul) + ShiftMix(t.y) * k0 + t.z, Mix(t.v.second, t.w.second, mul) + t.x, mul);
}

}  // namespace

uint64_t Fingerprint64(std::string_view text) {
  const char* s = text.data();
  const uint64_t n = text.size();
  return n <= 16 ? UpTo16(s, n) : n <= 32 ? UpTo32(s, n) : n <= 64 ? UpTo64(s, n) : Longer(s, n);
}

// ------------------------------------------------------------------------------- SipHash
// Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012: two rounds per word, four at the end.

namespace {

struct Sip {
  uint64_t v0, v1, v2, v3;
  void Round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }
  void Take(uint64_t word) {
    v3 ^= word;
    Round();
    Round();
    v0 ^= word;
  }
};

}  // namespace

uint64_t SipHash(uint64_t key0, uint64_t key1, std::string_view text) {
  Sip s{key0 ^ 0x736f6d6570736575, key1 ^ 0x646f72616e646f6d, key0 ^ 0x6c7967656e657261, key1 ^ 0x7465646279746573};
  const char* p = text.data();
  size_t rest = text.size();
  for (; rest >= 8; rest -= 8, p += 8) s.Take(Read64(p));
  uint64_t last = uint64_t{text.size()} << 56;
  for (size_t i = 0; i < rest; ++i) last |= uint64_t{static_cast<uint8_t>(p[i])} << (8 * i);
  s.Take(last);
  s.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) s.Round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

}  // namespace octet::ops
