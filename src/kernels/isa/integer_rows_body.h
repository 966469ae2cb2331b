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

void BlendS8(const int8_t* a, const int8_t* b, const int8_t* c, const int8_t* d, const int32_t* w, int64_t n, int8_t* y) {
  const I wa = Lanes::SetI(w[0]), wb = Lanes::SetI(w[1]), wc = Lanes::SetI(w[2]), wd = Lanes::SetI(w[3]), half = Lanes::SetI(1 << 19);
  const auto of = [&](I va, I vb, I vc, I vd) {
    const I sum = Lanes::AddI(Lanes::AddI(Lanes::MulI(va, wa), Lanes::MulI(vb, wb)), Lanes::AddI(Lanes::MulI(vc, wc), Lanes::MulI(vd, wd)));
    return Lanes::ShiftRight(Lanes::AddI(Lanes::AddI(sum, half), Lanes::ShiftRight(sum, 31)), 20);  // Below zero one less, and the floor is half away.
  };
  const auto at = [&](int64_t i) { return of(Lanes::LoadS8(a + i), Lanes::LoadS8(b + i), Lanes::LoadS8(c + i), Lanes::LoadS8(d + i)); };
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    I v[4];
    for (int k = 0; k < 4; ++k) v[k] = at(i + k * kLanes);
    Lanes::StoreFourS8(y + i, v, -128, 127);
  }
  for (; i + kLanes <= n; i += kLanes) Lanes::StoreS8(y + i, at(i));
  const int64_t left = n - i;
  if (left == 0) return;
  const auto some = [&](const int8_t* from) { return Lanes::LoadSomeS8(from + i, left); };
  Lanes::StoreSomeS8(y + i, left, of(some(a), some(b), some(c), some(d)));
}
