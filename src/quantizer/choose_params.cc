// SPDX-License-Identifier: Apache-2.0
#include "quantizer/choose_params.h"

#include <algorithm>
#include <cmath>

namespace octet::quantizer {
namespace {

constexpr float kSmallestRange = 4e-6f;  // 255 * 2^-26: with finer steps a softmax's multiplier would be below one, which its kernels refuse.
constexpr double kShrinkSteps = 46, kSmallestShrink = 0.1;  // Factors 1.0 ... 0.1 in steps of 0.02.
// What percentiles leave inside.
constexpr double kPercentile = 0.9999, kPercentile999 = 0.999, kPercentile99 = 0.99;
constexpr int kKlStride = 16;  // Bins between the ends that KL tries.

// The filled bins of a histogram: where they are and how many values they hold.
struct Bins {
  std::vector<double> centre, count;
  explicit Bins(const TensorStatistics& s) {
    const double width = (static_cast<double>(s.max) - static_cast<double>(s.min)) / kHistogramBins;
    for (int i = 0; i < kHistogramBins; ++i) {
      if (s.histogram[static_cast<size_t>(i)] <= 0) continue;
      centre.push_back(static_cast<double>(s.min) + (i + 0.5) * width);
      count.push_back(static_cast<double>(s.histogram[static_cast<size_t>(i)]));
    }
  }
};

// Error of quantizing the bins' centres with 255 steps over [low, high]; what exceeds `least` is as good as any.
// Halves go up, which a histogram does not notice; what is clamped above zero first rounds by cutting off, which is
// one fast instruction. From the top, where most is clipped.
double SquaredError(const Bins& bins, double low, double high, double least) {
  constexpr size_t kBlock = 128;  // Between looks at the sum.
  const auto last = static_cast<double>(kInt8.steps());
  const double step = (high - low) / last;
  if (step <= 0) return INFINITY;
  const double zero = std::floor(-low / step + 0.5), per_step = 1 / step;
  double error = 0;
  for (size_t end = bins.centre.size(); end > 0 && error < least;) {
    const size_t begin = end > kBlock ? end - kBlock : 0;
    for (size_t i = begin; i < end; ++i) {
      const double x = bins.centre[i];
      const auto q = static_cast<double>(static_cast<int>(std::clamp(x * per_step + zero + 0.5, 0.5, last + 0.5)));
      const double d = (q - zero) * step - x;
      error += bins.count[i] * d * d;
    }
    end = begin;
  }
  return error;
}

Range MseRange(const TensorStatistics& s) {
  const Bins bins(s);
  const auto low = static_cast<double>(s.min), high = static_cast<double>(s.max);
  double best_low = low, best_high = high, best = SquaredError(bins, low, high, INFINITY);
  const auto attempt = [&](double a, double b) {
    const double error = SquaredError(bins, a, b, best);
    if (error < best) {
      best = error;
      best_low = a;
      best_high = b;
    }
  };
  const auto factor = [](int i) { return 1.0 - i * (1.0 - kSmallestShrink) / (kShrinkSteps - 1); };
  for (int i = 1; i < static_cast<int>(kShrinkSteps); ++i) {
    attempt(low * factor(i), high * factor(i));
    attempt(low, high * factor(i));
  }
  // Then the bottom alone, under the best top.
  const double top = best_high, bottom = best_low;
  for (int i = 1; low < 0 && i < static_cast<int>(kShrinkSteps); ++i) attempt(bottom * factor(i), top);
  return {static_cast<float>(best_low), static_cast<float>(best_high)};
}

Range PercentileRange(const TensorStatistics& s, double inside) {
  double total = 0;
  for (float h : s.histogram) total += static_cast<double>(h);
  const double outside = total * (1 - inside), width = (static_cast<double>(s.max) - static_cast<double>(s.min)) / kHistogramBins;
  int first = 0, last = kHistogramBins - 1;
  for (double left = 0; first < last && left + static_cast<double>(s.histogram[first]) <= outside / 2; ++first) left += static_cast<double>(s.histogram[first]);
  for (double left = 0; last > first && left + static_cast<double>(s.histogram[last]) <= outside / 2; --last) left += static_cast<double>(s.histogram[last]);
  return {static_cast<float>(std::min(0.0, static_cast<double>(s.min) + first * width)),
          static_cast<float>(std::max(0.0, static_cast<double>(s.min) + (last + 1) * width))};
}

// Information lost when [0, last) of |x|'s histogram is told apart in 128 levels only, the rest counted at the end.
double Divergence(const std::vector<double>& h, int last, int levels, double total) {
  double outliers = 0, divergence = 0;
  for (size_t i = static_cast<size_t>(last); i < h.size(); ++i) outliers += h[i];
  for (int level = 0; level < levels; ++level) {
    const int begin = level * last / levels, end = (level + 1) * last / levels;
    double sum = 0;
    int filled = 0;
    for (int i = begin; i < end; ++i) {
      sum += h[static_cast<size_t>(i)];
      filled += h[static_cast<size_t>(i)] > 0;
    }
    for (int i = begin; i < end; ++i) {
      const double p = h[static_cast<size_t>(i)] + (i == last - 1 ? outliers : 0), q = h[static_cast<size_t>(i)] > 0 ? sum / filled : 0;
      if (p > 0) divergence += p / total * std::log(p / std::max(q, 1e-6 * total));
    }
  }
  return divergence;
}

Range KlRange(const TensorStatistics& s) {
  const int all = static_cast<int>(kInt8.steps()), levels = s.min < 0 && s.max > 0 ? all / 2 + 1 : all;  // Of |x|.
  const double width = (static_cast<double>(s.max) - static_cast<double>(s.min)) / kHistogramBins,
               most = std::max(static_cast<double>(s.max), -static_cast<double>(s.min));
  std::vector<double> h(kHistogramBins, 0.0);
  double total = 0;
  for (int i = 0; i < kHistogramBins; ++i) {
    const double x = std::abs(static_cast<double>(s.min) + (i + 0.5) * width);
    h[static_cast<size_t>(std::min(kHistogramBins - 1, static_cast<int>(x / most * kHistogramBins)))] +=
        static_cast<double>(s.histogram[static_cast<size_t>(i)]);
  }
  h[0] = 0;  // What ReLU made zero is exact under any range; spread over a level it would outweigh everything.
  for (double v : h) total += v;
  if (total <= 0) return {s.min, s.max};
  int best = kHistogramBins;
  double least = INFINITY;
  for (int last = kHistogramBins; last >= levels; last -= kKlStride) {
    const double d = Divergence(h, last, levels, total);
    if (d >= least) continue;
    least = d;
    best = last;
  }
  const auto limit = static_cast<float>(most * best / kHistogramBins);
  return {std::max(s.min, -limit), std::min(s.max, limit)};
}

}  // namespace

Range ChooseRange(const TensorStatistics& s, Ranges method) {
  if (method == Ranges::kEma && s.ema_samples > 0) return {std::max(s.min, std::min(0.0f, s.ema_min)), std::min(s.max, std::max(0.0f, s.ema_max))};
  if (method >= Ranges::kFourth) {
    const float part = std::ldexp(1.0f, -2 * (1 + static_cast<int>(method) - static_cast<int>(Ranges::kFourth)));
    return {part * s.min, part * s.max};
  }
  if (method == Ranges::kMinMax || s.histogram.empty() || !(s.max > s.min)) return {s.min, s.max};
  if (method == Ranges::kKl) return KlRange(s);
  if (method == Ranges::kMse) return MseRange(s);
  return PercentileRange(s, method == Ranges::kClip999 ? kPercentile999 : method == Ranges::kClip99 ? kPercentile99 : kPercentile);
}

TensorStatistics Above(const TensorStatistics& s, float low) {
  if (!(low > s.min) || low > 0) return s;
  TensorStatistics cut = s;
  cut.min = std::min(low, s.max);
  if (s.histogram.empty() || !(s.max > cut.min)) return cut;
  cut.histogram.assign(kHistogramBins, 0.0f);
  const double from = (static_cast<double>(s.max) - static_cast<double>(s.min)) / kHistogramBins,
               to = (static_cast<double>(s.max) - static_cast<double>(cut.min)) / kHistogramBins;
  for (int i = 0; i < kHistogramBins; ++i) {
    const double x = static_cast<double>(s.min) + (i + 0.5) * from;
    cut.histogram[static_cast<size_t>(std::clamp(static_cast<int>((x - static_cast<double>(cut.min)) / to), 0, kHistogramBins - 1))] +=
        s.histogram[static_cast<size_t>(i)];
  }
  return cut;
}

Quant ActivationQuant(DType type, Range range) {
  if (range.min >= 0 && range.max <= 0) range = {0, 1};  // Always zero: a tiny scale beside others' would be one that sums cannot have.
  if (type == DType::kI16) return Quant::PerTensor(std::max(std::max(-range.min, range.max), kSmallestRange) / kInt16.high, 0);
  double low = std::min(0.0, static_cast<double>(range.min)), high = std::max(0.0, static_cast<double>(range.max));
  if (high - low < static_cast<double>(kSmallestRange)) high = low + static_cast<double>(kSmallestRange);
  const float scale = static_cast<float>((high - low) / static_cast<double>(kInt8.steps()));
  const double lowest = static_cast<double>(kInt8.low), zero = std::round(lowest - low / static_cast<double>(scale));
  return Quant::PerTensor(scale, static_cast<int32_t>(std::clamp(zero, lowest, static_cast<double>(kInt8.high))));
}

}  // namespace octet::quantizer
