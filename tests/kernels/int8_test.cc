// SPDX-License-Identifier: Apache-2.0
// The 8-bit kernels of every instruction set that this processor has, called directly: equal to plain sums
// and to the reference's requantization, for any alignment, and where roundings tie.
#include "kernels/int8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string_view>
#include <vector>

#include "base/cpu.h"
#include "ops/quant_util.h"

namespace octet {
namespace kernels {
void LoadAvxVnniModel(const int8_t* x, int64_t n, void* to);
void MultiplyAvxVnniModel(const ProductS8&, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch);
void MultiplyTilesModel(const ProductS8&, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch);
}
namespace {

using kernels::Int8;
using kernels::kPanel;

std::vector<const Int8*> Tables() {
  std::vector<const Int8*> tables{&kernels::kScalarInt8};
#if defined(__x86_64__)
  if (ThisCpu().has(Isa::kAvx2)) tables.insert(tables.end(), {&kernels::kAvx2Int8, &kernels::kAvx2RaisedInt8});
#if !defined(OCTET_AVX2_ONLY)
  static const Int8 avx_vnni = kernels::WithDots("avx_vnni", kernels::LoadAvxVnni, kernels::MultiplyAvxVnni);
  if (ThisCpu().has(Isa::kAvxVnni)) tables.push_back(&avx_vnni);
  if (ThisCpu().has(Isa::kAvx512Vnni)) {
    static const Int8 dots = kernels::WithDots("model of avx_vnni", kernels::LoadAvxVnniModel, kernels::MultiplyAvxVnniModel);
    tables.push_back(&dots);
    static const Int8 model = kernels::WithTiles("model of amx", kernels::MultiplyTilesModel), amx = kernels::WithTiles("amx", kernels::MultiplyAmx);
    tables.insert(tables.end(), {&kernels::kAvx512VnniInt8, &model});
    if (ThisCpu().has(Isa::kAmx)) tables.push_back(&amx);
  }
#endif
#elif defined(__aarch64__)
  if (ThisCpu().has(Isa::kNeon)) tables.push_back(&kernels::kNeonInt8);
  if (ThisCpu().has(Isa::kDotprod)) tables.push_back(&kernels::kNeonDotprodInt8);
  if (ThisCpu().has(Isa::kI8mm)) tables.push_back(&kernels::BestInt8());
#endif
  return tables;
}

// Where a test run says what the processor, lowered by OCTET_ISA, is to be taken for.
TEST(KernelInt8, IsChosenByTheProcessor) {
  if (const char* expected = std::getenv("OCTET_EXPECTED_ISA")) {
    EXPECT_EQ(Name(ThisCpu().isa), expected);
    // AVX-512 without VNNI brings no 8-bit kernels.
    EXPECT_STREQ(kernels::BestInt8().name, std::string_view(expected) == "avx512" ? "avx2" : expected);
  }
}

// Constants of some columns, and what they mean.
struct Constants {
  std::vector<int32_t> bias, mantissa, left, right;
  std::vector<kernels::FlooredPanel> panels;
  std::vector<int32_t> first;
  kernels::Floored forms = kernels::Floored::kPlain;  // This one or what follows it.
  bool coarse = true;
  std::vector<kernels::SumRange> ranges;              // Where narrower than `largest` says.
  std::vector<double> scale;
  std::vector<ops::Multiplier> multiplier;
  int32_t zero = 0, low = -128, high = 127;

