// SPDX-License-Identifier: Apache-2.0
#include "ops/int8_util.h"

#include <cstring>

#include "kernels/elementwise.h"

namespace octet::ops {

int64_t SumOf(const int8_t* weights, int64_t count) {
  constexpr int64_t kBlock = 1 << 20;  // Its sum fits 32 bits.
  int64_t sum = 0;
  for (int64_t first = 0; first < count; first += kBlock) sum += kernels::Vectors().total_s8(weights + first, std::min(kBlock, count - first));
  return sum;
}

int64_t Magnitude(const int8_t* weights, int64_t count, int64_t step) {
  if (step != 1) {
    int64_t sum = 0;
    for (int64_t k = 0; k < count; ++k) sum += std::abs(weights[k * step]);
    return sum;
  }
  constexpr int64_t kBlock = 255;  // Of at most 128 each: the sum fits 16 bits.
  int64_t sum = 0;
  for (int64_t first = 0; first < count; first += kBlock) {
    uint16_t s = 0;
    for (int64_t k = first; k < std::min(count, first + kBlock); ++k) s = static_cast<uint16_t>(s + std::abs(int16_t{weights[k]}));
    sum += s;
  }
  return sum;
}

std::vector<ChannelS8> SumChannels(const ChannelWeights& w, int64_t n, const int32_t* bias, int32_t input_zero, int32_t offset) {
  std::vector<int32_t> sums(static_cast<size_t>(n));
  const kernels::Elementwise& vectors = kernels::Vectors();
  if (w.step != 1) vectors.accumulate_s8(w.first, w.step, w.count, n, sums.data());
  else for (int64_t c = 0; c < n; ++c) sums[static_cast<size_t>(c)] = vectors.total_s8(w.first + c * w.next, w.count);  // Modulo 2^32, too.
  const int64_t farthest = std::max(127 - input_zero, input_zero + 128);  // From the zero point.
  const bool bounded = 128 * w.count * farthest < (int64_t{1} << 29);  // Without a look at the weights, which are read once less.
  std::vector<ChannelS8> channels(static_cast<size_t>(n));
  for (int64_t c = 0; c < n; ++c) {
    ChannelS8& channel = channels[static_cast<size_t>(c)];
    const int32_t b = bias ? bias[c] : 0;
    const int64_t most = farthest * (bounded ? 128 * w.count : Magnitude(w.first + c * w.next, w.count, w.step));
    channel.sums = {b - most, b + most};
    // Sums wrap like the reference's 32-bit accumulators.
    channel.bias = static_cast<int32_t>(static_cast<uint32_t>(b) - static_cast<uint32_t>((offset + int64_t{input_zero}) * sums[static_cast<size_t>(c)]));
  }
  return channels;
}

namespace {
// The values where run finds them: beside the packed weights, one copy for all interpreters of the model. Those that computed others, of
// inputs of other sizes or of another operator with these weights, have a copy of their own. On cache lines: vector loads that cross
// lines take twice as long.
const std::byte* Share(Prepare& prepare, std::string_view format, std::span<const std::byte> bytes) {
  const auto copy = [](std::byte* to, const void* context) {
    const auto& from = *static_cast<const std::span<const std::byte>*>(context);
    std::memcpy(to, from.data(), from.size());
  };
  const Result<const std::byte*> shared = prepare.Pack(1, format, bytes.size(), bytes.size(), copy, &bytes);
  if (shared.ok() && std::memcmp(*shared, bytes.data(), bytes.size()) == 0) return *shared;
  constexpr size_t kLine = 64;
  const auto at = reinterpret_cast<uintptr_t>(prepare.Allocate(bytes.size() + kLine, kLine));  // Not all that prepare align to more than words.
  auto* const own = reinterpret_cast<std::byte*>((at + kLine - 1) / kLine * kLine);
  copy(own, &bytes);
  return own;
}
template <class T> const T* Shared(Prepare& prepare, std::string_view format, const std::vector<T>& values) {
  return reinterpret_cast<const T*>(Share(prepare, format, std::as_bytes(std::span(values))));
}

constexpr int64_t kEnoughUses = 4;  // For fewer, finding out takes longer than it saves in many inferences.

// The form in fewer steps, if these instructions have one and every column takes it.
void Floor(Prepare& prepare, std::span<const ChannelS8> channels, std::span<const int32_t> channel, int64_t uses, kernels::Floored only, kernels::Requant* q) {
  const kernels::Int8& k = kernels::BestInt8();
  if (!k.floor) return;
  const bool coarse = uses >= k.coarse_uses;
  std::vector<kernels::FlooredPanel> panels(channel.size() / kernels::kPanel);
  std::vector<int32_t> first(channel.size());
  const auto exact = [&](kernels::Floored form) {
    for (size_t at = 0; at < channel.size(); at += kernels::kPanel) {
      kernels::SumRange sums[kernels::kPanel];
      for (size_t i = 0; i < kernels::kPanel; ++i)
        if (const int32_t c = channel[at + i]; c >= 0) sums[i] = channels[static_cast<size_t>(c)].sums;
      if (!k.floor(*q, static_cast<int64_t>(at) / kernels::kPanel, sums, form, coarse, &panels[at / kernels::kPanel], &first[at])) return false;
    }
    return true;
  };
  using enum kernels::Floored;
  for (const kernels::Floored form : {kPlain, kSigned}) {
    if ((only == kNone ? form == kPlain && !q->plain() : form != only) || !exact(form)) continue;
    *q = {.bias = Shared(prepare, "floors_bias", first), .zero = q->zero, .low = q->low, .high = q->high, .narrow = q->narrow, .floored = form,
          .panels = Shared(prepare, "floors", panels)};
    return;
  }
}
}  // namespace

bool FloorOf(const Multiplier& m, int32_t zero, Clamp32 clamp, kernels::SumRange sums, kernels::FlooredPanel* to) {
  const auto floor = kernels::BestInt8().floor;
  if (!floor || m.shift > 0) return false;
  int32_t bias[kernels::kPanel] = {}, mantissa[kernels::kPanel], right[kernels::kPanel], first[kernels::kPanel];
  kernels::SumRange range[kernels::kPanel];
  std::fill_n(mantissa, kernels::kPanel, m.mantissa);
  std::fill_n(right, kernels::kPanel, -m.shift);
  std::fill_n(range, kernels::kPanel, sums);
  const kernels::Requant q{bias, mantissa, bias, right, nullptr, zero, clamp.low, clamp.high, true};
  return floor(q, 0, range, kernels::Floored::kSigned, true, to, first);
}

kernels::Requant MakeRequantS8(Prepare& prepare, const IntegerOutput& output, std::span<const ChannelS8> channels, std::span<const int32_t> channel,
                               int64_t uses, const double* scale, kernels::Floored only) {
  const size_t n = channel.size();
  // Constants go into the plan where floors do not take their place.
  if (scale) {
    std::vector<int32_t> bias(n);
    std::vector<double> scales(n);
    for (size_t i = 0; i < n; ++i) {
      const int32_t c = channel[i];
      if (c >= 0) bias[i] = channels[static_cast<size_t>(c)].bias, scales[i] = scale[c];
    }
    kernels::Requant q{bias.data(), nullptr, nullptr, nullptr, scales.data(), output.output_zero, output.clamp.low, output.clamp.high};
    if (uses >= kEnoughUses) Floor(prepare, channels, channel, uses, only, &q);
    if (q.floored == kernels::Floored::kNone) q.bias = Shared(prepare, "requant_bias", bias), q.scale = Shared(prepare, "requant_scale", scales);
    return q;
  }
  std::vector<int32_t> constants(4 * n);
  const std::span<int32_t> all = constants, bias = all.first(n), mantissa = all.subspan(n, n), left = all.subspan(2 * n, n), right = all.last(n);
  bool narrow = true, to_the_right = true;
  for (size_t i = 0; i < n; ++i) {
    const int32_t c = channel[i];
    if (c < 0) continue;
    const Multiplier m = output.multiplier[c];
    bias[i] = channels[static_cast<size_t>(c)].bias;
    mantissa[i] = m.mantissa;
    left[i] = std::max(m.shift, 0);
    right[i] = std::max(-m.shift, 0);
    to_the_right &= left[i] == 0;
    narrow &= left[i] == 0 && right[i] < 30 && channels[static_cast<size_t>(c)].largest() < kernels::kMostSum;
  }
  kernels::Requant q{bias.data(), mantissa.data(), left.data(), right.data(), nullptr, output.output_zero, output.clamp.low, output.clamp.high, narrow};
  if (to_the_right && uses >= kEnoughUses) Floor(prepare, channels, channel, uses, only, &q);
  if (q.floored == kernels::Floored::kNone) {
    const int32_t* const shared = Shared(prepare, "requant", constants);
    q.bias = shared, q.mantissa = shared + n, q.left = shared + 2 * n, q.right = shared + 3 * n;
  }
  return q;
}

namespace {
// n padding values in the loaded form: the zero point, which stands for zero.
void Pad(const kernels::Int8& k, int32_t zero, int64_t n, std::byte* to) {
  if (k.value_bytes == 1) std::memset(to, zero + k.offset, static_cast<size_t>(n));
  else std::fill_n(reinterpret_cast<int16_t*>(to), n, static_cast<int16_t>(zero + k.offset));
}
}  // namespace

void LoadPadded(const kernels::Int8& k, const ConvGeometry& g, int32_t zero, const int8_t* image, int64_t start, int64_t rows, int64_t pixels, std::byte* to) {
  const int64_t left = std::min<int64_t>(g.pad_w, pixels), inside = std::min<int64_t>(g.in_w, pixels - left), right = pixels - left - inside;
  const int64_t pixel = int64_t{g.in_c} * k.value_bytes;
  for (int64_t row = start; row < start + rows; ++row, to += pixels * pixel) {
    if (row < 0 || row >= g.in_h) {
      Pad(k, zero, pixels * g.in_c, to);
      continue;
    }
    if (left) Pad(k, zero, left * g.in_c, to);
    k.load(image + row * g.in_w * g.in_c, inside * g.in_c, to + left * pixel);
    if (right) Pad(k, zero, right * g.in_c, to + (left + inside) * pixel);
  }
}

}  // namespace octet::ops
