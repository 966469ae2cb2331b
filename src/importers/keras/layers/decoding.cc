// SPDX-License-Identifier: Apache-2.0
// keras.ops ctc_decode: sequences of symbols from scores.
#include <numeric>

#include "importers/keras/layers/arguments.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/ctc.h"

namespace octet::importers::keras {
namespace {

// scores [batch, steps, symbols], lengths [batch] -> the best symbols [1, batch, steps], -1 behind them; minus the sum of their scores [batch, 1].
Status ConvertCtcDecode(LayerContext& c) {
  OCTET_ASSIGN(Value scores, Operand(c, 0, {"inputs"}));
  OCTET_ASSIGN(Value lengths, Operand(c, 1, {"sequence_lengths"}, DType::kI32));
  const Shape in = c.shape(scores);
  if (c.Text("strategy", "greedy") != "greedy") return c.Fail("strategy greedy", c.Text("strategy", ""), "search for the best sequences behind the model");
  OCTET_ASSIGN(scores, c.Cast(scores, DType::kF32));
  OCTET_ASSIGN(lengths, c.Cast(lengths, DType::kI32));
  OCTET_ASSIGN(const BestPath path, FindBestPath(c, scores, lengths, 1, c.Has("mask_index") ? c.Int("mask_index", 0) : -1, c.Bool("merge_repeated", true)));
  const int32_t steps = in[1];
  std::vector<int32_t> down(static_cast<size_t>(steps));
  std::iota(down.rbegin(), down.rend(), 1);
  // Those that are given come first, in their order.
  OCTET_ASSIGN(const Value rank, c.Make("select_v2", {path.given, c.Constant<int32_t>(Shape{1, steps}, down), Int(c, 0)}));
  const TensorType order{DType::kI32, c.shape(path.symbols), {}};
  OCTET_ASSIGN(const std::vector<Value> top, c.EmitNode("topk_v2", std::vector<Value>{rank, Int(c, steps)}, nullptr, {order, order}));
  OCTET_ASSIGN(Value y, c.Make("gather", {path.symbols, top[1]}, {{"axis", 1}, {"batch_dims", 1}}));
  OCTET_ASSIGN(const Value left, c.Make("greater", {top[0], Int(c, 0)}));
  OCTET_ASSIGN(y, c.Make("select_v2", {left, y, Int(c, -1)}));
  OCTET_ASSIGN(y, c.Make("expand_dims", {y, Int(c, 0)}));
  c.SetOutput(0, y);
  c.SetOutput(1, path.cost);
  return {};
}

constexpr LayerRule kRules[] = {{"ops.CTCDecode", ConvertCtcDecode}};

}  // namespace

const std::span<const LayerRule> kDecodingRules = kRules;

}  // namespace octet::importers::keras
