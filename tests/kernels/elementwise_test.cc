// SPDX-License-Identifier: Apache-2.0
// The vector primitives, every table that this processor has: integers against the reference's roundings,
// floats against the C library, with odd lengths, repeated operands and extremes.
#include "kernels/elementwise.h"
#include "kernels/fixed16.h"

#include <cfloat>
#include <cmath>
#include <functional>
#include <numbers>

#include "base/cpu.h"
#include "ops/int8_util.h"
#include "ops/fixed_point_util.h"
#include "ops/quant_util.h"
#include "tests/model_builder.h"
#include "tests/pick.h"

namespace octet {
namespace {

using kernels::Elementwise;
using kernels::ScaledPair;
using ops::Multiplier;
using test::RandomBytes;
using test::RandomFloats;

std::vector<const Elementwise*> Tables() {
  std::vector<const Elementwise*> tables = {&kernels::kScalarElementwise, &kernels::Vectors()};
#if defined(__x86_64__)
  if (ThisCpu().has(Isa::kAvx2)) tables.push_back(&kernels::kAvx2Elementwise);
  if (ThisCpu().has(Isa::kAvx512)) tables.push_back(&kernels::kAvx512Elementwise);
#elif defined(__aarch64__)
  if (ThisCpu().has(Isa::kNeon)) tables.push_back(&kernels::kNeonElementwise);
#endif
  return tables;
}

kernels::Rescale RescaleOf(Multiplier m, int64_t largest) {
  const int left = std::max(m.shift, 0), right = std::max(-m.shift, 0);
  return {m.mantissa, left, right, left < 29 && right < 30 && largest < (int64_t{1} << (29 - left))};
}

struct Pair {
  Multiplier a, b, out;
  ScaledPair q;
};

Pair RandomPair(std::mt19937& random, int shift, int64_t largest_out) {
  const auto real = [&](int low, int high) { return std::ldexp(0.5 + static_cast<double>(random() % 500) / 1000, low + static_cast<int>(random() % static_cast<uint32_t>(high - low + 1))); };
  Pair p{ops::QuantizeMultiplier(random() % 2 ? 0.5 : real(-6, 0)), ops::QuantizeMultiplier(random() % 2 ? 0.5 : real(-6, 0)), ops::QuantizeMultiplier(real(-2 * shift - 4, 1)), {}};
  p.q = {static_cast<int32_t>(random() % 256) - 128, static_cast<int32_t>(random() % 256) - 128, static_cast<int32_t>(random() % 256) - 128, shift, -128, 127,
         RescaleOf(p.a, int64_t{255} << shift), RescaleOf(p.b, int64_t{255} << shift), RescaleOf(p.out, largest_out)};
  return p;
}

using Formula = std::function<int32_t(const Pair&, int32_t a, int32_t b)>;
using Run = decltype(Elementwise::sum_s8);

// As ops/mul.cc has it.
void SetFloor(Pair* p) {
  kernels::FlooredPanel floor;
  const int64_t a = std::max(127 - p->q.zero_a, p->q.zero_a + 128), b = std::max(127 - p->q.zero_b, p->q.zero_b + 128);
  if (ops::FloorOf(p->out, p->q.zero_out, {-128, 127}, {-a * b, a * b}, &floor))
    p->q.floor = {floor.scale[0], floor.fine[0], floor.plus[0], floor.plus_negative[0], floor.bias[0]};
}

void CheckPairs(Run Elementwise::*run, int shift, int64_t largest_out, const Formula& formula, bool floors = false) {
  std::mt19937 random(static_cast<uint32_t>(shift) + 1);
  for (int round = 0; round < 200; ++round) {
    Pair p = RandomPair(random, shift, largest_out);
    if (floors) SetFloor(&p);
    const auto n = static_cast<size_t>(random() % 70);
    const int64_t step_a = random() % 4 != 0, step_b = random() % 4 != 0;
    const std::vector<int8_t> a = RandomBytes(n + 3, random()), b = RandomBytes(n + 3, random());
    for (const Elementwise* e : Tables()) {
      std::vector<int8_t> y(n + 1, 55);
      (e->*run)(a.data() + 1, step_a, b.data() + 2, step_b, static_cast<int64_t>(n), p.q, y.data());
      for (size_t i = 0; i < n; ++i) {
        const int32_t v = formula(p, a[1 + i * static_cast<size_t>(step_a)] - p.q.zero_a, b[2 + i * static_cast<size_t>(step_b)] - p.q.zero_b) + p.q.zero_out;
        ASSERT_EQ(std::clamp(v, -128, 127), y[i]) << "round " << round << " element " << i;
      }
      ASSERT_EQ(55, y[n]) << "written behind the end";
    }
  }
}

TEST(KernelElementwise, SumsOfScaledBytes) {
  constexpr int kShift = 20;
  CheckPairs(&Elementwise::sum_s8, kShift, (int64_t{255} << kShift) + 2, [](const Pair& p, int32_t a, int32_t b) {
    return Requantize(Requantize(a * (1 << kShift), p.a) + Requantize(b * (1 << kShift), p.b), p.out);
  });
  CheckPairs(&Elementwise::difference_s8, kShift, (int64_t{255} << kShift) + 2, [](const Pair& p, int32_t a, int32_t b) {
    return Requantize(Requantize(a * (1 << kShift), p.a) - Requantize(b * (1 << kShift), p.b), p.out);
  });
}

TEST(KernelElementwise, SquaredDifferences) {
  constexpr int kShift = 7;
  CheckPairs(&Elementwise::squared_difference_s8, kShift, int64_t{1} << 30, [](const Pair& p, int32_t a, int32_t b) {
    const int32_t d = Requantize(a * (1 << kShift), p.a) - Requantize(b * (1 << kShift), p.b);
    return Requantize(d * d, p.out);
  });
}

TEST(KernelElementwise, Products) {
  const auto formula = [](const Pair& p, int32_t a, int32_t b) { return Requantize(a * b, p.out); };
  for (int64_t largest : {int64_t{65025}, int64_t{1} << 40})  // In one rounding, in two.
    CheckPairs(&Elementwise::product_s8, 0, largest, formula);
  CheckPairs(&Elementwise::product_s8, 0, 65025, formula, true);
}

TEST(KernelElementwise, ProductsOfRowsThatShareOne) {
  std::mt19937 random(7);
  int floored = 0;
  for (int round = 0; round < 200; ++round) {
    Pair p = RandomPair(random, 0, 65025);
    SetFloor(&p);
    if (!(p.q.floor.scale > 0)) continue;
    const auto n = static_cast<size_t>(1 + (round % 8 ? random() % 150 : random() % kernels::SharedRow::kMost)), rows = static_cast<size_t>(random() % 4);
    const std::vector<int8_t> x = RandomBytes(n * rows + 1, random()), shared = RandomBytes(n + 1, random());
    for (const Elementwise* e : Tables()) {
      if (!e->product_rows_s8) continue;
      ++floored;
      std::vector<int8_t> y(n * rows + 1, 55);
      e->product_rows_s8(x.data() + 1, shared.data() + 1, static_cast<int64_t>(n), static_cast<int64_t>(rows), {p.q.zero_a, p.q.zero_b}, p.q, y.data());
      for (size_t i = 0; i < n * rows; ++i)
        ASSERT_EQ(std::clamp(Requantize((x[1 + i] - p.q.zero_a) * (shared[1 + i % n] - p.q.zero_b), p.out) + p.q.zero_out, -128, 127), y[i])
            << "round " << round << " element " << i;
      ASSERT_EQ(55, y[n * rows]) << "written behind the end";
    }
  }
  EXPECT_EQ(kernels::BestInt8().floor != nullptr, floored > 0);
}

// A gate of a squeeze-and-excite block: of all pairs, that of -1 and 128 is the shift less than nothing.
TEST(KernelElementwise, ProductsOfRowsThatAreTheShift) {
  std::mt19937 random(7);
  Pair p = RandomPair(random, 0, 65025);
  p.out = ops::QuantizeMultiplier(static_cast<double>(0.28791338f * 0.00390625f / 0.29021195f));
  p.q.zero_a = p.q.zero_out = -127, p.q.zero_b = -128;
  SetFloor(&p);
  constexpr size_t kBytes = 256;
  std::vector<int8_t> x(kBytes * kBytes), shared(kBytes), y(kBytes * kBytes);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<int8_t>(i / kBytes), shared[i % kBytes] = static_cast<int8_t>(i);
  for (const Elementwise* e : Tables()) {
    if (!e->product_rows_s8) continue;
    e->product_rows_s8(x.data(), shared.data(), kBytes, kBytes, {p.q.zero_a, p.q.zero_b}, p.q, y.data());
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_EQ(std::clamp(Requantize((x[i] + 127) * (shared[i % kBytes] + 128), p.out) - 127, -128, 127), y[i])
          << int{x[i]} << " and " << int{shared[i % kBytes]};
  }
}

TEST(KernelElementwise, SumsBackToBytes) {
  std::mt19937 random(5);
  for (int round = 0; round < 100; ++round) {
    const Multiplier m = ops::QuantizeMultiplier(std::ldexp(0.5 + static_cast<double>(random() % 500) / 1000, -static_cast<int>(random() % 20)));
    const int columns = 1 + static_cast<int>(random() % 32), rows = 1 + static_cast<int>(random() % 5);
    std::vector<int32_t> sums(static_cast<size_t>(rows) * 32), offset(static_cast<size_t>(rows));
    for (int32_t& s : sums) s = static_cast<int32_t>(random()) >> (3 + random() % 20);
    for (int32_t& s : offset) s = static_cast<int32_t>(random()) >> 8;
    for (int64_t largest : {int64_t{1} << 28, int64_t{1} << 40}) {
      for (const Elementwise* e : Tables()) {
        std::vector<int8_t> y(static_cast<size_t>(rows * columns));
        e->to_bytes(sums.data(), 32, rows, offset.data(), RescaleOf(m, largest), -7, columns, y.data(), columns);
        for (int r = 0; r < rows; ++r)
          for (int c = 0; c < columns; ++c)
            ASSERT_EQ(std::clamp(Requantize(sums[static_cast<size_t>(r * 32 + c)] - offset[static_cast<size_t>(r)], m) - 7, -128, 127),
                      y[static_cast<size_t>(r * columns + c)]);
      }
    }
  }
}

TEST(KernelElementwise, TablesAndTotals) {
  std::mt19937 random(6);
  kernels::ByteTable table;
  for (uint8_t& t : table.entry) t = static_cast<uint8_t>(random());
  std::vector<int32_t> wide(256);
  for (int32_t& t : wide) t = static_cast<int32_t>(random() >> 1) >> 9;
  for (size_t n : {1u, 2u, 15u, 16u, 63u, 64u, 65u, 257u}) {
    const std::vector<int8_t> x = RandomBytes(n, random());
    const auto* bytes = reinterpret_cast<const uint8_t*>(x.data());
    const int32_t most = *std::ranges::max_element(x);
    int32_t total = 0, of_table = 0;
    for (int8_t v : x) total += v, of_table += wide[static_cast<size_t>(most - v)];
    for (const Elementwise* e : Tables()) {
      std::vector<uint8_t> y(n + 1, 9);
      e->lookup(bytes, static_cast<int64_t>(n), table, y.data());
      for (size_t i = 0; i < n; ++i) ASSERT_EQ(table.entry[bytes[i]], y[i]);
      EXPECT_EQ(9, y[n]);
      EXPECT_EQ(total, e->total_s8(x.data(), static_cast<int64_t>(n)));
      int8_t greatest = -128;
      e->max_rows_s8(x.data(), 1, static_cast<int64_t>(n), &greatest);
      EXPECT_EQ(most, greatest);
      EXPECT_EQ(of_table, e->total_of_table(x.data(), static_cast<int64_t>(n), most, wide.data()));
    }
  }
}

// Gates x * logistic(x) of many scales, with and without a kink behind a flat start, and what no pieces fit.
TEST(KernelElementwise, TablesAsPieces) {
  std::mt19937 random(9);
  std::vector<uint8_t> x(256 + 40);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<uint8_t>(i);
  int of_bits = 0, of_distance = 0, none = 0;
  for (int round = 0; round < 300; ++round) {
    kernels::ByteTable table;
    const double scale = std::ldexp(1 + static_cast<double>(random() % 1000) / 1000, static_cast<int>(random() % 16) - 9),
                 zero = static_cast<double>(random() % 200) - 100;
    const double out = std::max(0.278, scale * (127 - zero)) / 250, noise = round % 4 ? 0 : static_cast<double>(random() % 3);
    for (int v = -128; v < 128; ++v) {
      const double real = scale * (v - zero), y = real / (1 + std::exp(-real)) / out - 120 + noise * static_cast<double>(random() % 2);
      table.entry[static_cast<uint8_t>(v)] = static_cast<uint8_t>(static_cast<int8_t>(std::clamp(std::round(y), -128.0, 127.0)));
    }
    FindPieces(&table);
    using Pieces = kernels::ByteTable::Pieces;
    ++(table.pieces == Pieces::kOfBits ? of_bits : table.pieces == Pieces::kOfDistance ? of_distance : none);
    for (const Elementwise* e : Tables()) {
      std::vector<uint8_t> y(x.size() + 1, 9);
      e->lookup(x.data(), static_cast<int64_t>(x.size()), table, y.data());
      for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(table.entry[x[i]], y[i]) << "round " << round << " entry " << i % 256;
      EXPECT_EQ(9, y[x.size()]);
    }
  }
  if (!kernels::Vectors().reads_pieces) return;
  EXPECT_GT(of_bits, 50);
  EXPECT_GT(of_distance, 50);
  EXPECT_GT(none, 10);
}

TEST(KernelElementwise, AddsRowsUpInTheirOrder) {
  std::mt19937 random(8);
  for (size_t n : {1u, 15u, 16u, 33u, 64u, 65u, 257u}) {
    for (size_t rows : {1u, 2u, 7u}) {
      const size_t pitch = n + random() % 5;
      const std::vector<int8_t> x = RandomBytes(pitch * rows, random());
      std::vector<float> f(x.size());
      for (size_t i = 0; i < f.size(); ++i) f[i] = static_cast<float>(x[i]) * (i % 3 ? 1e-3f : 1e6f);
      std::vector<int32_t> expected(n, 3);
      std::vector<float> expected_f(n, 0.1f);
      for (size_t r = 0; r < rows; ++r)
        for (size_t i = 0; i < n; ++i) expected[i] += x[r * pitch + i], expected_f[i] += f[r * pitch + i];
      for (const Elementwise* e : Tables()) {
        std::vector<int32_t> sums(n, 3);
        std::vector<float> sums_f(n, 0.1f);
        e->accumulate_s8(x.data(), static_cast<int64_t>(pitch), static_cast<int64_t>(rows), static_cast<int64_t>(n), sums.data());
        e->accumulate_f32(f.data(), static_cast<int64_t>(pitch), static_cast<int64_t>(rows), static_cast<int64_t>(n), sums_f.data());
        EXPECT_EQ(sums, expected);
        EXPECT_EQ(sums_f, expected_f);
      }
    }
  }
}

// All 65536 values, and a length that leaves a rest.
template <int kBits> void CheckTanh(const kernels::Fixed16& f, const std::vector<int16_t>& x) {
  std::vector<int16_t> y(x.size());
  f.tanh(kBits, x.data(), static_cast<int64_t>(x.size()), y.data());
  for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ((ops::fixed::Tanh<int16_t, kBits>(x[i])), y[i]) << kBits << " integer bits, of " << x[i];
}
TEST(KernelElementwise, GatesOf16Bits) {
  std::vector<int16_t> x(65536 + 5), y(x.size());
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<int16_t>(i);
  std::vector<const kernels::Fixed16*> tables = {&kernels::kScalarFixed16, &kernels::FixedPoint16()};
#if defined(__x86_64__)
  if (ThisCpu().has(Isa::kAvx2)) tables.push_back(&kernels::kAvx2Fixed16);
#endif
  for (const kernels::Fixed16* f : tables) {
    f->logistic(x.data(), static_cast<int64_t>(x.size()), y.data());
    for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ((ops::fixed::Logistic<int16_t, 3>(x[i])), y[i]) << x[i];
    CheckTanh<0>(*f, x), CheckTanh<1>(*f, x), CheckTanh<2>(*f, x), CheckTanh<3>(*f, x), CheckTanh<4>(*f, x), CheckTanh<5>(*f, x), CheckTanh<6>(*f, x);
  }
}

TEST(KernelElementwise, DotsOfShortsAndBytes) {
  std::mt19937 random(8);
  for (int64_t n : {0, 1, 15, 16, 17, 31, 33, 255, 256, 300, 1000, 4097}) {
    std::vector<int16_t> x(static_cast<size_t>(n));
    for (int16_t& v : x) v = random() % 3 ? INT16_MIN : static_cast<int16_t>(random());
    std::vector<int8_t> w = RandomBytes(static_cast<size_t>(n), random());
    for (int8_t& v : w) v = random() % 3 ? int8_t{-128} : v;
    int64_t want = 0;
    for (int64_t i = 0; i < n; ++i) want += int64_t{x[static_cast<size_t>(i)]} * w[static_cast<size_t>(i)];
    for (const Elementwise* e : Tables()) EXPECT_EQ(want, e->dot_s16_s8(x.data(), w.data(), n)) << n;
  }
}

TEST(KernelElementwise, SumsToShorts) {
  std::mt19937 random(7);
  for (size_t n : {1u, 7u, 16u, 45u}) {
    std::vector<int32_t> sums(n);
    std::vector<int16_t> add(n);
    for (int32_t& s : sums) s = static_cast<int32_t>(random()) >> 5;
    for (int16_t& a : add) a = static_cast<int16_t>(random());
    const Multiplier m = ops::QuantizeMultiplier(0.0037);
    for (const Elementwise* e : Tables()) {
      std::vector<int16_t> y(n + 1, 77);
      e->to_shorts(sums.data(), static_cast<int64_t>(n), RescaleOf(m, int64_t{1} << 27), add.data(), y.data());
      for (size_t i = 0; i < n; ++i) ASSERT_EQ(ops::Saturate<int16_t>(Requantize(sums[i], m) + add[i]), y[i]);
      EXPECT_EQ(77, y[n]);
    }
  }
}

TEST(KernelElementwise, QuantizesHalvesAwayFromZero) {
  std::vector<float> x = RandomFloats(301, 8);
  for (size_t i = 0; i < 60; ++i) x[i] = (static_cast<float>(i) - 30) * 0.5f;
  x[60] = 1e30f, x[61] = -1e30f, x[62] = 0.49999997f, x[63] = -0.49999997f;
  for (const Elementwise* e : Tables()) {
    std::vector<int8_t> q(x.size());
    std::vector<float> f(x.size());
    e->quantize_f32(x.data(), static_cast<int64_t>(x.size()), 1.0f, -3.0f, -128, 127, q.data());
    e->quantize_to_f32(x.data(), static_cast<int64_t>(x.size()), 1.0f, -3.0f, -128.0f, 127.0f, f.data());
    for (size_t i = 0; i < x.size(); ++i) {
      if (std::abs(x[i]) > 1e9f) continue;
      ASSERT_EQ(std::clamp(-3.0f + std::round(x[i]), -128.0f, 127.0f), static_cast<float>(q[i])) << x[i];
      ASSERT_EQ(static_cast<float>(q[i]) + 3.0f, f[i]) << x[i];
    }
    e->divide_to_s8(x.data(), static_cast<int64_t>(x.size()), 0.25f, 5, q.data());
    for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(std::clamp(std::round(x[i] / 0.25f), -133.0f, 122.0f) + 5, static_cast<float>(q[i])) << x[i];
  }
}

TEST(KernelElementwise, FunctionsWithinAFewUnits) {
  using kernels::Function;
  const auto gate = [](double x) { return 0.5 * x * (1 + std::erf(x * std::numbers::sqrt2 / 2)); };
  const auto gate_tanh = [](double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x))); };
  const struct {
    Function function;
    std::function<double(double)> want;
    double low, high, relative, absolute;
  } cases[] = {
      {Function::kExp, [](double x) { return std::exp(x); }, -87, 88, 3e-7, 0},
      {Function::kTanh, [](double x) { return std::tanh(x); }, -12, 12, 4e-7, 0},
      {Function::kLogistic, [](double x) { return 1 / (1 + std::exp(-x)); }, -80, 80, 4e-7, 0},
      {Function::kInverseSqrt, [](double x) { return 1 / std::sqrt(x); }, 1e-3, 1e6, 3e-7, 0},
      {Function::kNormalGate, gate, -10, 10, 4e-7, 2e-6},
      {Function::kNormalGateTanh, gate_tanh, -10, 10, 4e-7, 2e-6},
      {Function::kHardGate, [](double x) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; }, -9, 9, 3e-7, 1e-6},
      {Function::kElu, [](double x) { return x > 0 ? x : std::expm1(x); }, -30, 30, 8e-7, 0},
  };
  for (const auto& c : cases) {
    std::vector<float> x = RandomFloats(1003, 3), y(x.size());
    for (float& v : x) v = static_cast<float>(c.low + (static_cast<double>(v) + 1) / 2 * (c.high - c.low));
    for (const Elementwise* e : Tables()) {
      e->function_f32[static_cast<int>(c.function)](x.data(), static_cast<int64_t>(x.size()), y.data());
      for (size_t i = 0; i < x.size(); ++i) {
        const double want = c.want(static_cast<double>(x[i]));
        ASSERT_LE(std::abs(static_cast<double>(y[i]) - want), c.relative * std::abs(want) + c.absolute) << static_cast<int>(c.function) << " of " << x[i];
      }
    }
  }
}

