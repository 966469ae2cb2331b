// SPDX-License-Identifier: Apache-2.0
#include "delegates/gpu/kernels.h"

namespace octet::gpu {

// P(0): quads of the output. All the work is in FINISH.
const char* const kMapBody = R"(
  int o = FLAT_ID;
  if (o >= P(0)) return;
  FINISH(0)
)";

// Output element e comes from a[sum of t over e's coordinates]; a negative entry: from elsewhere. KEEP: such elements
// stay as they are, else they become P(1). P(0) quads; P(2) rank; then per dimension, innermost first, size and where
// its entries begin in t.
const char* const kMoveBody = R"(
  int o = FLAT_ID;
  if (o >= P(0)) return;
  S_a r[4];
#ifdef KEEP
  V_a old = LOAD_y(o);
  r[0] = old.x; r[1] = old.y; r[2] = old.z; r[3] = old.w;
#else
  r[0] = r[1] = r[2] = r[3] = FILL;
#endif
  int rank = P(2);
  for (int j = 0; j < 4; ++j) {
    int e = 4 * o + j, from = 0;
    bool inside = true;
    for (int d = 0; d < rank; ++d) {
      int size = P(3 + 2 * d), q = e / size, at = ELEM_t(P(4 + 2 * d) + e - q * size);
      inside = inside && at >= 0;
      from += at;
      e = q;
    }
    if (inside && e == 0) r[j] = ELEM_a(from);
  }
  V_a v0 = MAKE_a(r[0], r[1], r[2], r[3]);
  FINISH(v0)
)";

// The same in whole quads.
const char* const kMoveQuadsBody = R"(
  int o = FLAT_ID;
  if (o >= P(0)) return;
  int rank = P(2), e = o, from = 0;
  bool inside = true;
  for (int d = 0; d < rank; ++d) {
    int size = P(3 + 2 * d), q = e / size, at = ELEM_t(P(4 + 2 * d) + e - q * size);
    inside = inside && at >= 0;
    from += at;
    e = q;
  }
#ifdef KEEP
  if (!inside) return;
  V_a v0 = LOAD_a(from);
#else
  V_a v0 = ALL_a(FILL);
  if (inside) v0 = LOAD_a(from);
#endif
  FINISH(v0)
)";

// Sums of products over a window: convolution, depthwise, transposed, and matrices as windows of one cell. Channels come
// in quads. Weights are [ky][kx][channel of the group][output quad], depthwise [ky][kx][output quad]. Constants per
// output quad in c. An item computes TILE neighbouring pixels of one output quad; with SPLIT, so many items of a group of
// 64 share the channels of a window's cells.
const char* const kProductBody = R"(
  int ox = GID(1) * TILE, z = GID(2);
  int OC4 = P(0), OW = P(1), OH = P(2), IH = P(4), IW = P(5), IC4 = P(6), KH = P(7), KW = P(8), GI4 = P(15);
#if SPLIT > 1
  int wide = 64 / SPLIT, share = LANE / wide, slot = LANE % wide, column = GID(0) / 64 * wide + slot, oc = min(column, OC4 - 1);
  int k0 = GI4 * share / SPLIT, k1 = GI4 * (share + 1) / SPLIT;
#else
  int oc = GID(0), k0 = 0, k1 = GI4;
  if (oc >= OC4 || ox >= OW || z >= OH * P(3)) return;
#endif
  int b = z / OH, oy = z - b * OH, xb = b, wb = 0;
#ifdef BATCHED
  xb = ELEM_m(2 * b);
  wb = ELEM_m(2 * b + 1) * (KH * KW * GI4 * 4 * OC4);
