// SPDX-License-Identifier: Apache-2.0
// keras.ops unfold and fold: windows of images [batch, channels, height, width] as columns [batch, channels * window, windows], and their sums back.
#include <numeric>

#include "importers/keras/layers/arguments.h"
#include "importers/keras/rules.h"
#include "importers/limits.h"

namespace octet::importers::keras {
namespace {

// One axis of the windows.
struct Span {
  int64_t kernel = 1, dilation = 1, padding = 0, stride = 1;
  int64_t Windows(int64_t size) const {
    const int64_t room = size + 2 * padding - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
  }
  // Where element k of window w lies, padding included.
  int64_t At(int64_t k, int64_t w) const { return k * dilation + w * stride; }
};

Result<Span> SpanOf(LayerContext& c, size_t axis) {
  constexpr int64_t kMost = 1 << 12;
  const auto number = [&](const char* key, int64_t fallback) {
    const std::vector<int64_t> v = c.Ints(key, {fallback});
    return v.empty() ? fallback : v[std::min(axis, v.size() - 1)];
  };
  const Span s{number("kernel_size", 0), number("dilation", 1), number("padding", 0), number("stride", 1)};
  for (const int64_t n : {s.kernel, s.dilation, s.padding + 1, s.stride})
    if (n < 1 || n > kMost) return c.Fail(Format("windows, dilation, padding and strides of at most %d", static_cast<int>(kMost)), std::to_string(n), "");
  return s;
}

// Picked along the height, then along the width: [n, c, kh, windows, kw, windows].
Status ConvertUnfold(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  const Shape in = c.shape(x);
  if (in.rank() != 4 || in[1] < 1 || in[2] < 1 || in[3] < 1) return c.Fail("images [batch, channels, height, width] of known size", in.text(), "");
  int64_t kernel = 1, windows = 1;
  std::vector<int32_t> pads(8, 0);
  Span span[2];
  for (int i = 0; i < 2; ++i) {
    OCTET_ASSIGN(span[i], SpanOf(c, static_cast<size_t>(i)));
    const int64_t count = span[i].Windows(in[2 + i]);
    if (count < 1) return c.Fail("images larger than the window", in.text(), "");
    kernel *= span[i].kernel, windows *= count;
    pads[static_cast<size_t>(4 + 2 * i)] = pads[static_cast<size_t>(5 + 2 * i)] = static_cast<int32_t>(span[i].padding);
  }
  if (kernel * in[1] * windows > kMostPlaces) return c.Fail(Format("at most %d numbers in all windows", static_cast<int>(kMostPlaces)), in.text(), "");
  if (span[0].padding + span[1].padding > 0) {
    OCTET_ASSIGN(x, c.Make("pad", {x, c.Constant<int32_t>(Shape{4, 2}, pads)}));
  }
  for (int i = 0; i < 2; ++i) {
    const int64_t count = span[i].Windows(in[2 + i]);
    std::vector<int32_t> at;
    for (int64_t k = 0; k < span[i].kernel; ++k)
      for (int64_t w = 0; w < count; ++w) at.push_back(static_cast<int32_t>(span[i].At(k, w)));
    const Value places = c.Constant<int32_t>(Shape{static_cast<int32_t>(span[i].kernel), static_cast<int32_t>(count)}, at);
    OCTET_ASSIGN(x, c.Make("gather", {x, places}, {{"axis", 2 + 2 * i}}));
  }
  OCTET_ASSIGN(x, c.Make("transpose", {x, c.Vector({0, 1, 2, 4, 3, 5})}));
  return Set(c, c.Make("reshape", {x, c.Vector({in[0], static_cast<int32_t>(kernel * in[1]), static_cast<int32_t>(windows)})}));
}

// [size, kernel * windows]: 1 where an element of a window lies.
Value Placed(LayerContext& c, const Span& s, int64_t size) {
  const int64_t count = s.Windows(size), columns = s.kernel * count;
  std::vector<float> m(static_cast<size_t>(size * columns), 0.0f);
  for (int64_t k = 0; k < s.kernel; ++k) {
    for (int64_t w = 0; w < count; ++w) {
      const int64_t at = s.At(k, w) - s.padding;
      if (at >= 0 && at < size) m[static_cast<size_t>(at * columns + k * count + w)] = 1.0f;
    }
  }
  return c.Constant<float>(Shape{1, 1, static_cast<int32_t>(size), static_cast<int32_t>(columns)}, m);
}

// Sums by two products with matrices of zeros and ones.
Status ConvertFold(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  const Shape in = c.shape(x);
  const DType own = c.type(x).dtype;
  if (!IsFloat(own)) return c.Fail("floats", std::string(NumpyName(own)), "cast the input to float32 before");
  std::vector<int64_t> size = c.Ints("output_size", {});
  if (size.size() == 1) size.push_back(size[0]);
  constexpr int64_t kMost = 1 << 13;
  if (size.size() != 2 || size[0] < 1 || size[1] < 1 || size[0] > kMost || size[1] > kMost) return c.Fail("an output_size of two numbers", "another one", "");
  OCTET_ASSIGN(const Span down, SpanOf(c, 0));
  OCTET_ASSIGN(const Span across, SpanOf(c, 1));
  const int64_t rows = down.Windows(size[0]), columns = across.Windows(size[1]), kernel = down.kernel * across.kernel;
  if (in.rank() != 3 || rows < 1 || columns < 1 || in[1] < kernel || in[1] % kernel != 0 || in[2] != rows * columns)
    return c.Fail(Format("[batch, channels * %d, %d windows]", static_cast<int>(kernel), static_cast<int>(rows * columns)), in.text(), "");
  if (down.kernel * rows * size[0] > kMostWritten || across.kernel * columns * size[1] > kMostWritten)
    return c.Fail(Format("at most %d places of windows along an axis", static_cast<int>(kMostWritten)), in.text(), "");
  const auto n = [](int64_t v) { return static_cast<int32_t>(v); };
  const int32_t channels = n(in[1] / kernel);
  // The batch and the channels are one axis on the way: a transposition has at most six.
  OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector({-1, n(down.kernel), n(across.kernel), n(rows), n(columns)})}));
  OCTET_ASSIGN(x, c.Make("transpose", {x, c.Vector({0, 1, 3, 2, 4})}));
  OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector({-1, channels, n(down.kernel * rows), n(across.kernel * columns)})}));
  OCTET_ASSIGN(x, c.Make("batch_matmul", {x, Placed(c, across, size[1])}, {{"adj_x", 0}, {"adj_y", 1}}));
  return Set(c, c.Make("batch_matmul", {Placed(c, down, size[0]), x}, {{"adj_x", 0}, {"adj_y", 0}}));
}

constexpr LayerRule kRules[] = {{"ops.Unfold", ConvertUnfold}, {"ops.Fold", ConvertFold}};

}  // namespace

const std::span<const LayerRule> kWindowRules = kRules;

}  // namespace octet::importers::keras