// Where e^x is next to 1, leaves the range of floats, or is none.
TEST(KernelElementwise, FunctionsOfExtremesAndNextToZero) {
  using kernels::Function;
  const struct {
    Function function;
    double (*want)(double);
    double relative, absolute;
  } cases[] = {
      {Function::kExp, [](double x) { return std::exp(x); }, 3e-7, 3e-45},
      {Function::kLogistic, [](double x) { return 1 / (1 + std::exp(-x)); }, 4e-7, 2e-38},
      {Function::kElu, [](double x) { return x > 0 ? x : std::expm1(x); }, 8e-7, 0},
  };
  std::vector<float> x = RandomFloats(500, 11);
  for (float& v : x) v *= 200;
  for (float v : {0.0f, 1e-6f, 1e-3f, 1e-30f, 1e-42f, 0.3f, 20.0f, 87.0f, 88.0f, 90.0f, 104.0f, 200.0f, 1e30f, INFINITY}) x.push_back(v), x.push_back(-v);
  x.push_back(NAN);
  std::vector<float> y(x.size());
  for (const auto& c : cases) {
    for (const Elementwise* e : Tables()) {
      e->function_f32[static_cast<int>(c.function)](x.data(), static_cast<int64_t>(x.size()), y.data());
      for (size_t i = 0; i < x.size(); ++i) {
        const double want = c.want(static_cast<double>(x[i]));
        const std::string what = std::to_string(static_cast<int>(c.function)) + " of " + std::to_string(x[i]);
        if (std::isnan(want)) ASSERT_TRUE(std::isnan(y[i])) << what;
        else if (want > FLT_MAX) ASSERT_EQ(INFINITY, y[i]) << what;
        else ASSERT_NEAR(want, y[i], c.relative * std::abs(want) + c.absolute) << what;
      }
    }
  }
}

