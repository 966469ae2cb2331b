// SPDX-License-Identifier: Apache-2.0
// Two integers an element: sums, differences and products at scales of their own. A part of elementwise_body.h.

template <class L = Lanes> inline I RescaleBy(I x, const Rescale& q) {
  if constexpr (requires { L::ShiftRounded(x, 0); }) return L::ShiftRounded(L::HighMul(L::ShiftLeft(x, q.left), L::SetI(q.mantissa)), q.right);
  if (q.narrow) {
    // With v = x * 2^left * mantissa / 2^30 rounded down, both roundings together are
    // (v + up) >> (right + 1), up = 2^right + 1, less 2 below zero; 1 where right is 0.
    const I v = Lanes::HighHalf(Lanes::ShiftLeft(x, q.left + 2), Lanes::SetI(q.mantissa));
    if (q.right == 0) return Lanes::ShiftRight(Lanes::AddI(v, Lanes::SetI(1)), 1);
    const I up = Lanes::AddI(Lanes::SetI((1 << q.right) + 1), Lanes::ShiftLeft(Lanes::ShiftRight(x, 31), 1));
    return Lanes::ShiftRight(Lanes::AddI(v, up), q.right + 1);
  }
  const I v = Lanes::HighMul(Lanes::ShiftLeft(x, q.left), Lanes::SetI(q.mantissa));
  if (q.right == 0) return v;
  // Halves away from zero: below zero, one less. Half of the shift comes first, so that adding cannot overflow.
  const I half = Lanes::ShiftRight(Lanes::AddI(v, Lanes::ShiftRight(v, 31)), q.right - 1);
  return Lanes::ShiftRight(Lanes::AddI(half, Lanes::SetI(1)), 1);
}

// An 8-bit value at the common scale. Half of an even number, which the larger scale always is, is exact.
inline I Shifted(I x, int shift, const Rescale& q) {
  if (q.mantissa == 1 << 30 && q.left == 0 && q.right == 0) return Lanes::ShiftLeft(x, shift - 1);
  return RescaleBy(Lanes::ShiftLeft(x, shift), q);
}

void ToBytes(const int32_t* sums, int64_t pitch, int rows, const int32_t* row_offset, const Rescale& given, int32_t zero, int64_t columns, int8_t* y,
             int64_t ldy) {
  const Rescale q = given;  // A copy: stores of bytes may not touch it.
  const I z = Lanes::SetI(zero), low = Lanes::SetI(-128), high = Lanes::SetI(127);
  for (int r = 0; r < rows; ++r, sums += pitch, y += ldy) {
    const I offset = Lanes::SetI(row_offset[r]);
    for (int64_t c = 0; c < columns; c += kLanes) {
      const I v = Lanes::MinI(Lanes::MaxI(Lanes::AddI(RescaleBy(Lanes::SubI(Lanes::LoadI(sums + c), offset), q), z), low), high);
      if (columns - c >= kLanes) Lanes::StoreS8(y + c, v);
      else Lanes::StoreSomeS8(y + c, columns - c, v);
    }
  }
}

struct Sum {
  static constexpr bool kLinear = true;
  static I Of(I a, I b, const ScaledPair& q) {
    return RescaleBy(Lanes::AddI(Shifted(a, q.shift, q.a), Shifted(b, q.shift, q.b)), q.out);
  }
};
struct Difference {
  static constexpr bool kLinear = true;
  static I Of(I a, I b, const ScaledPair& q) {
    return RescaleBy(Lanes::SubI(Shifted(a, q.shift, q.a), Shifted(b, q.shift, q.b)), q.out);
  }
};
struct SquaredDifference {
  static constexpr bool kLinear = false;
  static I Of(I a, I b, const ScaledPair& q) {
    const I d = Lanes::SubI(Shifted(a, q.shift, q.a), Shifted(b, q.shift, q.b));
    return RescaleBy(Lanes::MulI(d, d), q.out);
  }
};
struct Product {
  static constexpr bool kLinear = false;
  static I Of(I a, I b, const ScaledPair& q) { return RescaleBy(Lanes::MulI(a, b), q.out); }
};
template <class Op> inline constexpr bool kIsProduct = false;
template <> inline constexpr bool kIsProduct<Product> = true;