  explicit Constants(size_t columns) {
    const size_t n = (columns + kPanel - 1) / kPanel * kPanel;
    for (auto* v : {&bias, &mantissa, &left, &right}) v->assign(n, 0);
    panels.resize(n / kPanel);
    first.resize(n);
    scale.assign(n, 0);
    multiplier.resize(n);
  }
  void Set(size_t c, ops::Multiplier m) {
    multiplier[c] = m;
    mantissa[c] = m.mantissa;
    left[c] = std::max(m.shift, 0);
    right[c] = std::max(-m.shift, 0);
  }
  // As `k` takes them. `largest`: of any sum.
  kernels::Requant View(const Int8& k, int64_t largest, bool f64) {
    kernels::Requant q{bias.data(), mantissa.data(), left.data(), right.data(), f64 ? scale.data() : nullptr, zero, low, high};
    const bool to_the_right = std::ranges::all_of(left, [](int32_t shift) { return shift == 0; });
    q.narrow = !f64 && largest < kernels::kMostSum && to_the_right;
    if (!(to_the_right || f64) || !k.floor) return q;
    const auto exact = [&](kernels::Floored form) {
      std::vector<kernels::SumRange> all = ranges;
      all.resize(panels.size() * kPanel, {-largest, largest});
      for (size_t panel = 0; panel < panels.size(); ++panel)
        if (!k.floor(q, static_cast<int64_t>(panel), &all[panel * kPanel], form, coarse, &panels[panel], &first[panel * kPanel])) return false;
      return true;
    };
    using enum kernels::Floored;
    for (const kernels::Floored form : {kPlain, kSigned}) {
      if (form < forms || (form == kPlain && !q.plain()) || !exact(form)) continue;
      q.floored = form;
      q.panels = panels.data();
      q.bias = first.data();
      break;
    }
    return q;
  }
  int8_t Expected(int32_t sum, size_t c, bool f64) const {
    const double v = f64 ? std::round(static_cast<double>(sum) * scale[c]) : static_cast<double>(ops::Requantize(sum, multiplier[c]));
    return static_cast<int8_t>(std::clamp(v + zero, static_cast<double>(low), static_cast<double>(high)));
  }
};

// Sums that are their biases, finished apart from the product, become `want`, too.
void ExpectFinished(const Int8& k, const kernels::ProductS8& p, int64_t rows, const std::vector<int8_t>& want) {
  constexpr int64_t kReadBehind = 3;
  std::vector<int32_t> sums(static_cast<size_t>((rows + kReadBehind) * kPanel));
  std::vector<int8_t> y(want.size(), 99);
  for (int64_t panel = 0; panel * kPanel < p.columns; ++panel) {
    for (int64_t i = 0; i < rows * kPanel; ++i) sums[static_cast<size_t>(i)] = p.requant.bias[panel * kPanel + i % kPanel];
    k.finish(p, sums.data(), rows, panel, y.data());
  }
  ASSERT_EQ(want, y) << k.name;
}

// The sums are the biases: the one value multiplied is zero.
void ExpectRequantized(const Int8& k, Constants& c, size_t columns, const std::vector<int32_t>& sums, int64_t largest, bool f64, int64_t rows) {
  const auto panels = static_cast<int64_t>((columns + kPanel - 1) / kPanel);
  const std::vector<int8_t> weights(static_cast<size_t>(panels) * 64, 0), x(64, 0);
  std::vector<uint8_t> loaded(1024), scratch(4096);
  k.load(x.data(), 8, loaded.data());
  const int64_t offset = 0;
  const kernels::ProductS8 p{&offset, 1, 1, weights.data(), c.View(k, largest, f64), static_cast<int64_t>(columns), static_cast<int64_t>(columns)};
  std::vector<int8_t> y(columns * static_cast<size_t>(rows) + 1, 99);
  const std::vector<const void*> at(static_cast<size_t>(rows), loaded.data());
  k.multiply(p, at.data(), rows, 0, panels, y.data(), scratch.data());
  for (size_t r = 0; r < static_cast<size_t>(rows); ++r)
    for (size_t i = 0; i < columns; ++i)
      ASSERT_EQ(y[r * columns + i], c.Expected(sums[i], i, f64))
          << k.name << ": sum " << sums[i] << ", mantissa " << c.multiplier[i].mantissa << ", shift " << c.multiplier[i].shift;
  EXPECT_EQ(y.back(), 99) << "wrote behind the last value";
  ExpectFinished(k, p, rows, y);
}

TEST(KernelInt8, RequantizesLikeTheReferenceAroundTies) {
  std::mt19937 random(1);
  for (int round = 0; round < 400; ++round) {
    const size_t columns = 1 + random() % 150;
    const bool narrow = round % 2 == 0, f64 = round % 5 == 1;
    Constants c(columns);
    c.zero = static_cast<int32_t>(random() % 256) - 128;
    if (random() % 2) c.low = c.zero;
    if (random() % 3 == 0) c.high = std::min(127, c.low + static_cast<int32_t>(random() % 200));
    std::vector<int32_t> sums(columns);
    for (size_t i = 0; i < columns; ++i) {
      const int32_t m = random() % 4 ? (1 << 30) + static_cast<int32_t>(random() % (1u << 30)) : 1 << 30;
      c.Set(i,
            random() % 20 ? ops::Multiplier{m, narrow ? -static_cast<int32_t>(random() % 30) : static_cast<int32_t>(random() % 20) - 16} : ops::Multiplier{});
      c.scale[i] = std::ldexp(static_cast<double>(c.mantissa[i]), c.multiplier[i].shift - 31);
      // Near a tie of the second rounding, or anything that is allowed.
      const double unit = std::max(1.0, std::ldexp(1.0, c.right[i]) * 2.0 * (1 << 30) / m), tie = unit * (static_cast<double>(random() % 512) - 256.5);
      const double limit = narrow ? (1 << 29) - 1.0 : 2147483647.0;
      sums[i] = static_cast<int32_t>(std::clamp(tie + static_cast<double>(random() % 5) - 2, -limit, limit));
      if (random() % 8 == 0) sums[i] = static_cast<int32_t>(random()) >> (narrow ? 3 : 0);
      c.bias[i] = sums[i];
    }
    for (const Int8* k : Tables()) ExpectRequantized(*k, c, columns, sums, narrow ? (1 << 29) - 1 : INT32_MAX, f64, 1 + round % 30);
  }
}

// Where an output changes, both sides of it; and the farthest sums.
TEST(KernelInt8, FloorsWhereTheReferenceRounds) {
  std::mt19937 random(4);
  constexpr int32_t kFarthest = (1 << 29) - 1;
  int tried = 0, floored = 0;
  for (int round = 0; round < 90; ++round) {
    const size_t columns = 1 + random() % 40;
    Constants c(columns);
    const bool f64 = round % 3 == 0;
    c.forms = static_cast<kernels::Floored>(1 + round % 2);
    c.coarse = round % 4 < 2;
    if (round % 8 < 4) {
      c.zero = static_cast<int32_t>(random() % 256) - 128;
      if (random() % 2) c.low = std::max(-128, c.zero - static_cast<int32_t>(random() % 9));
      if (random() % 3 == 0) c.high = std::min(127, c.low + static_cast<int32_t>(random() % 200));
    } else {
      c.zero = -128;
    }
    for (size_t i = 0; i < columns; ++i)
      c.Set(i, random() % 30 ? ops::Multiplier{(1 << 30) + static_cast<int32_t>(random() % (1u << 30)), -(round / 9) - static_cast<int32_t>(random() % 3)}
                             : ops::Multiplier{});
    for (size_t i = 0; i < columns; ++i)
      c.scale[i] = c.mantissa[i] ? std::ldexp(c.mantissa[i] + static_cast<double>(random() % 1000) * 0x1p-10, -31 - c.right[i]) : 0;
    for (const Int8* k : Tables()) tried += k->floor != nullptr, floored += c.View(*k, kFarthest, f64).floored != kernels::Floored::kNone;
    std::vector<int32_t> sums(columns);
    for (int output = c.low - 2; output <= c.high + 2; ++output)
      for (int side = -1; side <= 1; ++side) {
        for (size_t i = 0; i < columns; ++i) {
          const double unit = c.mantissa[i] ? std::ldexp(1.0, 31 + c.right[i]) / c.mantissa[i] : 1000, at = (output - c.zero - 0.5) * unit + side;
          sums[i] = output < c.low - 1    ? -kFarthest
                    : output > c.high + 1 ? kFarthest
                                          : static_cast<int32_t>(std::clamp<double>(std::round(at), -kFarthest, kFarthest));
          c.bias[i] = sums[i];
        }
        for (const Int8* k : Tables()) ExpectRequantized(*k, c, columns, sums, kFarthest, f64, 1 + round % 30);
      }
  }
  EXPECT_GE(floored * 10, tried * 9);
}

// Sums of some channels move little about a large bias, and their scales are small, down to biases of more than kMostSum, as converters write
// them for channels of next to no weights: every sum at which an output changes, and the ends.
TEST(KernelInt8, FloorsWhereSumsReachFewOutputs) {
  std::mt19937 random(5);
  int tried = 0, floored = 0;
  for (int round = 0; round < 200; ++round) {
    const size_t columns = 1 + random() % 20;
    Constants c(columns);
    c.forms = static_cast<kernels::Floored>(1 + round % 2);
    c.coarse = round % 4 < 2;
    c.zero = round % 2 ? -128 : static_cast<int32_t>(random() % 256) - 128;
    if (random() % 2) c.low = std::max(-128, c.zero);
    std::vector<std::vector<int32_t>> sums(columns);
    for (size_t i = 0; i < columns; ++i) {
      const bool huge = random() % 4 == 0;
      const int32_t right = huge           ? 26 + static_cast<int32_t>(random() % 6)
                            : random() % 3 ? 14 + static_cast<int32_t>(random() % 9)
                                           : static_cast<int32_t>(random() % 10);
      c.Set(i, {(1 << 30) + static_cast<int32_t>(random() % (1u << 30)), -right});
      const double unit = std::ldexp(1.0, 31 + right) / c.mantissa[i];  // Of an output.
      const double share = static_cast<double>(random() % 2600) / 1300 - 1;
      const auto middle = static_cast<int64_t>(huge ? 0x1.fcp30 * share : unit * 130 * share),
                 most = huge ? static_cast<int64_t>(random() % 0x800000) : static_cast<int64_t>(unit * static_cast<double>(random() % 100) / 70);
      if (!huge && std::abs(middle) + most >= kernels::kMostSum) {
        c.ranges.push_back({});
        sums[i] = {0};
        continue;
      }
      c.ranges.push_back({middle - most, middle + most});
      const auto add = [&](int64_t sum) { sums[i].push_back(static_cast<int32_t>(std::clamp(sum, middle - most, middle + most))); };
      for (const int64_t side : {-1, 0, 1}) {
        add(middle + (side * most)), add(middle + side);
        for (int k = -2; k <= 2; ++k) add(static_cast<int64_t>(std::round((std::round(static_cast<double>(middle) / unit) + k - 0.5) * unit)) + side);
      }
    }
    for (const Int8* k : Tables()) tried += k->floor != nullptr, floored += c.View(*k, INT32_MAX - 1, false).floored != kernels::Floored::kNone;
    for (size_t n = 0; n < 21; ++n) {
      std::vector<int32_t> now(columns);
      for (size_t i = 0; i < columns; ++i) now[i] = c.bias[i] = sums[i][n % sums[i].size()];
      for (const Int8* k : Tables()) ExpectRequantized(*k, c, columns, now, INT32_MAX - 1, false, 1 + round % 30);
    }
  }
  EXPECT_GE(floored * 100, tried * 95);
}

// A program may have turned denormal numbers off for its own arithmetic.
class DenormalsAreZero {
 public:
#ifdef __x86_64__
  explicit DenormalsAreZero(bool on) : before_(__builtin_ia32_stmxcsr()) {
    if (on) __builtin_ia32_ldmxcsr(before_ | 1u << 15 | 1u << 6);
  }
  ~DenormalsAreZero() { __builtin_ia32_ldmxcsr(before_); }