// Floats with what is none, zeros of both signs and infinities among them.
std::vector<float> FloatsAndOthers(size_t n, std::mt19937& random) {
  std::vector<float> v = RandomFloats(n, random());
  const float others[] = {NAN, 0.0f, -0.0f, INFINITY, -INFINITY};
  for (float& x : v)
    if (random() % 8 == 0) x = others[random() % 5];
  return v;
}
bool Same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

TEST(KernelElementwise, PairsOfFloats) {
  constexpr float (*kPlain[kernels::kBinaries])(float, float) = {
      [](float a, float b) { return a + b; },
      [](float a, float b) { return a - b; },
      [](float a, float b) { return a * b; },
      [](float a, float b) { return a / b; },
      [](float a, float b) { return (a - b) * (a - b); },
      [](float a, float b) { return std::signbit(a) ? a * b : a; },
  };
  std::mt19937 random(12);
  const auto pick = test::PickFrom<size_t>(random);
  for (int round = 0; round < 400; ++round) {
    const size_t n = pick(0, 70), step_a = pick(4) > 1, step_b = pick(4) > 1, op = pick(0, kernels::kBinaries - 1);
    const float high = round % 3 ? INFINITY : 0.5f, low = round % 3 ? -INFINITY : -0.25f;
    const std::vector<float> a = FloatsAndOthers(n + 1, random), b = FloatsAndOthers(n + 1, random);
    for (const Elementwise* e : Tables()) {
      std::vector<float> y(n + 1, 55.0f);
      e->binary_f32[op](a.data(), static_cast<int64_t>(step_a), b.data(), static_cast<int64_t>(step_b), static_cast<int64_t>(n), low, high, y.data());
      for (size_t i = 0; i < n; ++i) {
        const float va = a[i * step_a], vb = b[i * step_b], want = std::min(std::max(kPlain[op](va, vb), low), high);
        ASSERT_TRUE(Same(want, y[i])) << op << " of " << va << " and " << vb << ": " << want << ", " << y[i];
      }
      ASSERT_EQ(55.0f, y[n]) << "written behind the end";
    }
  }
}

