// SPDX-License-Identifier: Apache-2.0
// Floats to integers, and integers' sums to floats. A part of elementwise_body.h.

// To nearest, halves away from zero, once it is cut off: what is added is the largest float below one half.
inline F BeforeCut(F v) { return Lanes::Add(v, Lanes::CopySign(Lanes::Set(0.49999997f), v)); }
inline F RoundAway(F v) { return Lanes::Truncate(BeforeCut(v)); }

void QuantizeF32(const float* x, int64_t n, float scale, float zero, int32_t low, int32_t high, int8_t* q) {
  const F s = Lanes::Set(scale), z = Lanes::Set(zero);
  const I lo = Lanes::SetI(low), hi = Lanes::SetI(high);
  const auto rounded = [&](F v) { return Lanes::ToInt(Lanes::Add(z, RoundAway(Lanes::Mul(v, s)))); };
  const auto clamped = [&](F v) { return Lanes::MinI(Lanes::MaxI(rounded(v), lo), hi); };
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    const I v[4] = {rounded(Lanes::Load(x + i)), rounded(Lanes::Load(x + i + kLanes)), rounded(Lanes::Load(x + i + 2 * kLanes)),
                    rounded(Lanes::Load(x + i + 3 * kLanes))};
    Lanes::StoreFourS8(q + i, v, low, high);
  }
  for (; i + kLanes <= n; i += kLanes) Lanes::StoreS8(q + i, clamped(Lanes::Load(x + i)));
  if (i < n) Lanes::StoreSomeS8(q + i, n - i, clamped(Lanes::LoadSome(x + i, n - i)));
}

void QuantizeToF32(const float* x, int64_t n, float scale, float zero, float low, float high, float* q) {
  const F s = Lanes::Set(scale), z = Lanes::Set(zero), lo = Lanes::Set(low), hi = Lanes::Set(high);
  // Not-a-numbers become the lowest value, as in QuantizeF32.
  const auto one = [&](F v) { return Lanes::Sub(Lanes::Min(Lanes::Max(Lanes::Add(z, RoundAway(Lanes::Mul(v, s))), lo), hi), z); };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Lanes::Store(q + i, one(Lanes::Load(x + i)));
  if (i < n) Lanes::StoreSome(q + i, n - i, one(Lanes::LoadSome(x + i, n - i)));
}

void DivideToS8(const float* x, int64_t n, float scale, int32_t zero, int8_t* q) {
  const F s = Lanes::Set(scale), low = Lanes::Set(static_cast<float>(-128 - zero)), high = Lanes::Set(static_cast<float>(127 - zero));
  const I z = Lanes::SetI(zero);
  // Not-a-numbers become the lowest value: Max answers its second operand for them.
  const auto one = [&](F v) { return Lanes::AddI(Lanes::ToInt(Lanes::Min(Lanes::Max(RoundAway(Lanes::Div(v, s)), low), high)), z); };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Lanes::StoreS8(q + i, one(Lanes::Load(x + i)));
  if (i < n) Lanes::StoreSomeS8(q + i, n - i, one(Lanes::LoadSome(x + i, n - i)));
}

// kClamps: there is something to clamp to. kScalesFirst: see ToFloat.
template <bool kClamps, bool kScalesFirst>
void ToFloatsAs(const int32_t* sums, int64_t pitch, int rows, const ToFloat& f, const RowScale* row, int64_t first, int64_t columns, float* y, int64_t ldy) {
  const F low = Lanes::Set(f.low), high = Lanes::Set(f.high);
  for (int64_t c = 0; c < columns; c += kLanes) {
    const int64_t at = first + c, n = columns - c;
    const I column_sum = Lanes::LoadI(f.column_sum + at);
    const F column = Lanes::Load(f.column_scale + at), bias = Lanes::Load(f.bias + at);
    for (int r = 0; r < rows; ++r) {
      const F scale = Lanes::Set(row[r].scale);
      const F v = Lanes::ToFloat(Lanes::SubI(Lanes::LoadI(sums + r * pitch + c), Lanes::MulI(Lanes::SetI(row[r].offset), column_sum)));
      const F scaled = kScalesFirst ? Lanes::Mul(v, Lanes::Mul(scale, column)) : Lanes::Mul(Lanes::Mul(v, column), scale);
      F out = Lanes::Add(scaled, bias);
      if constexpr (kClamps) out = Clamp(out, low, high);
      if (n >= kLanes) Lanes::Store(y + r * ldy + c, out);
      else Lanes::StoreSome(y + r * ldy + c, n, out);
    }
  }
}

void ToFloats(const int32_t* sums, int64_t pitch, int rows, const ToFloat& f, const RowScale* row, int64_t first, int64_t columns, float* y, int64_t ldy) {
  constexpr float kMost = 3.40282347e+38f;  // The largest float.
  const bool clamps = f.low >= -kMost || f.high <= kMost;
  const auto run = clamps           ? f.scales_first ? ToFloatsAs<true, true> : ToFloatsAs<true, false>
                             : f.scales_first ? ToFloatsAs<false, true>
                                    : ToFloatsAs<false, false>;
  run(sums, pitch, rows, f, row, first, columns, y, ldy);
}

void AddScaled(const int32_t* sums, const float* scale, int64_t n, float* y) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    Lanes::Store(y + i, Lanes::Add(Lanes::Load(y + i), Lanes::Mul(Lanes::ToFloat(Lanes::LoadI(sums + i)), Lanes::Load(scale + i))));
  for (; i < n; ++i) y[i] += static_cast<float>(sums[i]) * scale[i];
}