 private:
  unsigned before_;
#else
  explicit DenormalsAreZero(bool) {}
#endif
};

TEST(KernelInt8, MultipliesAnySegmentsAtAnyAlignment) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    const bool across = round % 4 == 0;  // Windows of three pixels, one pixel on from row to row.
    const bool many = round % 10 == 2;       // Rows, of one deep segment, for several panels.
    const int64_t segments = many ? 1 : 1 + random() % 4, columns = many ? 80 + random() % 80 : 1 + random() % (across ? 40 : 140);
    const int64_t length = across ? 12 * (1 + random() % 4) : many ? 30 + random() % 1100 : round % 50 == 9 ? 0 : 1 + random() % (round % 8 == 1 ? 500 : 40);
    const int64_t rows = round == 100 ? 515 : many ? 20 + random() % 20 : 1 + random() % (round % 8 == 5 ? 70 : 40);  // A block holds 512.
    const bool f64 = round % 7 == 3;
    const int64_t beside = round % 5 < 2 ? random() % 20 : 0;  // Columns of y that belong to others.
    const int64_t panels = (columns + kPanel - 1) / kPanel, groups = (length + 3) / 4, pitch = across ? length / 3 : 1 + random() % 7,
                  between = length + random() % 9;
    const auto extreme = [&] { return random() % 4 == 0 ? (random() % 2 ? int8_t{-128} : int8_t{127}) : static_cast<int8_t>(random()); };
    std::vector<int8_t> w(static_cast<size_t>(columns * segments * length)), packed(static_cast<size_t>(panels * segments * groups * 64)),
        x(static_cast<size_t>(rows * pitch + segments * between + length + 8));
    const bool narrow_range = round % 3 == 0;
    for (int8_t& v : w) v = narrow_range ? std::max<int8_t>(extreme(), -127) : extreme();
    for (int8_t& v : x) v = extreme();
    for (int64_t c = 0; c < columns; ++c)
      for (int64_t s = 0; s < segments; ++s)
        for (int64_t k = 0; k < length; ++k)
          packed[static_cast<size_t>(((c / kPanel * segments + s) * groups + k / 4) * 64 + c % kPanel * 4 + k % 4)] =
              w[static_cast<size_t>((c * segments + s) * length + k)];
    for (const Int8* k : Tables()) {
      if (length == 0 && std::string_view(k->name) == "model of amx") continue;  // Who calls it asks for some depth first.
      Constants constants(static_cast<size_t>(columns));
      for (int64_t c = 0; c < columns; ++c) {
        constants.Set(static_cast<size_t>(c), {(1 << 30) + static_cast<int32_t>(random() % 1000000), -11});
        constants.scale[static_cast<size_t>(c)] = std::ldexp(static_cast<double>(constants.mantissa[static_cast<size_t>(c)]), -11 - 31);
        int32_t sum = 0;
        for (int64_t i = 0; i < segments * length; ++i) sum += w[static_cast<size_t>(c * segments * length + i)];
        constants.bias[static_cast<size_t>(c)] = -sum * k->offset;
      }
      std::vector<int64_t> offset;
      for (int64_t s = 0; s < segments; ++s) offset.push_back(s * between * k->value_bytes);
      std::vector<uint8_t> loaded((x.size() + 64) * 2), scratch(static_cast<size_t>(segments * groups * k->scratch_per_group + 64));
      k->load(x.data(), static_cast<int64_t>(x.size()), loaded.data());
      // Behind the last row lies whatever a workspace had: no values of a row.
      const auto last = static_cast<size_t>(((rows - 1) * pitch + (segments - 1) * between + length) * k->value_bytes);
      for (size_t i = last; i < loaded.size(); ++i) loaded[i] = (round / 2 + i) % 2 == 0 ? 0xff : 0x7f;
      std::vector<const void*> at;
      for (int64_t r = 0; r < rows; ++r) at.push_back(loaded.data() + r * pitch * k->value_bytes);
      const kernels::ProductS8 p{offset.data(), segments,         length,      packed.data(), constants.View(*k, int64_t{1} << (round % 2 == 0 ? 28 : 31), f64),
                                 columns,       columns + beside, narrow_range};
      std::vector<int8_t> y(static_cast<size_t>(rows * p.pitch) + 1, 99);
      const int64_t cut = many ? 1 : random() % (panels + 1);
      {
        const DenormalsAreZero host(round % 3 == 0);
        k->multiply(p, at.data(), rows, 0, cut, y.data(), scratch.data());
        k->multiply(p, at.data(), rows, cut, panels, y.data(), scratch.data());
      }
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c) {
          int32_t sum = 0;
          for (int64_t i = 0; i < segments * length; ++i)
            sum += x[static_cast<size_t>(r * pitch + i / length * between + i % length)] * w[static_cast<size_t>(c * segments * length + i)];
          ASSERT_EQ(y[static_cast<size_t>(r * p.pitch + c)], constants.Expected(sum, static_cast<size_t>(c), f64))
              << k->name << " row " << r << " column " << c;
        }
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = columns; c < p.pitch; ++c) ASSERT_EQ(y[static_cast<size_t>(r * p.pitch + c)], 99) << k->name << " wrote beside row " << r;
      EXPECT_EQ(y.back(), 99);
    }
  }
}

TEST(KernelInt8, LoadsPixels) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    const int64_t n = 1 + random() % 100, count = 1 + random() % 9, stride = n + random() % 20, pitch = n + random() % 2 * 7;
    std::vector<int8_t> x(static_cast<size_t>(stride * count));
    for (int8_t& v : x) v = static_cast<int8_t>(random());
    for (const Int8* k : Tables()) {
      std::vector<uint8_t> to(static_cast<size_t>(pitch * count) + 1, 77);
      k->load_pixels(x.data(), n, count, stride, to.data(), pitch);
      for (int64_t i = 0; i < n * count; ++i)
        ASSERT_EQ(to[static_cast<size_t>(i / n * pitch + i % n)], static_cast<uint8_t>(x[static_cast<size_t>(i / n * stride + i % n)] + k->tap_offset))
            << k->name;
      EXPECT_EQ(to.back(), 77);
    }
  }
}

}  // namespace
}  // namespace octet