// values(n): of inputs. join: what one cell more makes of an output.
template <class T, class Values, class Join>
void CheckWindows(void (*Elementwise::*run)(const T*, const kernels::CellWindow&, int64_t, int64_t, int64_t, T*), const Values& values, const Join& join) {
  std::mt19937 random(13);
  const auto pick = test::PickFrom<int64_t>(random);
  for (int round = 0; round < 300; ++round) {
    const int64_t n = pick(round % 4 ? 40 : 300), apart = pick(0, n), windows = pick(0, 4);
    const kernels::CellWindow w{pick(0, 3 * n), pick(0, 4), pick(0, 2 * n), pick(0, 4)};
    const std::vector<T> x = values(static_cast<size_t>(4 * (n + w.pitch + w.step + apart)), random);
    std::vector<T> start = values(static_cast<size_t>(n * windows + 1), random);
    for (T& v : start) v = v == v ? v : T{};
    std::vector<T> want = start;
    for (int64_t i = 0; i < n * windows; ++i)
      for (int64_t r = 0; r < w.rows; ++r)
        for (int64_t k = 0; k < w.cells; ++k) join(want[static_cast<size_t>(i)], x[static_cast<size_t>(i / n * apart + r * w.pitch + k * w.step + i % n)]);
    for (const Elementwise* e : Tables()) {
      std::vector<T> y = start;
      (e->*run)(x.data(), w, apart, windows, n, y.data());
      for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(want[i], y[i]) << "round " << round << " element " << i;
    }
  }
}