// A product's narrow rescaling (see RescaleBy; right > 0) and zero, with nothing to ask in the loop.
struct NarrowProduct {
  int left, right;
  I mantissa, up, zero;
  explicit NarrowProduct(const ScaledPair& q)
      : left(q.out.left + 2),
        right(q.out.right + 1),
        mantissa(Lanes::SetI(q.out.mantissa)),
        up(Lanes::SetI((1 << q.out.right) + 1)),
        zero(Lanes::SetI(q.zero_out)) {}
  void operator()(I (&products)[4]) const {
#pragma GCC unroll 4
    for (I& x : products) {
      const I less = Lanes::ShiftLeft(Lanes::ShiftRight(x, 31), 1);
      x = Lanes::AddI(Lanes::ShiftRight(Lanes::AddI(Lanes::HighHalf(Lanes::ShiftLeft(x, left), mantissa), Lanes::AddI(up, less)), right), zero);
    }
  }
};

// The same by one floor, under Lanes::Down. kFine: with v * fine.
template <bool kFine> struct FlooredProduct {
  F scale, fine, plus, plus_negative;
  I shift, zero;
  explicit FlooredProduct(const ScaledPair& q)
      : scale(Lanes::Set(q.floor.scale)), fine(Lanes::Set(q.floor.fine)), plus(Lanes::Set(q.floor.plus)), plus_negative(Lanes::Set(q.floor.plus_negative)),
        shift(Lanes::SetI(q.floor.shift)), zero(Lanes::SetI(q.zero_out)) {}
  template <class L = Lanes> [[gnu::always_inline]] inline void operator()(I (&x)[4]) const {
    F v[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) v[k] = L::ToFloat(L::AddI(x[k], shift));
    Rescale(v, x);
  }
  // Of products and the shift, side by side: one after the other they are chains of some 45 cycles, of which the schedulers see too little
  // at once.
  template <class L = Lanes, int kCount> [[gnu::always_inline]] inline void Rescale(const F (&v)[kCount], I (&x)[kCount]) const {
    F start[kCount];
#pragma GCC unroll 4
    for (int k = 0; k < kCount; ++k) {
      start[k] = L::SelectNegative(v[k], plus_negative, plus);
      if constexpr (kFine) start[k] = L::Fma(v[k], fine, start[k]);
    }
#pragma GCC unroll 4
    for (int k = 0; k < kCount; ++k) x[k] = L::AddI(L::ToNearest(L::Fma(v[k], scale, start[k])), zero);
  }
};

// by(one of them), where one fits.
template <class L = Lanes> void RescaleProducts(const ScaledPair& q, const auto& by) {
  if constexpr (requires { typename L::Down; }) {
    if (!(q.floor.scale > 0)) return;
    const typename L::Down mode;
    by(FlooredProduct<true>(q));
  } else {
    if (q.out.narrow && q.out.right > 0) by(NarrowProduct(q));
  }
}

// Half the work of `exact`, which decides where a sum lies too close to a half to tell. Operands whose sums are
// often halves (equal scales) are left to it: answers how many elements are done.
template <class Exact> int64_t RoundedLine(const int8_t* a, const int8_t* b, int64_t n, const ScaledPair& q, const Exact& exact, int8_t* y) {
  constexpr int64_t kStep = 4 * kLanes, kTrial = 16 * kLanes;
  // A half more rounds to nearest, and doubt more brings what is in doubt to the first parts behind an integer.
  const uint32_t up = (uint32_t{1} << q.line_shift >> 1) + static_cast<uint32_t>(q.doubt);
  const I line_a = Lanes::SetI(q.line_a), line_b = Lanes::SetI(q.line_b), start = Lanes::SetI(static_cast<int32_t>(static_cast<uint32_t>(q.line_zero) + up));
  const I parts = Lanes::SetI((1 << q.line_shift) - 1);
  const int shift = q.line_shift;
  int64_t i = 0, doubtful = 0;
  for (; i + kStep <= n && (i < kTrial || doubtful * 8 < i); i += kStep) {
    I rounded[4], above[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      const I va = Lanes::LoadS8(a + i + k * kLanes), vb = Lanes::LoadS8(b + i + k * kLanes);
      const I v = Lanes::AddI(Lanes::AddI(Lanes::MulI(va, line_a), Lanes::MulI(vb, line_b)), start);
      rounded[k] = Lanes::ShiftRight(v, shift);
      above[k] = Lanes::AndI(v, parts);
    }
    if (!Lanes::AnyBelow(Lanes::MinI(Lanes::MinI(above[0], above[1]), Lanes::MinI(above[2], above[3])), 2 * q.doubt + 1)) {
      Lanes::StoreFourS8(y + i, rounded, q.low, q.high);
      continue;
    }
    // From the operands again: nothing of the above has to be kept for it.
    doubtful += kLanes;
#pragma GCC unroll 1
    for (int64_t at = i; at < i + kStep; at += kLanes) Lanes::StoreS8(y + at, exact(Lanes::LoadS8(a + at), Lanes::LoadS8(b + at)));
  }
  return i;
}

