// SPDX-License-Identifier: Apache-2.0
#include "delegates/gpu/dialect.h"

namespace octet::gpu {
namespace {

constexpr const char* kOpenClPrelude = R"(
typedef float4 F4; typedef int4 I4; typedef uint4 U4;
#define PD __constant const int* p,
#define PP p,
#define P(k) p[k]
#define GID(d) ((int)get_global_id(d))
#define FLAT_ID ((int)(get_global_id(0) + get_global_id(1) * get_global_size(0)))
#define LANE ((int)get_local_id(0))
#define BARRIER barrier(CLK_LOCAL_MEM_FENCE)
#define INT(x) ((int)(x))
#define UINT(x) ((uint)(x))
#define FLT(x) ((float)(x))
#define MK_F4(a, b, c, d) ((float4)(a, b, c, d))
#define MK_I4(a, b, c, d) ((int4)(a, b, c, d))
#define ALL_F4(s) ((float4)(s))
#define ALL_I4(s) ((int4)(s))
#define ALL_U4(s) ((uint4)(s))
#define TO_F4(v) convert_float4(v)
#define TO_I4(v) convert_int4(v)
#define U4_BITS(v) as_uint4(v)
#define I4_BITS(v) as_int4(v)
#define F_BITS(s) as_float(s)
#define MULHI_I4(a, b) mul_hi(a, b)
#define MULHI_U(a, b) mul_hi(a, b)
#define CLZ(s) ((int)clz(s))
#define ABS(v) fabs(v)
#define RINT(v) rint(v)
#define RSQRT(v) rsqrt(v)
#define SELECT(c, a, b) select(b, a, (c) != 0)
#define POW(a, b) pow(a, b)
#define LESS(a, b) (((a) < (b)) & 1)
#define LESS_EQUAL(a, b) (((a) <= (b)) & 1)
#define EQUAL(a, b) (((a) == (b)) & 1)
int rank_in(__global const float* t, float x) {
  int rank = 0;
  for (int step = 128; step > 0; step >>= 1)
    if (x >= t[rank + step]) rank += step;
  return rank;
}
)";

constexpr const char* kGlslPrelude = R"(
precision highp float;
precision highp int;
#define F4 vec4
#define I4 ivec4
#define U4 uvec4
#define PD
#define PP
#define P(k) p[k]
#define GID(d) int(gl_GlobalInvocationID[d])
#define FLAT_ID int(gl_GlobalInvocationID.x + gl_GlobalInvocationID.y * gl_NumWorkGroups.x * gl_WorkGroupSize.x)
#define LANE int(gl_LocalInvocationID.x)
#define BARRIER memoryBarrierShared(); barrier()
#define INT(x) int(x)
#define UINT(x) uint(x)
#define FLT(x) float(x)
#define MK_F4(a, b, c, d) vec4(a, b, c, d)
#define MK_I4(a, b, c, d) ivec4(a, b, c, d)
#define ALL_F4(s) vec4(s)
#define ALL_I4(s) ivec4(s)
#define ALL_U4(s) uvec4(s)
#define TO_F4(v) vec4(v)
#define TO_I4(v) ivec4(v)
#define U4_BITS(v) uvec4(v)
#define I4_BITS(v) ivec4(v)
#define F_BITS(s) intBitsToFloat(s)
#define CLZ(s) (31 - findMSB(s))
#define ABS(v) abs(v)
#define RINT(v) roundEven(v)
#define RSQRT(v) inversesqrt(v)
#define SELECT(c, a, b) mix(b, a, notEqual(c, ivec4(0)))
#define LESS(a, b) ivec4(lessThan(a, b))
#define LESS_EQUAL(a, b) ivec4(lessThanEqual(a, b))
#define EQUAL(a, b) ivec4(equal(a, b))
// GLSL's pow knows no negative bases.
float pow_of(float a, float b) {
  float r = a == 0.0 ? (b == 0.0 ? 1.0 : b > 0.0 ? 0.0 : intBitsToFloat(0x7f800000)) : pow(abs(a), b);
  if (a >= 0.0) return r;
  return floor(b) != b ? intBitsToFloat(0x7fc00000) : fract(abs(b) * 0.5) != 0.0 ? -r : r;
}
#define POW(a, b) vec4(pow_of((a).x, (b).x), pow_of((a).y, (b).y), pow_of((a).z, (b).z), pow_of((a).w, (b).w))
ivec4 MULHI_I4(ivec4 a, ivec4 b) { ivec4 high, low; imulExtended(a, b, high, low); return high; }
uint MULHI_U(uint a, uint b) { uint high, low; umulExtended(a, b, high, low); return high; }
)";