TEST(KernelElementwise, SumsAndMaximaOfWindows) {
  const auto larger = [](auto& y, auto x) { y = y < x ? x : y; };  // Not-a-numbers count for nothing.
  CheckWindows<float>(&Elementwise::max_windows_f32, FloatsAndOthers, larger);
  CheckWindows<int8_t>(&Elementwise::max_windows_s8, [](size_t n, std::mt19937& random) { return RandomBytes(n, random()); }, larger);
  const auto uneven = [](size_t n, std::mt19937& random) {  // Whose sums depend on their order.
    std::vector<float> v = RandomFloats(n, random());
    for (float& f : v) f *= random() % 3 ? 1e-3f : 1e6f;
    return v;
  };
  CheckWindows<float>(&Elementwise::sum_windows_f32, uneven, [](float& y, float x) { y += x; });
}

template <class T, class Values> void CheckRows(void (*Elementwise::*run)(const T*, int64_t, int64_t, T*), const Values& values) {
  std::mt19937 random(14);
  const auto pick = test::PickFrom<size_t>(random);
  for (int round = 0; round < 300; ++round) {
    const size_t n = pick(0, round % 2 ? 20 : 200), rows = pick(0, 9);
    const std::vector<T> x = values(n * rows, random);
    std::vector<T> start(rows + 1, std::numeric_limits<T>::lowest());
    if (round % 3 == 0) std::ranges::fill(start, T{0});
    std::vector<T> want = start;
    for (size_t i = 0; i < x.size(); ++i) want[i / n] = want[i / n] < x[i] ? x[i] : want[i / n];
    for (const Elementwise* e : Tables()) {
      std::vector<T> y = start;
      (e->*run)(x.data(), static_cast<int64_t>(rows), static_cast<int64_t>(n), y.data());
      ASSERT_EQ(want, y) << "round " << round;
    }
  }
}

