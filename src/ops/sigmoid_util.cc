// SPDX-License-Identifier: Apache-2.0
#include "ops/sigmoid_util.h"

namespace octet::ops {
namespace {

// in = (x * multiplier) >> shift, rounded: the input in steps of 1 / (3 * 4096).
struct Sigmoid {
  int32_t multiplier, shift;
  uint16_t sample[256];  // 16 fractional bits.
};

// Each sample is raised by half the error that a straight line makes in the middle of its cell; the last
// one stands for everything beyond.
void FillSamples(uint16_t* sample) {
  const auto sigmoid = [](double i) { return 65536.0 / (1.0 + std::exp(-i / 24.0)); };
  for (int i = 0; i < 255; ++i) {
    const double error = sigmoid(i + 0.5) - (sigmoid(i) + sigmoid(i + 1)) / 2;
    sample[i] = static_cast<uint16_t>(std::floor(sigmoid(i) + error / 2 + 0.5));
  }
  sample[255] = 65535;
}

int64_t Rescaled(const Sigmoid& q, int32_t x) {
  const int64_t round = q.shift > 0 ? int64_t{1} << (q.shift - 1) : 0;
  return (int64_t{x} * q.multiplier + round) >> q.shift;
}

// sigmoid(|in|) with 16 + kBits fractional bits; a cell of the table is 2^kBits steps of the input.
template <int kBits> int32_t Interpolated(const Sigmoid& q, int64_t in, int32_t beyond) {
  const int64_t magnitude = in < 0 ? -in : in, cell = magnitude >> kBits;
  if (cell >= 255) return beyond;
  const int32_t a = q.sample[cell], b = q.sample[cell + 1];
  return (a << kBits) + static_cast<int32_t>(magnitude & ((1 << kBits) - 1)) * (b - a);
}

int32_t Logistic(const Sigmoid& q, int32_t x) {
  const int64_t in = Rescaled(q, x);
  const int32_t y = Interpolated<9>(q, in, 0x7fff << 10);
  return (in >= 0 ? y + (1 << 9) : (1 << 25) - y + (1 << 9) - 1) >> 10;
}

int32_t Tanh(const Sigmoid& q, int32_t x) {
  const int64_t in = Rescaled(q, x);
  const int32_t y = Interpolated<8>(q, in, 0xffff << 8) - (1 << 23);
  return (in >= 0 ? y + (1 << 7) : -y + (1 << 7) - 1) >> 8;
}

// A scale of 2^-12 (tanh: or 2^-11) needs no rounding; others get a multiplier of 15 bits, truncated.
Sigmoid MakeSigmoid(float scale, int largest_left_shift) {
  Sigmoid q{};
  FillSamples(q.sample);
  int log2 = 0;
  if (PowerOfTwo(scale, &log2) && log2 + 12 >= 0 && log2 + 12 <= largest_left_shift) {
    q.multiplier = 3 << (log2 + 12);
    return q;
  }
  double multiplier = static_cast<double>(scale) * 4096.0 * 3.0;
  while (multiplier <= 32767.0 / 2.0 && q.shift <= 30) {
    ++q.shift;
    multiplier *= 2.0;
  }
  q.multiplier = static_cast<int32_t>(std::min(multiplier, 2147483647.0));
  return q;
}

}  // namespace

Status CheckSigmoid(const OpView& op) {
  OCTET_TRY(CheckUnary(op));
  const TensorType* out = op.out(0);
  if (op.in(0)->dtype != DType::kI16 || !out || out->quant.scale0() == 1.0f / 32768) return {};
  return op.Fail(Code::kInvalidModel, "int16 needs an output scale of 1/32768, found %g", static_cast<double>(out->quant.scale0()));
}

Status PrepareLogistic16(Prepare& p) {
  return PrepareInteger<Sigmoid, Logistic>(p, MakeSigmoid(p.op.in(0)->quant.scale0(), 0));
}

Status PrepareTanh16(Prepare& p) {
  return PrepareInteger<Sigmoid, Tanh>(p, MakeSigmoid(p.op.in(0)->quant.scale0(), 1));
}

}  // namespace octet::ops