// What the reference kernels round by (ops/quant_util.h, docs/numerics.md), without 64-bit integers or doubles, which
// many devices lack. high_mul: 2ab + 2^31 shifted right by 32 is the reference's formula for both signs.
constexpr const char* kCommon = R"(
I4 high_mul(I4 a, I4 b) {
  I4 high = MULHI_I4(a, b);
  U4 low = U4_BITS(a) * U4_BITS(b);
  U4 carry = ((low >> 1u) + 0x20000000u) >> 31u;
  return I4_BITS(((U4_BITS(high) + carry) << 1u) | ((low + 0x40000000u) >> 31u));
}
I4 divide_pot(I4 x, I4 e) {
  I4 mask = I4_BITS((ALL_U4(1u) << U4_BITS(e)) - 1u);
  I4 threshold = (mask >> 1) - (x >> 31);
  return (x >> e) - ((threshold - (x & mask)) >> 31);
}
I4 requantize(I4 x, I4 mantissa, I4 shift) {
  I4 left = max(shift, 0), right = max(-shift, 0);
  return divide_pot(high_mul(I4_BITS(U4_BITS(x) << U4_BITS(left)), mantissa), right);
}
// round(x * m * 2^-e) as double precision gives it, half away from zero; m = mh * 2^32 + ml has 53 bits, e > 0. The product
// of up to 85 bits is rounded to 53, ties to even, before it is rounded to an integer.
int scale_f64(int x, uint mh, uint ml, int e) {
  uint n = x < 0 ? 0u - UINT(x) : UINT(x);
  if (n == 0u || mh == 0u || e > 95) return 0;
  uint p0 = n * ml, p1 = n * mh, p2 = MULHI_U(n, mh), c = MULHI_U(n, ml);
  p1 += c;
  p2 += p1 < c ? 1u : 0u;
  int drop = (p2 != 0u ? 96 - CLZ(p2) : 64 - CLZ(p1)) - 53;
  if (drop > 0) {
    uint odd = drop < 32 ? (p0 >> UINT(drop)) & 1u : p1 & 1u;
    uint add = (1u << UINT(drop - 1)) - 1u + odd;
    p0 += add;
    uint carry = p0 < add ? 1u : 0u;
    p1 += carry;
    p2 += (carry != 0u && p1 == 0u) ? 1u : 0u;
    p0 = drop < 32 ? (p0 >> UINT(drop)) << UINT(drop) : 0u;
  }
  uint bit = 1u << UINT((e - 1) & 31);
  int limb = (e - 1) >> 5;
  if (limb == 0) {
    p0 += bit;
    uint carry = p0 < bit ? 1u : 0u;
    p1 += carry;
    p2 += (carry != 0u && p1 == 0u) ? 1u : 0u;
  } else if (limb == 1) {
    p1 += bit;
    p2 += p1 < bit ? 1u : 0u;
  } else {
    p2 += bit;
  }
  uint l0 = p0, l1 = p1, l2 = p2;
  if (e >= 64) { l0 = p2; l1 = 0u; l2 = 0u; }
  else if (e >= 32) { l0 = p1; l1 = p2; l2 = 0u; }
  uint s = UINT(e & 31);
  uint r = s == 0u ? l0 : (l0 >> s) | (l1 << (32u - s));
  uint above = s == 0u ? (l1 | l2) : ((l1 >> s) | l2);
  int q = (above != 0u || r > 0x3fffffffu) ? 0x3fffffff : INT(r);
  return x < 0 ? -q : q;
}
// An element of an operand with other strides: at P(at) a rank, then size and stride from the innermost dimension on.
int broadcast(PD int e, int at) {
  int offset = 0, rank = P(at);
  for (int d = 0; d < rank; ++d) {
    int size = P(at + 1 + 2 * d), q = e / size;
    offset += (e - q * size) * P(at + 2 + 2 * d);
    e = q;
  }
  return offset;
}
// All terms of the series are of one sign; beyond 4 erf is 1 to the last bit.
float erf_of(float x) {
  float a = min(ABS(x), 4.0f), term = a, sum = a, twice = 2.0f * a * a;
  for (int n = 1; n < 56; ++n) {
    term = term * twice / FLT(2 * n + 1);
    sum += term;
  }
  float r = min(1.12837916709551f * exp(-a * a) * sum, 1.0f);
  return x < 0.0f ? -r : r;
}
)";