#endif
  ACC acc[TILE];
  int zx[TILE];
  for (int t = 0; t < TILE; ++t) {
    acc[t] = ACC_ZERO;
#ifdef HYBRID
    zx[t] = INT(ELEM_r(4 * (b * P(22) + min(ox + t, OW - 1) * P(23)) + 1));
#else
    zx[t] = P(17);
#endif
  }
  for (int ky = 0; ky < KH; ++ky) {
#ifdef TRANSPOSED
    int ty = oy + P(13) - ky, iy = ty / P(9);
    if (ty < 0 || iy * P(9) != ty || iy >= IH) continue;
#else
    int iy = oy * P(9) + ky * P(11) - P(13);
    if (iy < 0 || iy >= IH) continue;
#endif
    for (int kx = 0; kx < KW; ++kx) {
      int at[TILE];
      for (int t = 0; t < TILE; ++t) {
#ifdef TRANSPOSED
        int tx = ox + t + P(14) - kx, ix = tx / P(10);
        bool inside = tx >= 0 && ix * P(10) == tx && ix < IW;
#else
        int ix = (ox + t) * P(10) + kx * P(12) - P(14);
        bool inside = ix >= 0 && ix < IW;
#endif
        at[t] = inside ? ((xb * IH + iy) * IW + ix) * IC4 : -1;
      }
#ifdef DEPTHWISE
      ACC w0 = LOAD_w((ky * KW + kx) * OC4 + oc) - ZW;
      for (int t = 0; t < TILE; ++t) {
        if (at[t] < 0) continue;
#ifdef MULTIPLIER
        int e = 4 * at[t], c0 = 4 * oc, m = P(16);
        ACC x0 = MAKE_x(ELEM_x(e + c0 / m), ELEM_x(e + (c0 + 1) / m), ELEM_x(e + (c0 + 2) / m), ELEM_x(e + (c0 + 3) / m));
#else
        ACC x0 = LOAD_x(at[t] + oc);
#endif
        acc[t] += (x0 - ZX(t)) * w0;
      }
#else
      int wi = wb + ((ky * KW + kx) * GI4 + k0) * 4 * OC4 + oc, first = oc / P(16) * GI4;
#pragma unroll 4
      for (int k = k0; k < k1; ++k) {
        ACC w0 = LOAD_w(wi) - ZW, w1 = LOAD_w(wi + OC4) - ZW, w2 = LOAD_w(wi + 2 * OC4) - ZW, w3 = LOAD_w(wi + 3 * OC4) - ZW;
        wi += 4 * OC4;
        for (int t = 0; t < TILE; ++t) {
          if (at[t] < 0) continue;
          ACC x0 = LOAD_x(at[t] + first + k) - ZX(t);
          acc[t] += x0.x * w0 + x0.y * w1 + x0.z * w2 + x0.w * w3;
        }
      }
#endif
    }
  }
#if SPLIT > 1
  for (int t = 0; t < TILE; ++t) {
    together[LANE] = acc[t];
    BARRIER;
    for (int n = 1; n < SPLIT; ++n) acc[t] += together[slot + (share + n) % SPLIT * wide];
    BARRIER;
  }
  if (share > 0 || column >= OC4) return;
#endif
  for (int t = 0; t < TILE; ++t) {
    if (ox + t >= OW) break;
    int o = (z * OW + ox + t) * OC4 + oc;
#if defined(HYBRID)
    F4 v0 = TO_F4(acc[t]) * LOAD_c(2 * oc + 1) * ELEM_r(4 * (b * P(22) + (ox + t) * P(23))) + LOAD_c(2 * oc);
    v0 = clamp(v0, F_BITS(P(20)), F_BITS(P(21)));
#elif defined(DOUBLE_ROUNDING)
    I4 v0 = requantize(acc[t] + LOAD_c(3 * oc), LOAD_c(3 * oc + 1), LOAD_c(3 * oc + 2));
    v0 = clamp(v0 + P(19), P(20), P(21));
#elif defined(F64_ROUNDING)
    I4 s = acc[t] + LOAD_c(4 * oc), mh = LOAD_c(4 * oc + 1), ml = LOAD_c(4 * oc + 2), e = LOAD_c(4 * oc + 3);
    I4 v0 = MK_I4(scale_f64(s.x, UINT(mh.x), UINT(ml.x), e.x), scale_f64(s.y, UINT(mh.y), UINT(ml.y), e.y),
                  scale_f64(s.z, UINT(mh.z), UINT(ml.z), e.z), scale_f64(s.w, UINT(mh.w), UINT(ml.w), e.w));
    v0 = clamp(v0 + P(19), P(20), P(21));
#else
    F4 v0 = clamp(acc[t] + LOAD_c(oc), F_BITS(P(20)), F_BITS(P(21)));
#endif
    FINISH(v0)
  }
)";

