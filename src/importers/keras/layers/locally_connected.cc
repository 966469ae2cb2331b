// SPDX-License-Identifier: Apache-2.0
// Convolutions whose every position has weights of its own (tf_keras): one product per position with what its window sees.
#include <algorithm>
#include <numeric>

#include "importers/keras/context.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/rules.h"
#include "importers/limits.h"

namespace octet::importers::keras {
namespace {

// Sequences are images of height 1.
struct Geometry {
  int64_t in[2] = {1, 1}, out[2] = {1, 1}, kernel[2] = {1, 1}, stride[2] = {1, 1}, channels = 0, filters = 0;
  bool same = false, channels_last = true;

  int64_t positions() const { return out[0] * out[1]; }
  int64_t taps() const { return kernel[0] * kernel[1] * channels; }
  // Of an element of the input, flat.
  int64_t At(int64_t row, int64_t column, int64_t channel) const {
    return channels_last ? (row * in[1] + column) * channels + channel : (channel * in[0] + row) * in[1] + column;
  }
};

Result<Geometry> ReadGeometry(LayerContext& c, const Shape& s) {
  Geometry g;
  const int rank = s.rank() - 2;
  const std::string padding = c.Text("padding", "valid");
  g.channels_last = c.Text("data_format", "channels_last") == "channels_last";
  g.same = padding == "same";
  if (rank < 1 || rank > 2 || (padding != "valid" && !g.same)) return c.Fail("sequences or images, padding valid or same", s.text() + ", " + padding, "");
  const std::vector<int64_t> kernel = c.Ints("kernel_size", {}), strides = c.Ints("strides", {1});
  for (int i = 0; i < rank; ++i) {
    const int to = i + 2 - rank;
    const auto at = static_cast<size_t>(i);
    g.in[to] = s[i + (g.channels_last ? 1 : 2)];
    g.kernel[to] = at < kernel.size() ? kernel[at] : kernel.empty() ? 0 : kernel[0];
    g.stride[to] = at < strides.size() ? strides[at] : strides.empty() ? 0 : strides[0];
    if (g.in[to] < 1 || g.kernel[to] < 1 || g.stride[to] < 1 || (!g.same && g.kernel[to] > g.in[to]))
      return c.Fail("a window within an input of known size", s.text(), "give the input's shape");
    g.out[to] = (g.in[to] - (g.same ? 1 : g.kernel[to])) / g.stride[to] + 1;
  }
  g.channels = s[g.channels_last ? s.rank() - 1 : 1];
  g.filters = c.Int("filters", 0);
  constexpr int64_t kMostInputs = 1 << 24, kMostSide = 1 << 13;
  if (g.channels < 1 || g.filters < 1 || std::max({g.in[0], g.in[1], g.kernel[0], g.kernel[1], g.channels, g.filters}) > kMostSide ||
      g.in[0] * g.in[1] * g.channels > kMostInputs || g.positions() > kMostWeights / g.taps() / g.filters)
    return c.Fail("at most 2^24 inputs and 2^26 weights", s.text(), "");
  return g;
}

// One tap of one position that lies in the input.
struct Tap {
  int64_t position, tap, row, column, channel;
};

// In the order of their sums: positions, then the window's rows, columns and channels - or channels first, where the layer has them so.
template <class F> void ForEachTap(const Geometry& g, const F& found) {
  const int64_t outer = g.channels_last ? 1 : g.channels, inner = g.channels_last ? g.channels : 1;
  for (int64_t p = 0; p < g.positions(); ++p) {
    const int64_t top = p / g.out[1] * g.stride[0] - (g.same ? g.kernel[0] / 2 : 0), left = p % g.out[1] * g.stride[1] - (g.same ? g.kernel[1] / 2 : 0);
    int64_t tap = 0;
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t y = top; y < top + g.kernel[0]; ++y)
        for (int64_t x = left; x < left + g.kernel[1]; ++x)
          for (int64_t i = 0; i < inner; ++i, ++tap)
            if (y >= 0 && y < g.in[0] && x >= 0 && x < g.in[1]) found(Tap{p, tap, y, x, o + i});
  }
}

// The layer's weights as [positions, taps, filters]. It keeps them so, or as a full matrix from input to output, or as the list of those
// that are not zero there, output by output.
Result<std::vector<float>> WeightsOf(LayerContext& c, const Geometry& g) {
  const int64_t kind = c.Int("implementation", 1), inputs = g.in[0] * g.in[1] * g.channels, outputs = g.positions() * g.filters;
  OCTET_ASSIGN(const Value stored, c.Weight(0));
  const std::span<const float> k = c.data_as<float>(stored);
  std::vector<float> weights(static_cast<size_t>(g.positions() * g.taps() * g.filters), 0.0f);
  std::vector<int64_t> before(static_cast<size_t>(g.positions()) + 1, 0);  // Taps of the positions before one.
  ForEachTap(g, [&](const Tap& t) { ++before[static_cast<size_t>(t.position) + 1]; });
  std::partial_sum(before.begin(), before.end(), before.begin());
  const int64_t expected = kind == 1 ? static_cast<int64_t>(weights.size()) : kind == 2 ? inputs * outputs : before.back() * g.filters;
  if (kind < 1 || kind > 3 || static_cast<int64_t>(k.size()) != expected)
    return c.Fail(std::to_string(expected) + " weights", std::to_string(k.size()), "save the model again");
  int64_t seen = 0;
  ForEachTap(g, [&](const Tap& t) {
    const int64_t to = (t.position * g.taps() + t.tap) * g.filters, first = before[static_cast<size_t>(t.position)];
    const int64_t count = before[static_cast<size_t>(t.position) + 1] - first, number = seen++ - first;
    for (int64_t f = 0; f < g.filters; ++f) {
      const int64_t out = g.channels_last ? t.position * g.filters + f : f * g.positions() + t.position;
      const int64_t start = g.channels_last ? first * g.filters + f * count : f * before.back() + first;
      const int64_t from = kind == 1 ? to + f : kind == 2 ? g.At(t.row, t.column, t.channel) * outputs + out : start + number;
      weights[static_cast<size_t>(to + f)] = k[static_cast<size_t>(from)];
    }
  });
  return weights;
}

Status ConvertLocallyConnected(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"inputs"}));
  const Shape s = c.shape(x);
  OCTET_ASSIGN(const Geometry g, ReadGeometry(c, s));
  OCTET_ASSIGN(const std::vector<float> weights, WeightsOf(c, g));
  std::vector<int32_t> at(static_cast<size_t>(g.positions() * g.taps()), 0);  // Beyond the edges any, for its weights are zero.
  ForEachTap(g, [&](const Tap& t) { at[static_cast<size_t>(t.position * g.taps() + t.tap)] = static_cast<int32_t>(g.At(t.row, t.column, t.channel)); });
  const auto positions = static_cast<int32_t>(g.positions()), taps = static_cast<int32_t>(g.taps()), filters = static_cast<int32_t>(g.filters);
  OCTET_ASSIGN(Value y, c.Make("reshape", {x, c.Vector({-1, static_cast<int32_t>(g.in[0] * g.in[1] * g.channels)})}));
  OCTET_ASSIGN(y, c.Make("gather", {y, c.Constant<int32_t>(Shape{positions, taps}, std::span<const int32_t>(at))}, {{"axis", 1}}));
  OCTET_ASSIGN(y, c.Make("transpose", {y, c.Vector({1, 0, 2})}));
  OCTET_ASSIGN(y, c.Make("batch_matmul", {y, c.Constant<float>(Shape{positions, taps, filters}, std::span<const float>(weights))}));
  OCTET_ASSIGN(y, c.Make("transpose", {y, g.channels_last ? c.Vector({1, 0, 2}) : c.Vector({1, 2, 0})}));
  std::vector<int32_t> dims;
  for (int i = 4 - s.rank(); i < 2; ++i) dims.push_back(static_cast<int32_t>(g.out[i]));
  dims.insert(g.channels_last ? dims.end() : dims.begin(), filters);
  if (c.Bool("use_bias", true)) {  // As many as there are outputs; with channels first reshaped, not transposed, as tf_keras does.
    OCTET_ASSIGN(Value bias, c.Weight(1));
    OCTET_ASSIGN(bias, c.Make("reshape", {bias, g.channels_last ? c.Vector({positions, filters}) : c.Vector({filters, positions})}));
    OCTET_ASSIGN(y, c.Make("add", {y, bias}));
  }
  dims.insert(dims.begin(), -1);
  OCTET_ASSIGN(y, c.Make("reshape", {y, c.Vector(dims)}));
  return Set(c, c.Activate(y));
}

constexpr LayerRule kRules[] = {{"LocallyConnected1D", ConvertLocallyConnected}, {"LocallyConnected2D", ConvertLocallyConnected}};

}  // namespace

const std::span<const LayerRule> kLocallyConnectedRules = kRules;

}  // namespace octet::importers::keras