// Rows: each of the 64 items of a group (SHARED), or of one. MEET: what its items found, `combined` from `value` and `cell`.
constexpr const char* kRows = R"(
#ifdef SHARED
#define ROW(rows) min(FLAT_ID / 64, rows - 1)
#define ROW_FIRST LANE
#define ROW_STEP 64
#define MEET(value, combined) together[LANE] = value; BARRIER; value = together[0]; for (int i = 1; i < 64; ++i) { SHARED cell = together[i]; value = combined; } BARRIER
#else
#define ROW(rows) FLAT_ID
#define ROW_FIRST 0
#define ROW_STEP 1
#define MEET(value, combined)
#endif
)";

std::string Replace(std::string text, char token, const std::string& with) {
  for (size_t at = 0; (at = text.find(token, at)) != std::string::npos; at += with.size()) text.replace(at, 1, with);
  return text;
}

// '@' is the argument's name.
constexpr const char* kFloatMacros = "#define V_@ F4\n#define S_@ float\n#define MAKE_@(x, y, z, w) MK_F4(x, y, z, w)\n#define ALL_@(s) ALL_F4(s)\n";
constexpr const char* kIntegerMacros = "#define V_@ I4\n#define S_@ int\n#define MAKE_@(x, y, z, w) MK_I4(x, y, z, w)\n#define ALL_@(s) ALL_I4(s)\n";
constexpr const char* kSharedMacros = "#define LOOKUP_@(v) MAKE_@(ELEM_@((v).x), ELEM_@((v).y), ELEM_@((v).z), ELEM_@((v).w))\n";

const char* OpenClType(Kind k) {
  return k == Kind::kF32 ? "float4" : k == Kind::kI32 ? "int4" : k == Kind::kF16 ? "half" : k == Kind::kI8 ? "char4" : "uchar4";
}
const char* OpenClAccess(Kind k) {
  switch (k) {
    case Kind::kF32:
      return "#define LOAD_@(i) @[i]\n#define ELEM_@(i) ((__global const float*)@)[i]\n#define STORE_@(i, v) @[i] = v\n#define RANK_@(s) rank_in((__global const float*)@, s)\n";
    case Kind::kI32: return "#define LOAD_@(i) @[i]\n#define ELEM_@(i) ((__global const int*)@)[i]\n#define STORE_@(i, v) @[i] = v\n";
    case Kind::kF16: return "#define LOAD_@(i) vload_half4(i, @)\n#define ELEM_@(i) vload_half(i, @)\n#define STORE_@(i, v) vstore_half4_rte(v, i, @)\n";
    case Kind::kI8:
      return "#define LOAD_@(i) convert_int4(@[i])\n#define ELEM_@(i) ((int)((__global const char*)@)[i])\n#define STORE_@(i, v) @[i] = convert_char4(v)\n";
    case Kind::kU8:
      return "#define LOAD_@(i) convert_int4(@[i])\n#define ELEM_@(i) ((int)((__global const uchar*)@)[i])\n#define STORE_@(i, v) @[i] = convert_uchar4(v)\n";
  }
  return "";
}