TEST(KernelElementwise, MaximaOfRows) {
  CheckRows<float>(&Elementwise::max_rows_f32, FloatsAndOthers);
  CheckRows<float>(&Elementwise::max_rows_f32, [](size_t n, std::mt19937&) { return std::vector<float>(n, NAN); });
  CheckRows<int8_t>(&Elementwise::max_rows_s8, [](size_t n, std::mt19937& random) { return RandomBytes(n, random()); });
}

TEST(KernelElementwise, SoftmaxOfRows) {
  for (const Elementwise* e : Tables()) {
    for (int64_t rows : {1, 3, 4, 9}) {
      for (int64_t n : {1, 7, 16, 37, 128}) {
        std::vector<float> x = RandomFloats(static_cast<size_t>(rows * n), 5), y(x.size() + 1, 55.0f);
        for (float& v : x) v *= 30;
        x[0] = -1e9f;  // Of a mask.
        e->softmax_f32(x.data(), rows, n, 0.7f, y.data());
        for (int64_t r = 0; r < rows; ++r) {
          const float* row = x.data() + r * n;
          const double most = *std::max_element(row, row + n);
          double sum = 0;
          for (int64_t i = 0; i < n; ++i) sum += std::exp(0.7 * (static_cast<double>(row[i]) - most));
          for (int64_t i = 0; i < n; ++i) ASSERT_NEAR(std::exp(0.7 * (static_cast<double>(row[i]) - most)) / sum, y[static_cast<size_t>(r * n + i)], 1e-6);
        }
        if (n > 1) {
          EXPECT_EQ(0.0f, y[0]);
        }
        EXPECT_EQ(55.0f, y.back());
      }
    }
  }
}

