// SPDX-License-Identifier: Apache-2.0
#include "ops/lstm_reset_util.h"

#include <algorithm>
#include <cmath>

#include "ops/lstm_util.h"

namespace octet::ops {
namespace {

// The gates' sums saturate at -8 (int16, 12 fractional bits), where the sigmoid is 11/32768: one step leaves at most
// 11 units of the cell, and of that the next leaves less than one half. The third starts from a hidden state of
// zero and so ends the same whatever was there.
constexpr int kSteps = 3;
constexpr double kClosed = -12;  // Below the saturation, with room for rounding.
constexpr int64_t kMostColumns = 64;

struct Matrix {
  std::span<const int8_t> values;
  int64_t rows, columns;
  double scale;
};

Matrix MatrixOf(const OpView& op, int operand) {
  const TensorType& w = *op.in(operand);
  return {op.const_of<int8_t>(operand), w.shape[0], w.shape[1], static_cast<double>(w.quant.scale0())};
}

// What the added columns of each row have to sum to, in steps of the weights: with all inputs at `step` (their real
// value), step * scale * (sum of the row + pull) + bias + whatever the state adds <= kClosed.
std::vector<double> PullOf(const OpView& op, const LstmOperands& at, int gate, double step) {
  const Matrix w = MatrixOf(op, at.input_weights[gate]), r = MatrixOf(op, at.recurrent_weights[gate]);
  const std::span<const int32_t> bias = op.const_of<int32_t>(at.bias[gate]);
  const double bias_scale = static_cast<double>(op.in(at.bias[gate])->quant.scale0());
  const Quant& state = op.in(at.output_state)->quant;
  const double largest = static_cast<double>(state.scale0()) * std::max(127 - state.zero0(), state.zero0() + 128);
  std::vector<double> pull;
  for (int64_t o = 0; o < w.rows; ++o) {
    double sum = 0, opened = static_cast<double>(bias[static_cast<size_t>(o)]) * bias_scale;
    for (int64_t k = 0; k < w.columns; ++k) sum += w.values[static_cast<size_t>(o * w.columns + k)];
    for (int64_t k = 0; k < r.columns; ++k) opened += std::abs(static_cast<double>(r.values[static_cast<size_t>(o * r.columns + k)])) * r.scale * largest;
    const double wanted = (kClosed - opened) / (step * w.scale) - sum;
    pull.push_back(step > 0 ? std::min(0.0, wanted) : std::max(0.0, wanted));  // None where the row alone pulls further.
  }
  return pull;
}

std::vector<int8_t> Widened(const Matrix& w, const std::vector<double>& pull, int columns) {
  std::vector<int8_t> wide;
  for (int64_t o = 0; o < w.rows; ++o) {
    wide.insert(wide.end(), w.values.begin() + o * w.columns, w.values.begin() + (o + 1) * w.columns);
    const double each = pull.empty() ? 0 : pull[static_cast<size_t>(o)] / columns;
    wide.insert(wide.end(), static_cast<size_t>(columns), static_cast<int8_t>(std::clamp(each < 0 ? std::floor(each) : std::ceil(each), -127.0, 127.0)));
  }
  return wide;
}

}  // namespace

StateReset LstmReset(const OpView& op) {
  const LstmOperands at;
  StateReset reset;
  if (op.in(at.input)->dtype != DType::kI8 || op.in(at.input)->shape.rank() != 3) return reset;
  const Quant& q = op.in(at.input)->quant;
  reset.value = q.zero0() < 0 ? 127 : -128;  // The end that is farther from zero.
  const double step = (reset.value - q.zero0()) * static_cast<double>(q.scale0());
  std::vector<double> pull[4];  // Of the gates that let the old state through.
  double most = 0;
  for (int gate : {kInputGate, kForgetGate}) {
    if (op.has_const(at.input_weights[gate])) pull[gate] = PullOf(op, at, gate, step);
    for (double v : pull[gate]) most = std::max(most, std::abs(v));
  }
  reset.input = at.input;
  reset.time_axis = op.attrs<LstmAttrs>().time_major ? 0 : 1;
  reset.steps = kSteps;
  reset.columns = static_cast<int>(std::clamp<double>(std::ceil(most / 127.0), 1, kMostColumns));
  for (int gate = 0; gate < 4; ++gate)
    if (op.has_const(at.input_weights[gate]))
      reset.weights.push_back({at.input_weights[gate], Widened(MatrixOf(op, at.input_weights[gate]), pull[gate], reset.columns)});
  return reset;
}

}  // namespace octet::ops
