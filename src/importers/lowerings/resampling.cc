// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/resampling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace octet::importers {
namespace {

// Keys' cubic kernel.
double Cubic(double t, double a) {
  t = std::fabs(t);
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

double Sinc(double x) { return x == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x); }
template <int Radius> double Lanczos(double x) { return std::fabs(x) > Radius ? 0 : std::fabs(x) <= 1e-3 ? 1 : Sinc(x) * Sinc(x / Radius); }
double Mitchell(double x) {
  x = std::fabs(x);
  return x >= 2 ? 0 : x >= 1 ? (((-7.0 / 18) * x + 2) * x - 10.0 / 3) * x + 16.0 / 9 : ((7.0 / 6) * x - 2) * x * x + 8.0 / 9;
}

}  // namespace

std::vector<float> SampleRows(int32_t in, int32_t out, const Sampling& s) {
  std::vector<float> m(static_cast<size_t>(in) * static_cast<size_t>(out), 0.0f);
  const double scale = s.corners && out > 1 ? static_cast<double>(in - 1) / (out - 1) : static_cast<double>(in) / out;
  for (int32_t i = 0; i < out; ++i) {
    float* row = &m[static_cast<size_t>(i) * static_cast<size_t>(in)];
    if (!s.cubic) {  // Area: each pixel by how much of it the new one covers.
      const double from = i * scale, to = std::min((i + 1) * scale, static_cast<double>(in));
      for (auto k = static_cast<int32_t>(from); k < in && k < to; ++k)
        row[k] = static_cast<float>((std::min(to, k + 1.0) - std::max(from, static_cast<double>(k))) / (to - from));
      continue;
    }
    double at = s.centres ? (i + 0.5) * scale - 0.5 : i * scale;
    const double base = std::floor(at);
    at = base + std::nearbyint((at - base) * 1024) / 1024;  // TensorFlow takes the weights from a table of as many steps.
    double sum = 0, w[4];
    for (int k = 0; k < 4; ++k) {
      const double place = base - 1 + k;
      const bool inside = place >= 0 && place < in;
      w[k] = s.centres && !inside ? 0 : Cubic(at - place, s.centres ? -0.5 : -0.75);
      sum += w[k];
    }
    for (int k = 0; k < 4; ++k)
      row[std::clamp(static_cast<int32_t>(base) - 1 + k, 0, in - 1)] += static_cast<float>(s.centres ? w[k] / sum : w[k]);
  }
  return m;
}

const ResampleKernel* FindResampleKernel(std::string_view name) {
  struct Named {
    std::string_view name;
    ResampleKernel kernel;
  };
  static const Named kernels[] = {
      {"lanczos1", {1, Lanczos<1>}}, {"lanczos3", {3, Lanczos<3>}}, {"lanczos5", {5, Lanczos<5>}}, {"mitchellcubic", {2, Mitchell}},
      {"gaussian", {1.5, [](double x) { return std::fabs(x) >= 1.5 ? 0 : std::exp(-x * x / (2 * 0.5 * 0.5)); }}},
      {"box", {1, [](double x) { return std::fabs(x) < 0.5 ? 1.0 : std::fabs(x) == 0.5 ? 0.5 : 0.0; }}},
      {"triangle", {1, [](double x) { return std::max(0.0, 1 - std::fabs(x)); }}},
      {"keyscubic", {2, [](double x) { return Cubic(x, -0.5); }}}};
  const auto* it = std::ranges::find(kernels, name, &Named::name);
  return it == std::end(kernels) ? nullptr : &it->kernel;
}

std::vector<float> KernelRows(int32_t in, int32_t out, float scale, float move, bool antialias, const ResampleKernel& kernel) {
  std::vector<float> m(static_cast<size_t>(in) * static_cast<size_t>(out), 0.0f);
  const float inverse = 1.0f / scale, shift = -inverse * move, wide = antialias ? std::max(inverse, 1.0f) : 1.0f;
  for (int32_t i = 0; i < out; ++i) {
    const float middle = (static_cast<float>(i) + 0.5f) * inverse + shift;
    if (!(middle >= 0 && middle <= static_cast<float>(in))) continue;  // Not a number neither.
    const auto reach = static_cast<float>(kernel.radius) * wide;
    const auto from = static_cast<int32_t>(std::max(std::ceil(middle - reach - 0.5f), 0.0f)),
               to = static_cast<int32_t>(std::min(std::floor(middle + reach - 0.5f), static_cast<float>(in - 1)));
    double sum = 0;
    for (int32_t k = from; k <= to; ++k) sum += kernel.at((static_cast<double>(k) + 0.5 - middle) / wide);
    if (std::fabs(sum) < 1000 * std::numeric_limits<float>::min()) continue;
    for (int32_t k = from; k <= to; ++k)
      m[static_cast<size_t>(i) * static_cast<size_t>(in) + static_cast<size_t>(k)] =
          static_cast<float>(kernel.at((static_cast<double>(k) + 0.5 - middle) / wide) / sum);
  }
  return m;
}

// [n, h, w*c] from the left, then [n*h, w, c] from the left.
Result<Value> Resample(Lowering& c, Value x, int32_t height, int32_t width, const std::vector<float>& down, const std::vector<float>& across) {
  const Shape in = c.shape(x);
  const int32_t rows[] = {-1, in[1], in[2] * in[3]}, columns[] = {-1, in[2], in[3]}, out[] = {in[0], height, width, in[3]};
  OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector(rows)}));
  OCTET_ASSIGN(x, c.Make("batch_matmul", {c.Constant<float>(Shape{1, height, in[1]}, down), x}, {{"adj_x", 0}, {"adj_y", 0}}));
  OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector(columns)}));
  OCTET_ASSIGN(x, c.Make("batch_matmul", {c.Constant<float>(Shape{1, width, in[2]}, across), x}, {{"adj_x", 0}, {"adj_y", 0}}));
  return c.Make("reshape", {x, c.Vector(out)});
}

}  // namespace octet::importers