// Average and maximum over the cells of a window that lie inside the image.
const char* const kPoolBody = R"(
  int o = FLAT_ID;
  if (o >= P(0)) return;
  int C4 = P(1), OW = P(2), OH = P(3), IH = P(4), IW = P(5);
  int c = o % C4, ox = o / C4 % OW, oy = o / C4 / OW % OH, b = o / C4 / OW / OH;
  int y0 = oy * P(8) - P(10), x0 = ox * P(9) - P(11), y1 = min(y0 + P(6), IH), x1 = min(x0 + P(7), IW);
  y0 = max(y0, 0);
  x0 = max(x0, 0);
  V_x v0 = POOL_START;
  for (int iy = y0; iy < y1; ++iy)
    for (int ix = x0; ix < x1; ++ix) {
      V_x cell = LOAD_x(((b * IH + iy) * IW + ix) * C4 + c);
      v0 = POOL_STEP;
    }
  int n = (y1 - y0) * (x1 - x0);
  POOL_END
  v0 = clamp(v0, POOL_LOW, POOL_HIGH);
  FINISH(v0)
)";

// y[o] = combination of x[t[o] + t[P(1) + r]] over r < P(2). QUADS: both count quads; else elements, P(3) of them.
const char* const kReduceBody = R"(
  int o = FLAT_ID;
  if (o >= P(0)) return;
#ifdef QUADS
  V_x s = ALL_x(REDUCE_START);
  int base = ELEM_t(o);
  for (int r = 0; r < P(2); ++r) {
    V_x cell = LOAD_x(base + ELEM_t(P(1) + r));
    s = REDUCE_STEP;
  }
#else
  S_x part[4];
  for (int j = 0; j < 4; ++j) {
    S_x s = REDUCE_START;
    int base = ELEM_t(min(4 * o + j, P(3) - 1));
    for (int r = 0; r < P(2); ++r) {
      S_x cell = ELEM_x(base + ELEM_t(P(1) + r));
      s = REDUCE_STEP;
    }
    part[j] = s;
  }
  V_x s = MAKE_x(part[0], part[1], part[2], part[3]);
#endif
  V_x v0 = REDUCE_END;
  FINISH(v0)
)";

// The same for many elements each: a group of 64 items for a quad of outputs (QUADS), or for four of them, 16 for each,
// where what is reduced lies in quads; t counts quads.
const char* const kReduceTogetherBody = R"(
  int o = FLAT_ID / 64, lane = LANE, mine = min(o, P(0) - 1);
#ifdef QUADS
  int base = ELEM_t(mine), reader = lane, readers = 64;
#else
  int base = ELEM_t(min(4 * mine + lane / 16, P(3) - 1)), reader = lane % 16, readers = 16;
#endif
  V_x s = ALL_x(REDUCE_START);
#pragma unroll 4
  for (int r = reader; r < P(2); r += readers) {
    V_x cell = LOAD_x(base + ELEM_t(P(1) + r));
    s = REDUCE_STEP;
  }
  together[lane] = s;
  BARRIER;
  if (lane > 0 || o >= P(0)) return;
#ifdef QUADS
  for (int i = 1; i < 64; ++i) {
    V_x cell = together[i];
    s = REDUCE_STEP;
  }
#else
  S_x part[4];
  for (int j = 0; j < 4; ++j) {
    V_x s = together[16 * j];
    for (int i = 1; i < 16; ++i) {
      V_x cell = together[16 * j + i];
      s = REDUCE_STEP;
    }
    V_x all = s;
    {
      S_x s = all.x, cell = all.y;
      s = REDUCE_STEP;
      cell = all.z;
      s = REDUCE_STEP;
      cell = all.w;
      part[j] = REDUCE_STEP;
    }
  }
  s = MAKE_x(part[0], part[1], part[2], part[3]);
#endif
  V_x v0 = REDUCE_END;
  FINISH(v0)
)";

