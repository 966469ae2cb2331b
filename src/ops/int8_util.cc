// SPDX-License-Identifier: Apache-2.0
#include "ops/int8_util.h"

#include <cstring>

namespace octet::ops {

ChannelS8 SumChannel(const int8_t* weights, int64_t count, int64_t step, int32_t bias, int32_t input_zero, int32_t offset) {
  int64_t sum = 0, magnitude = 0;
  for (int64_t k = 0; k < count; ++k) {
    sum += weights[k * step];
    magnitude += std::abs(weights[k * step]);
  }
  const int64_t farthest = std::max(127 - input_zero, input_zero + 128);  // From the zero point.
  // Sums wrap like the reference's 32-bit accumulators.
  return {static_cast<int32_t>(static_cast<uint32_t>(bias) - static_cast<uint32_t>((offset + int64_t{input_zero}) * sum)),
          magnitude * farthest + std::abs(int64_t{bias})};
}

kernels::Requant MakeRequantS8(Prepare& prepare, const IntegerOutput& output, std::span<const ChannelS8> channels, std::span<const int32_t> channel,
                               const double* scale) {
  const size_t n = channel.size();
  const auto array = [&] { return prepare.Array<int32_t>(n + kernels::kPanel); };
  int32_t *bias = array(), *mantissa = array(), *left = array(), *right = array(), *up = array(), *up_negative = array(), *after = array();
  double* scales = scale ? prepare.Array<double>(n) : nullptr;
  bool narrow = true;
  for (size_t i = 0; i < n; ++i) {
    const int32_t c = channel[i];
    up[i] = up_negative[i] = after[i] = 1;
    if (c < 0) continue;
    const Multiplier m = output.multiplier[c];
    bias[i] = channels[static_cast<size_t>(c)].bias;
    mantissa[i] = m.mantissa;
    left[i] = std::max(m.shift, 0);
    right[i] = std::max(-m.shift, 0);
    if (scale) scales[i] = scale[c];
    narrow &= left[i] == 0 && right[i] < 30 && channels[static_cast<size_t>(c)].largest < (1 << 29);
    if (!narrow) continue;
    after[i] = right[i] + 1;
    if (right[i] > 0) up[i] = (1 << right[i]) + 1, up_negative[i] = (1 << right[i]) - 1;
  }
  kernels::Requant q{bias, mantissa, left, right, scales, output.output_zero, output.clamp.low, output.clamp.high};
  if (narrow && !scale) q.up = up, q.up_negative = up_negative, q.after = after;
  return q;
}

}  // namespace octet::ops