// y = saturate(rescale(of(at))) four vectors at a time; answers how many elements are done.
template <class Of> inline int64_t InFours(int64_t n, const ScaledPair& q, int8_t* y, const auto& rescale, const Of& of) {
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    I v[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) v[k] = of(i + k * kLanes);
    rescale(v);
    Lanes::StoreFourS8(y + i, v, q.low, q.high);
  }
  return i;
}

// Factors and offsets of a row that others share: x * factor + offset is a product and the shift, whole numbers below 2^24, less than
// nothing: under Lanes::Down the sum that is nothing is -0, whose sign is then that of products which are not negative.
struct Factors {
  alignas(64) float factor[SharedRow::kMost + kLanes], offset[SharedRow::kMost + kLanes];
};
template <class Product, class L = Lanes> void RowsByFactors(const int8_t* x, const Factors& f, int64_t n, int64_t rows, const ScaledPair& given, int8_t* y) {
  ScaledPair q = given;  // A copy: stores of bytes may not touch it.
  q.floor = {-given.floor.scale, -given.floor.fine, given.floor.plus_negative, given.floor.plus, given.floor.shift};
  const Product product(q);
  const I low = L::SetI(q.low), high = L::SetI(q.high);
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    int64_t i = 0;
    I out[4];
    for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
      F v[4];
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k)
        v[k] = L::Fma(L::ToFloat(L::LoadS8(x + i + k * kLanes)), L::Load(f.factor + i + k * kLanes), L::Load(f.offset + i + k * kLanes));
      product.Rescale(v, out);
      L::StoreFourS8(y + i, out, q.low, q.high);
    }
    for (; i < n; i += kLanes) {
      const int64_t left = n - i < kLanes ? n - i : kLanes;
      const F v[1] = {L::Fma(L::ToFloat(L::LoadSomeS8(x + i, left)), L::LoadSome(f.factor + i, left), L::LoadSome(f.offset + i, left))};
      I one[1];
      product.Rescale(v, one);
      L::StoreSomeS8(y + i, left, L::MinI(L::MaxI(one[0], low), high));
    }
  }
}

template <class L = Lanes>
void ProductRowsS8(const int8_t* x, const int8_t* shared, int64_t n, int64_t rows, const SharedRow& row, const ScaledPair& q, int8_t* y) {
  const typename L::Down mode;
  Factors f;
  const I zero = L::SetI(row.zero_shared);
  // No offset is +0, which would be the sign of a sum with a product of +0.
  const F minus_zero = L::Set(static_cast<float>(-row.zero)), minus_shift = L::Set(-static_cast<float>(q.floor.shift));
  for (int64_t i = 0; i < n; i += kLanes) {  // Whole vectors: masked stores take ten times as long.
    const F by = L::ToFloat(L::SubI(zero, i + kLanes <= n ? L::LoadS8(shared + i) : L::LoadSomeS8(shared + i, n - i)));
    L::Store(f.factor + i, by), L::Store(f.offset + i, L::Fma(by, minus_zero, minus_shift));
  }
  (q.floor.fine == 0 ? RowsByFactors<FlooredProduct<false>, L> : RowsByFactors<FlooredProduct<true>, L>)(x, f, n, rows, q, y);
}

// Where there are floors.
template <class L = Lanes> constexpr decltype(Elementwise::product_rows_s8) ProductRows() {
  if constexpr (requires { typename L::Down; }) return ProductRowsS8<L>;
  else return nullptr;
}

