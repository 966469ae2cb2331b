// SPDX-License-Identifier: Apache-2.0
// keras.ops ctc_decode: sequences of symbols from scores.
#include <numeric>

#include "importers/keras/layers/arguments.h"
#include "importers/keras/rules.h"

namespace octet::importers::keras {
namespace {

constexpr int32_t kMostSteps = 1 << 14;

// Which steps give a symbol, [batch, steps]: those within the sequence that are no blank, nor what the step before gave.
Result<Value> Given(LayerContext& c, Value best, Value within, int32_t steps, int32_t blank) {
  OCTET_ASSIGN(const Value symbol, c.Make("not_equal", {best, Int(c, blank)}));
  OCTET_ASSIGN(const Value given, c.Make("logical_and", {within, symbol}));
  if (!c.Bool("merge_repeated", true) || steps == 1) return given;
  OCTET_ASSIGN(const Value before, c.Make("slice", {best, c.Vector({0, 0}), c.Vector({-1, steps - 1})}));
  OCTET_ASSIGN(Value first, c.Make("slice", {best, c.Vector({0, 0}), c.Vector({-1, 1})}));
  OCTET_ASSIGN(first, c.Make("sub", {first, Int(c, 1)}));  // Another one.
  OCTET_ASSIGN(const Value previous, c.Make("concatenation", {first, before}, {{"axis", 1}}));
  OCTET_ASSIGN(const Value changed, c.Make("not_equal", {best, previous}));
  return c.Make("logical_and", {given, changed});
}

// scores [batch, steps, symbols], lengths [batch] -> the best symbols [1, batch, steps], -1 behind them; minus the sum of their scores [batch, 1].
Status ConvertCtcDecode(LayerContext& c) {
  OCTET_ASSIGN(Value scores, Operand(c, 0, {"inputs"}));
  OCTET_ASSIGN(Value lengths, Operand(c, 1, {"sequence_lengths"}, DType::kI32));
  const Shape in = c.shape(scores);
  if (c.Text("strategy", "greedy") != "greedy") return c.Fail("strategy greedy", c.Text("strategy", ""), "search for the best sequences behind the model");
  if (in.rank() != 3 || in[1] < 1 || in[1] > kMostSteps || in[2] < 1)
    return c.Fail("scores [batch, steps, symbols] of known sizes", in.text(), "give the input's shape");
  const int32_t steps = in[1];
  const auto blank = static_cast<int32_t>(c.Has("mask_index") ? c.Int("mask_index", 0) : -1);
  OCTET_ASSIGN(scores, c.Cast(scores, DType::kF32));
  OCTET_ASSIGN(lengths, c.Cast(lengths, DType::kI32));
  OCTET_ASSIGN(lengths, c.Make("reshape", {lengths, c.Vector({-1, 1})}));
  std::vector<int32_t> numbers(static_cast<size_t>(steps)), down(numbers.size());
  std::iota(numbers.begin(), numbers.end(), 0);
  std::iota(down.rbegin(), down.rend(), 1);
  const Value step = c.Constant<int32_t>(Shape{1, steps}, numbers);
  OCTET_ASSIGN(const Value within, c.Make("less", {step, lengths}));
  OCTET_ASSIGN(const Value best, c.Make("arg_max", {scores, Int(c, 2)}, {{"output_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(const Value given, Given(c, best, within, steps, blank < 0 ? in[2] + blank : blank));
  // Those that are given come first, in their order.
  OCTET_ASSIGN(const Value rank, c.Make("select_v2", {given, c.Constant<int32_t>(Shape{1, steps}, down), Int(c, 0)}));
  const TensorType order{DType::kI32, c.shape(best), {}};
  OCTET_ASSIGN(const std::vector<Value> top, c.EmitNode("topk_v2", std::vector<Value>{rank, Int(c, steps)}, nullptr, {order, order}));
  OCTET_ASSIGN(Value y, c.Make("gather", {best, top[1]}, {{"axis", 1}, {"batch_dims", 1}}));
  OCTET_ASSIGN(const Value left, c.Make("greater", {top[0], Int(c, 0)}));
  OCTET_ASSIGN(y, c.Make("select_v2", {left, y, Int(c, -1)}));
  OCTET_ASSIGN(y, c.Make("expand_dims", {y, Int(c, 0)}));
  OCTET_ASSIGN(Value most, c.Make("reduce_max", {scores, c.Vector({2})}, {{"keep_dims", 0}}));
  OCTET_ASSIGN(most, c.Make("select_v2", {within, most, c.Scalar(0)}));
  OCTET_ASSIGN(most, c.Make("sum", {most, c.Vector({1})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(most, c.Make("neg", {most}));
  c.SetOutput(0, y);
  c.SetOutput(1, most);
  return {};
}

constexpr LayerRule kRules[] = {{"ops.CTCDecode", ConvertCtcDecode}};

}  // namespace

const std::span<const LayerRule> kDecodingRules = kRules;

}  // namespace octet::importers::keras