// A row per item or group: P(0) rows of P(1) elements in P(2) quads, beta in P(3).
const char* const kSoftmaxBody = R"(
  int row = ROW(P(0)), first = ROW_FIRST;
  if (row >= P(0)) return;
  int depth = P(1), quads = P(2), base = row * quads;
  float beta = F_BITS(P(3)), most = ELEM_x(4 * base), sum = 0.0f;
  for (int k = first; k < depth; k += ROW_STEP) most = max(most, ELEM_x(4 * base + k));
  MEET(most, max(most, cell));
  for (int k = first; k < depth; k += ROW_STEP) sum += exp((ELEM_x(4 * base + k) - most) * beta);
  MEET(sum, sum + cell);
  for (int k = first; k < quads; k += ROW_STEP) {
    int o = base + k;
    F4 d = (LOAD_x(o) - most) * beta;
    F4 v0 = SOFTMAX_VALUE;
    FINISH(v0)
  }
)";

// The reference's fixed point: e^-d in Q0.31 at t[d], the same as it goes into the Q12.19 sum at t[256 + d], nothing from
// d > P(3) on. A reciprocal by three Newton steps.
const char* const kSoftmaxIntegerBody = R"(
  int row = ROW(P(0)), first = ROW_FIRST;
  if (row >= P(0)) return;
  int depth = P(1), quads = P(2), base = row * quads, most = ELEM_x(4 * base), sum = 0;
  for (int k = first; k < depth; k += ROW_STEP) most = max(most, ELEM_x(4 * base + k));
  MEET(most, max(most, cell));
  for (int k = first; k < depth; k += ROW_STEP) sum += ELEM_t(256 + most - ELEM_x(4 * base + k));
  MEET(sum, sum + cell);
  int headroom = sum == 0 ? 32 : CLZ(UINT(sum));
  int fraction = INT((headroom >= 32 ? 0u : UINT(sum) << UINT(headroom)) - 0x80000000u);
  I4 half_ = ALL_I4((fraction >> 1) + 0x40000000);
  I4 r = ALL_I4(1515870810) + high_mul(half_, ALL_I4(-1010580540));
  for (int n = 0; n < 3; ++n) {
    I4 product = high_mul(r, ALL_I4(0x20000000) - high_mul(half_, r));
    I4 four = product.x > 0x1fffffff ? ALL_I4(0x7fffffff) : product.x < -0x1fffffff ? ALL_I4(-0x7fffffff - 1) : product * 4;
    r = I4_BITS(U4_BITS(r) + U4_BITS(four));
  }
  int scale = r.x > 0x3fffffff ? 0x7fffffff : r.x * 2, shift = 35 - headroom;
  for (int k = first; k < quads; k += ROW_STEP) {
    int o = base + k;
    I4 d = min(max(most - LOAD_x(o), 0), 255);
    I4 q = high_mul(ALL_I4(scale), LOOKUP_t(d));
    I4 v0 = shift < 32 ? divide_pot(q, ALL_I4(min(shift, 31))) : ALL_I4(0);
    I4 counts = (d - P(3) - 1) >> 31;
    v0 = clamp(P(4) + (v0 & counts), P(4), P(5));
    FINISH(v0)
  }
)";

// Where the first BEST of P(1) elements at distance P(2) is; P(3) outputs.
const char* const kArgBody = R"(
  int o = FLAT_ID;
  if (o >= P(0)) return;
  int part[4];
  for (int j = 0; j < 4; ++j) {
    int e = min(4 * o + j, P(3) - 1), outer = e / P(2), base = outer * P(1) * P(2) + e - outer * P(2), at = 0;
    S_x best = ELEM_x(base);
    for (int k = 1; k < P(1); ++k) {
      S_x cell = ELEM_x(base + k * P(2));
      if (BETTER) { best = cell; at = k; }
    }
    part[j] = at;
  }
  I4 v0 = MK_I4(part[0], part[1], part[2], part[3]);
  FINISH(v0)
)";

// A row per item, divided by its length: P(0) rows of P(1) elements in P(2) quads.
const char* const kNormalizeBody = R"(
  int row = FLAT_ID;
  if (row >= P(0)) return;
  int base = row * P(2);
  float sum = 0.0f;
  for (int k = 0; k < P(1); ++k) sum += ELEM_x(4 * base + k) * ELEM_x(4 * base + k);
  float norm = max(sqrt(sum), 1e-6f);
  for (int k = 0; k < P(2); ++k) {
    int o = base + k;
    F4 v0 = LOAD_x(o) / norm;
    FINISH(v0)
  }
)";