TEST(KernelElementwise, BlendsRowsOfBytes) {
  std::mt19937 random(12);
  const auto pick = [&](uint32_t most) { return 1 + static_cast<int32_t>(random() % most); };
  for (int round = 0; round < 400; ++round) {
    const int32_t width = pick(20), channels = pick(round % 2 ? 5 : 70), outputs = pick(40), down = pick(1025) - 1;
    const auto values = static_cast<size_t>(width * channels);
    std::vector<int8_t> upper = RandomBytes(values, random()), lower = RandomBytes(values, random());
    if (round % 4 == 0)
      for (size_t k = 0; k < values; ++k) upper[k] = upper[k] < 0 ? -128 : 127, lower[k] = lower[k] < 0 ? -128 : 127;
    std::vector<kernels::Between<int32_t>> places;
    for (int32_t i = 0; i < outputs; ++i) {
      const int32_t low = i * width / outputs, high = std::min(low + static_cast<int32_t>(random() % 2), width - 1);
      places.push_back({low, high, high > low ? static_cast<int32_t>(random() % 1024) : 0});
    }
    for (const Elementwise* table : Tables()) {
      std::vector<int32_t> sums(values + kernels::BlendRowS8::kMore, -1);
      std::vector<int8_t> y(static_cast<size_t>(outputs * channels) + 1, 99);
      table->blend_row_s8({upper.data(), lower.data(), width, channels, down, places.data(), outputs, sums.data(), y.data()});
      for (int32_t k = 0; k < outputs * channels; ++k) {
        const auto& [low, high, at] = places[static_cast<size_t>(k / channels)];
        const auto left = static_cast<size_t>(low * channels + k % channels), right = static_cast<size_t>(high * channels + k % channels);
        const int32_t sum = (upper[left] * (1024 - at) + upper[right] * at) * (1024 - down) + (lower[left] * (1024 - at) + lower[right] * at) * down;
        ASSERT_EQ(y[static_cast<size_t>(k)], std::lround(sum / 1048576.0)) << round << ' ' << k;
      }
      EXPECT_EQ(y.back(), 99);
    }
  }
}

