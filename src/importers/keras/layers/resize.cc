// SPDX-License-Identifier: Apache-2.0
// Resizing by bicubic interpolation: along each axis y = M x with a constant M, whose rows hold Keys' kernel (a = -1/2)
// around the centre of the output pixel; taps outside the image are left out and the others scaled to sum to 1.
#include <algorithm>
#include <cmath>

#include "importers/keras/context.h"
#include "importers/keras/rules.h"

namespace octet::importers::keras {
namespace {

double Keys(double distance) {
  const double x = std::fabs(distance);
  if (x <= 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

std::vector<float> Matrix(int32_t from, int32_t to) {
  std::vector<float> m(static_cast<size_t>(from) * static_cast<size_t>(to), 0.0f);
  for (int32_t o = 0; o < to; ++o) {
    const float exact = (static_cast<float>(o) + 0.5f) * (static_cast<float>(from) / static_cast<float>(to)) - 0.5f;
    // TensorFlow reads the kernel from a table with this many steps per pixel.
    constexpr double kSteps = 1024;
    const double whole = std::floor(exact), center = whole + std::lrint((exact - whole) * kSteps) / kSteps;
    const auto first = static_cast<int32_t>(whole) - 1;
    double taps[4], sum = 0;
    for (int i = 0; i < 4; ++i) {
      const bool inside = first + i >= 0 && first + i < from;
      taps[i] = inside ? Keys(center - (first + i)) : 0;
      sum += taps[i];
    }
    for (int i = 0; i < 4; ++i)
      if (taps[i] != 0) m[static_cast<size_t>(o) * static_cast<size_t>(from) + static_cast<size_t>(first + i)] = static_cast<float>(taps[i] / sum);
  }
  return m;
}

Status ConvertResizing(LayerContext& c) {
  constexpr int32_t kLargest = 4096;
  if (c.Text("interpolation", "bilinear") != "bicubic" || c.Bool("crop_to_aspect_ratio", false) || c.Bool("pad_to_aspect_ratio", false) ||
      c.Text("data_format", "channels_last") != "channels_last")
    return c.ApplyOperatorRule();
  const Shape in = c.shape(c.Input(0));
  const auto height = static_cast<int32_t>(c.Int("height", 0)), width = static_cast<int32_t>(c.Int("width", 0));
  const auto fits = [](int32_t n) { return n > 0 && n <= kLargest; };
  if (in.rank() != 4 || !fits(in[1]) || !fits(in[2]) || in[3] < 1 || !fits(height) || !fits(width))
    return c.Fail("[batch, height, width, channels] with known sizes", in.text(), "give the input's shape");
  OCTET_ASSIGN(Value y, c.Cast(c.Input(0), DType::kF32));
  const Value rows = c.Constant<float>(Shape{1, height, in[1]}, Matrix(in[1], height));
  const Value columns = c.Constant<float>(Shape{1, width, in[2]}, Matrix(in[2], width));
  OCTET_ASSIGN(y, c.Make("reshape", {y, c.Vector({-1, in[1], in[2] * in[3]})}));
  OCTET_ASSIGN(y, c.Make("batch_matmul", {rows, y}));
  OCTET_ASSIGN(y, c.Make("reshape", {y, c.Vector({-1, in[2], in[3]})}));
  OCTET_ASSIGN(y, c.Make("batch_matmul", {columns, y}));
  OCTET_ASSIGN(y, c.Make("reshape", {y, c.Vector({-1, height, width, in[3]})}));
  c.SetOutput(0, y);
  return {};
}

constexpr LayerRule kRules[] = {{"Resizing", ConvertResizing}};

}  // namespace

const std::span<const LayerRule> kResizeRules = kRules;

}  // namespace octet::importers::keras
