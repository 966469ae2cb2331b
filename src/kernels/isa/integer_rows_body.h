// SPDX-License-Identifier: Apache-2.0
// Sums and tables over rows of integers, and what four of them blend to. A part of elementwise_body.h.

int32_t TotalS8(const int8_t* x, int64_t n) {
  I sum = Lanes::SetI(0);  // Two sums side by side are what GCC 12 gets wrong for one lane.
  int64_t i = 0;
  for (; i + Lanes::kBytes <= n; i += Lanes::kBytes) sum = Lanes::AddI(sum, Lanes::SumBytes(x + i));
  for (; i + kLanes <= n; i += kLanes) sum = Lanes::AddI(sum, Lanes::LoadS8(x + i));
  int32_t total = Lanes::TotalI(sum);
  for (; i < n; ++i) total += x[i];
  return total;
}

int32_t TotalOfTable(const int8_t* x, int64_t n, int32_t most, const int32_t* table) {
  const I m = Lanes::SetI(most);
  I sum = Lanes::SetI(0);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) sum = Lanes::AddI(sum, Lanes::Gather(table, Lanes::SubI(m, Lanes::LoadS8(x + i))));
  int32_t total = Lanes::TotalI(sum);
  for (; i < n; ++i) total = static_cast<int32_t>(static_cast<uint32_t>(total) + static_cast<uint32_t>(table[most - x[i]]));
  return total;
}

void ScaledTable(const int8_t* x, int64_t n, int32_t most, const int32_t* table, Rescale q, int8_t* y) {
  const I m = Lanes::SetI(most), low = Lanes::SetI(-128), high = Lanes::SetI(127);
  const auto one = [&](I v) { return Lanes::MinI(Lanes::AddI(RescaleBy(Lanes::Gather(table, Lanes::SubI(m, v)), q), low), high); };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Lanes::StoreS8(y + i, one(Lanes::LoadS8(x + i)));
  if (i == n) return;
  int8_t rest[kLanes];
  for (int64_t k = 0; k < kLanes; ++k) rest[k] = i + k < n ? x[i + k] : static_cast<int8_t>(most);
  Lanes::StoreSomeS8(y + i, n - i, one(Lanes::LoadS8(rest)));
}

int64_t DotS16S8(const int16_t* x, const int8_t* w, int64_t n) {
  constexpr int64_t kBlock = 256;  // Products of 2^22 at most: their sum fits 32 bits.
  int64_t total = 0;
  for (int64_t i = 0; i < n;) {
    const int64_t end = n - i < kBlock ? n : i + kBlock;
    I sum = Lanes::SetI(0);
    for (; i + Shorts::kCount <= end; i += Shorts::kCount) sum = Lanes::AddI(sum, Shorts::SumPairs(Shorts::Load(x + i), Shorts::LoadS8(w + i)));
    if (i < end) sum = Lanes::AddI(sum, Shorts::SumPairs(Shorts::LoadSome(x + i, end - i), Shorts::LoadSomeS8(w + i, end - i)));
    i = end;
    total += Lanes::TotalI(sum);
  }
  return total;
}

// sums = upper * (1024 - down) + lower * down.
inline void BlendDown(const int8_t* upper, const int8_t* lower, int32_t down, int64_t n, int32_t* sums) {
  const auto weights = Lanes::Weights(1024 - down, down);
  int64_t k = 0;
  for (; k + kLanes <= n; k += kLanes) Lanes::StoreI(sums + k, Lanes::WeighS8(upper + k, lower + k, weights));
  if (k == n) return;
  int8_t rest[2][kLanes] = {};
  for (int64_t r = 0; r < n - k && r < kLanes; ++r) rest[0][r] = upper[k + r], rest[1][r] = lower[k + r];
  Lanes::StoreI(sums + k, Lanes::WeighS8(rest[0], rest[1], weights));
}

// y = (left * (1024 - at) + right * at) / 2^20, half away from zero: below zero one less, and the floor is that.
inline void BlendAcross(const int32_t* left, const int32_t* right, int32_t at, int64_t n, int8_t* y) {
  const I weight = Lanes::SetI(at), half = Lanes::SetI(1 << 19);
  const auto one = [&](int64_t k) {
    const I from = Lanes::LoadI(left + k), way = Lanes::SubI(Lanes::LoadI(right + k), from);
    const I sum = Lanes::AddI(Lanes::ShiftLeft(from, 10), Lanes::MulI(way, weight));
    return Lanes::ShiftRight(Lanes::AddI(Lanes::AddI(sum, half), Lanes::ShiftRight(sum, 31)), 20);
  };
  int64_t k = 0;
  for (; k + 4 * kLanes <= n; k += 4 * kLanes) {
    I v[4];
    for (int i = 0; i < 4; ++i) v[i] = one(k + i * kLanes);
    Lanes::StoreFourS8(y + k, v, -128, 127);
  }
  for (; k + kLanes <= n; k += kLanes) Lanes::StoreS8(y + k, one(k));
  if (k < n) Lanes::StoreSomeS8(y + k, n - k, one(k));
}

// Down first, once for all pixels between the same two; where most of the row is skipped, only what is asked for.
void BlendRow(const BlendRowS8& r) {
  static_assert(kLanes <= BlendRowS8::kMore);
  const bool whole = r.width <= 2 * r.outputs;
  int64_t ready = 0;
  for (int64_t i = 0; i < r.outputs; ++i) {
    const Between<int32_t>& place = r.places[i];
    if (place.high >= ready) {
      const int64_t first = place.low < ready || whole ? ready : place.low, end = whole ? r.width : place.high + 1, at = first * r.channels;
      BlendDown(r.upper + at, r.lower + at, r.down, (end - first) * r.channels, r.sums + at);
      ready = end;
    }
    BlendAcross(r.sums + place.low * r.channels, r.sums + place.high * r.channels, place.at, r.channels, r.y + i * r.channels);
  }
}