TEST(KernelElementwise, BlendsFourFloats) {
  std::mt19937 random(13);
  for (int round = 0; round < 200; ++round) {
    const int64_t n = 1 + static_cast<int64_t>(random() % 50);
    const std::vector<float> x = RandomFloats(static_cast<size_t>(4 * n), random());
    const float *a = x.data(), *b = a + n, *c = b + n, *d = c + n;
    const auto fraction = [&] { return static_cast<float>(random() % 1001) / 1000; };
    const float down = fraction(), right = fraction();
    for (const Elementwise* table : Tables()) {
      std::vector<float> y(static_cast<size_t>(n) + 1, 99);
      table->blend_f32(a, b, c, d, down, right, n, y.data());
      for (int64_t k = 0; k < n; ++k) {
        const float left = a[k] * (1 - down) * (1 - right) + c[k] * down * (1 - right);
        ASSERT_EQ(y[static_cast<size_t>(k)], left + b[k] * (1 - down) * right + d[k] * down * right) << round << ' ' << k;
      }
      EXPECT_EQ(y.back(), 99);
    }
  }
}

TEST(KernelElementwise, TransposesElementsOf32Bits) {
  for (const Elementwise* e : Tables()) {
    for (int64_t rows : {1, 7, 8, 16, 33}) {
      for (int64_t columns : {1, 5, 8, 24, 37}) {
        const int64_t from = columns + 3, to = rows + 2;
        const std::vector<float> x = RandomFloats(static_cast<size_t>(rows * from), 7);
        std::vector<float> y(static_cast<size_t>(columns * to), 55.0f);
        e->transpose_32(reinterpret_cast<const std::byte*>(x.data()), from * 4, rows, columns, reinterpret_cast<std::byte*>(y.data()), to * 4);
        for (int64_t c = 0; c < columns; ++c)
          for (int64_t r = 0; r < to; ++r)
            ASSERT_EQ(r < rows ? x[static_cast<size_t>(r * from + c)] : 55.0f, y[static_cast<size_t>(c * to + r)]) << r << ", " << c;
      }
    }
  }
}

TEST(KernelElementwise, FunctionsKeepNotANumberAndReachTheirLimits) {
  const float inf = INFINITY, x[] = {NAN, inf, -inf};
  float y[3];
  for (const Elementwise* e : Tables()) {
    e->function_f32[static_cast<int>(kernels::Function::kExp)](x, 3, y);
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_EQ(inf, y[1]);
    EXPECT_EQ(0.0f, y[2]);
    e->function_f32[static_cast<int>(kernels::Function::kTanh)](x, 3, y);
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_FLOAT_EQ(1.0f, y[1]);
    EXPECT_FLOAT_EQ(-1.0f, y[2]);
    e->function_f32[static_cast<int>(kernels::Function::kLogistic)](x, 3, y);
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_EQ(1.0f, y[1]);
    EXPECT_EQ(0.0f, y[2]);
    e->function_f32[static_cast<int>(kernels::Function::kNormalGateTanh)](x, 3, y);
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_EQ(inf, y[1]);
    EXPECT_NEAR(0.0f, y[2], 1e-20f);
  }
}

}  // namespace
}  // namespace octet