// Per row and column in t: two neighbours and the second one's weight (float bits, or in 1/1024).
const char* const kResizeBody = R"(
  int o = FLAT_ID;
  if (o >= P(0)) return;
  int C4 = P(1), OW = P(2), OH = P(3), IH = P(4), IW = P(5);
  int c = o % C4, ox = o / C4 % OW, oy = o / C4 / OW % OH, b = o / C4 / OW / OH;
  int ty = 3 * oy, tx = 3 * (OH + ox);
  int low = (b * IH + ELEM_t(ty)) * IW, high = (b * IH + ELEM_t(ty + 1)) * IW, left = ELEM_t(tx), right = ELEM_t(tx + 1);
  V_x p0 = LOAD_x((low + left) * C4 + c), p1 = LOAD_x((low + right) * C4 + c);
  V_x p2 = LOAD_x((high + left) * C4 + c), p3 = LOAD_x((high + right) * C4 + c);
#ifdef INTEGER
  int wy = ELEM_t(ty + 2), wx = ELEM_t(tx + 2);
  I4 s = p0 * ((1024 - wy) * (1024 - wx)) + p1 * ((1024 - wy) * wx) + p2 * (wy * (1024 - wx)) + p3 * (wy * wx);
  I4 sign = s >> 31;
  I4 v0 = ((((s ^ sign) - sign + 524288) >> 20) ^ sign) - sign;
#else
  float wy = F_BITS(ELEM_t(ty + 2)), wx = F_BITS(ELEM_t(tx + 2));
  F4 v0 = p0 * (1.0f - wy) * (1.0f - wx) + p2 * wy * (1.0f - wx) + p1 * (1.0f - wy) * wx + p3 * wy * wx;
#endif
  FINISH(v0)
)";

// Hybrid operators quantize their rows while the model runs: P(0) rows of P(1) quads, P(2) items per row. First each
// item's lowest and highest value,
const char* const kRowRangeBody = R"(
  int id = FLAT_ID, items = P(2);
  if (id >= P(0) * items) return;
  int row = id / items, item = id - row * items;
  F4 low = ALL_F4(0.0f), high = low;
  for (int k = item; k < P(1); k += items) {
    F4 v = LOAD_x(row * P(1) + k);
    low = min(low, v);
    high = max(high, v);
  }
  STORE_y(id, MK_F4(min(min(low.x, low.y), min(low.z, low.w)), max(max(high.x, high.y), max(high.z, high.w)), 0.0f, 0.0f));
)";
// then each row's scale, zero point and inverse scale (ops/hybrid_util.h),
const char* const kRowFormBody = R"(
  int row = FLAT_ID;
  if (row >= P(0)) return;
  float low = 0.0f, high = 0.0f, zero = 0.0f;
  for (int k = 0; k < P(2); ++k) {
    F4 cell = LOAD_x(row * P(2) + k);
    low = min(low, cell.x);
    high = max(high, cell.y);
  }
#ifdef ASYMMETRIC
  // range / 255 rounded once: the quotient and what it leaves.
  float range = high - low, scale = range / 255.0f;
  scale += ((range - scale * 256.0f) + scale) / 255.0f;
  float inverse = 1.0f / scale;
  if (high > low) {
    float from_low = -low / scale, from_high = high / scale;
    zero = clamp(RINT(from_low < from_high ? -128.0f + from_low : 127.0f - from_high), -128.0f, 127.0f);
  }
#else
  float range = max(-low, high), scale = range / 127.0f, inverse = 127.0f / range;
#endif
  bool empty = !(high > low);
  STORE_y(row, MK_F4(empty ? 1.0f : scale, zero, empty ? 0.0f : inverse, 0.0f));
)";
// then the values.
const char* const kRowQuantizeBody = R"(
  int o = FLAT_ID;
  if (o >= P(0) * P(1)) return;
  int row = o / P(1);
  F4 q = LOAD_x(o) * ELEM_r(4 * row + 2);
  F4 rounded = floor(ABS(q) + 0.5f) * sign(q);
  STORE_y(o, TO_I4(clamp(rounded + ELEM_r(4 * row + 1), F_BITS(P(3)), 127.0f)));
)";

}  // namespace octet::gpu