const char* GlslType(Kind k) { return k == Kind::kF32 ? "vec4" : k == Kind::kI32 ? "ivec4" : k == Kind::kF16 ? "uvec2" : "uint"; }
const char* GlslAccess(Kind k) {
  switch (k) {
    case Kind::kF32:
      return "#define LOAD_@(i) @[i]\n#define ELEM_@(i) @[(i) >> 2][(i) & 3]\n#define STORE_@(i, v) @[i] = v\n"
             "int RANK_@(float value) {\n  int rank = 0;\n  for (int step = 128; step > 0; step >>= 1)\n    if (value >= ELEM_@(rank + step)) rank += step;\n  return rank;\n}\n";
    case Kind::kI32: return "#define LOAD_@(i) @[i]\n#define ELEM_@(i) @[(i) >> 2][(i) & 3]\n#define STORE_@(i, v) @[i] = v\n";
    case Kind::kF16:
      return "#define LOAD_@(i) vec4(unpackHalf2x16(@[i].x), unpackHalf2x16(@[i].y))\n#define ELEM_@(i) unpackHalf2x16(@[(i) >> 2][((i) >> 1) & 1])[(i) & 1]\n"
             "#define STORE_@(i, v) @[i] = uvec2(packHalf2x16((v).xy), packHalf2x16((v).zw))\n";
    case Kind::kI8:
      return "#define LOAD_@(i) (ivec4(uvec4(@[i]) << uvec4(24u, 16u, 8u, 0u)) >> 24)\n#define ELEM_@(i) (int(@[(i) >> 2] << uint(24 - 8 * ((i) & 3))) >> 24)\n"
             "#define STORE_@(i, v) @[i] = octet_pack(v)\n";
    case Kind::kU8:
      return "#define LOAD_@(i) ivec4((uvec4(@[i]) >> uvec4(0u, 8u, 16u, 24u)) & 255u)\n#define ELEM_@(i) int((@[(i) >> 2] >> uint(8 * ((i) & 3))) & 255u)\n"
             "#define STORE_@(i, v) @[i] = octet_pack(v)\n";
  }
  return "";
}
constexpr const char* kGlslPack = "uint octet_pack(ivec4 v) { uvec4 u = uvec4(v & 255); return u.x | (u.y << 8u) | (u.z << 16u) | (u.w << 24u); }\n";

std::string Accessors(std::span<const Argument> arguments, const char* (*access)(Kind)) {
  std::string text;
  for (const Argument& a : arguments) {
    text += Replace(std::string(IsFloatKind(a.kind) ? kFloatMacros : kIntegerMacros) + kSharedMacros, '@', a.name);
    text += Replace(access(a.kind), '@', a.name);
  }
  return text;
}

std::string RenderOpenCl(std::span<const Argument> arguments, const std::string& defines, const char* body) {
  std::string text =
      std::string(kOpenClPrelude) + Accessors(arguments, OpenClAccess) + defines + kCommon + kRows + "__kernel void octet_kernel(__constant const int* p";
  for (const Argument& a : arguments) text += std::string(", __global ") + (a.written ? "" : "const ") + OpenClType(a.kind) + "* " + a.name;
  return text + ") {\n#ifdef SHARED\n__local SHARED together[64];\n#endif\n" + body + "}\n";
}

std::string RenderGlsl(std::span<const Argument> arguments, const std::string& defines, const char* body, Extent group) {
  std::string text = "#version 310 es\n" + Format("layout(local_size_x = %u, local_size_y = %u, local_size_z = %u) in;\n", group[0], group[1], group[2]) +
                     kGlslPrelude + kGlslPack;
  text += Format("uniform int p[%d];\n", kMostParams);
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Argument& a = arguments[i];
    text += Format("layout(std430, binding = %zu) %sbuffer B_%s { %s %s[]; };\n", i, a.written ? "" : "readonly ", a.name.c_str(), GlslType(a.kind),
                   a.name.c_str());
  }
  return text + Accessors(arguments, GlslAccess) + defines + kCommon + kRows + "#ifdef SHARED\nshared SHARED together[64];\n#endif\nvoid main() {\n" + body +
         "}\n";
}

}  // namespace

std::string Render(Language language, std::span<const Argument> arguments, const std::string& defines, const char* body, Extent group) {
  return language == Language::kOpenClC ? RenderOpenCl(arguments, defines, body) : RenderGlsl(arguments, defines, body, group);
}

}  // namespace octet::gpu