template <class Op> void PairS8(const int8_t* a, int64_t step_a, const int8_t* b, int64_t step_b, int64_t n, const ScaledPair& given, int8_t* y) {
  const ScaledPair q = given;  // A copy: stores of bytes may not touch it.
  const I za = Lanes::SetI(q.zero_a), zb = Lanes::SetI(q.zero_b), zero = Lanes::SetI(q.zero_out), low = Lanes::SetI(q.low), high = Lanes::SetI(q.high);
  if (n <= 0) return;
  const I one_a = Lanes::SetI(*a - q.zero_a), one_b = Lanes::SetI(*b - q.zero_b);
  const auto finish = [&](I va, I vb) { return Lanes::MinI(Lanes::MaxI(Lanes::AddI(Op::Of(va, vb, q), zero), low), high); };
  const auto both = [&](const auto& of, int64_t at) { return of(Lanes::SubI(Lanes::LoadS8(a + at), za), Lanes::SubI(Lanes::LoadS8(b + at), zb)); };
  const auto first = [&](const auto& of, int64_t at) { return of(Lanes::SubI(Lanes::LoadS8(a + at), za), one_b); };
  int64_t i = 0;
  if constexpr (kIsProduct<Op> && kLanes > 1) {
    const auto product = [](I va, I vb) { return Lanes::MulI(va, vb); };
    const auto by = [&](const auto& rescale) {
      i = step_b ? InFours(n, q, y, rescale, [&](int64_t at) { return both(product, at); })
                 : InFours(n, q, y, rescale, [&](int64_t at) { return first(product, at); });
    };
    if (step_a && n >= 4 * kLanes) RescaleProducts(q, by);
  }
  if (step_a && step_b) {
    if constexpr (Op::kLinear)
      if (q.doubt > 0) i = RoundedLine(a, b, n, q, [&](I va, I vb) { return finish(Lanes::SubI(va, za), Lanes::SubI(vb, zb)); }, y);
    for (; i + kLanes <= n; i += kLanes) Lanes::StoreS8(y + i, both(finish, i));
  } else if (step_a) {
    for (; i + kLanes <= n; i += kLanes) Lanes::StoreS8(y + i, first(finish, i));
  } else {
    for (; i + kLanes <= n; i += kLanes) Lanes::StoreS8(y + i, finish(one_a, step_b ? Lanes::SubI(Lanes::LoadS8(b + i), zb) : one_b));
  }
  if (i == n) return;
  const I va = step_a ? Lanes::SubI(Lanes::LoadSomeS8(a + i, n - i), za) : one_a, vb = step_b ? Lanes::SubI(Lanes::LoadSomeS8(b + i, n - i), zb) : one_b;
  Lanes::StoreSomeS8(y + i, n - i, finish(va, vb));
}

template <class Op> void PairS16(const int16_t* a, int64_t step_a, const int16_t* b, int64_t step_b, int64_t n, const ScaledPair& q, int16_t* y) {
  const I za = Lanes::SetI(q.zero_a), zb = Lanes::SetI(q.zero_b), zero = Lanes::SetI(q.zero_out), low = Lanes::SetI(q.low), high = Lanes::SetI(q.high);
  if (n <= 0) return;
  const I one_a = Lanes::SetI(*a - q.zero_a), one_b = Lanes::SetI(*b - q.zero_b);
  const auto of = [&](const int16_t* from_a, const int16_t* from_b) {
    const I va = step_a ? Lanes::SubI(Lanes::LoadS16(from_a), za) : one_a, vb = step_b ? Lanes::SubI(Lanes::LoadS16(from_b), zb) : one_b;
    return Lanes::MinI(Lanes::MaxI(Lanes::AddI(Op::Of(va, vb, q), zero), low), high);
  };
  int16_t rest_a[kLanes] = {}, rest_b[kLanes] = {}, rest_y[kLanes];
  for (int64_t i = 0; i < n; i += kLanes) {  // One place that computes: its branches are long.
    const bool whole = n - i >= kLanes;
    for (int64_t k = 0; !whole && i + k < n; ++k) rest_a[k] = a[(i + k) * step_a], rest_b[k] = b[(i + k) * step_b];
    Lanes::StoreS16(whole ? y + i : rest_y, of(whole ? a + i * step_a : rest_a, whole ? b + i * step_b : rest_b));
    for (int64_t k = 0; !whole && i + k < n; ++k) y[i + k] = rest_y[k];
  }
}

void ToShorts(const int32_t* sums, int64_t n, const Rescale& given, const int16_t* add, int16_t* y) {
  const Rescale q = given;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Lanes::StoreS16(y + i, Lanes::AddI(RescaleBy(Lanes::LoadI(sums + i), q), Lanes::LoadS16(add + i)));
  if (i == n) return;
  int32_t from[kLanes] = {};
  int16_t more[kLanes] = {};
  for (int64_t k = 0; i + k < n; ++k) from[k] = sums[i + k], more[k] = add[i + k];
  Lanes::StoreS16(more, Lanes::AddI(RescaleBy(Lanes::LoadI(from), q), Lanes::LoadS16(more)));
  for (int64_t k = 0; i + k < n; ++k) y[i + k] = more[k];
}
