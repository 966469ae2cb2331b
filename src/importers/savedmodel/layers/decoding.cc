// SPDX-License-Identifier: Apache-2.0
// Sequences of symbols from scores.
#include <numeric>

#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

constexpr int32_t kMostSteps = 1 << 20;

// Which steps give a symbol, [T, B]: those within the sequence that are no blank, nor what the step before gave.
Result<Value> Given(NodeContext& c, Value best, Value lengths, int32_t steps, int32_t blank) {
  std::vector<int32_t> numbers(static_cast<size_t>(steps));
  std::iota(numbers.begin(), numbers.end(), 0);
  OCTET_ASSIGN(Value given, c.Make("less", {c.Constant<int32_t>(Shape{steps, 1}, numbers), lengths}));
  OCTET_ASSIGN(const Value symbol, c.Make("not_equal", {best, c.ScalarInt(blank)}));
  OCTET_ASSIGN(given, c.Make("logical_and", {given, symbol}));
  if (!c.Bool("merge_repeated", false) || steps == 1) return given;
  OCTET_ASSIGN(const Value before, c.Make("slice", {best, c.Vector({0, 0}), c.Vector({steps - 1, -1})}));
  OCTET_ASSIGN(Value first, c.Make("slice", {best, c.Vector({0, 0}), c.Vector({1, -1})}));
  OCTET_ASSIGN(first, c.Make("sub", {first, c.ScalarInt(1)}));  // Another one.
  OCTET_ASSIGN(const Value previous, c.Make("concatenation", {first, before}, {{"axis", 0}}));
  OCTET_ASSIGN(const Value changed, c.Make("not_equal", {best, previous}));
  return c.Make("logical_and", {given, changed});
}

// scores [T, B, symbols], lengths [B] -> a sparse [B, symbols given] of the symbols: places, values, shape; and minus the sum of the
// best scores, [B, 1].
Status ConvertGreedyDecoder(NodeContext& c) {
  const Value scores = c.Input(0), lengths = c.Input(1);
  if (!scores || !lengths) return {};
  const Shape in = c.shape(scores);
  if (in.rank() != 3 || in[0] < 1 || in[0] > kMostSteps || in[2] < 1) return c.Fail("scores [time, batch, symbols] of a known number of steps and symbols", in.text(), "decode on the application's side: argmax of the logits, collapsed");
  const int64_t asked = c.Int("blank_index", -1);
  const auto blank = static_cast<int32_t>(asked < 0 ? in[2] + asked : asked);
  OCTET_ASSIGN(const Value best, c.Make("arg_max", {scores, c.ScalarInt(2)}, {{"output_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(Value given, Given(c, best, lengths, in[0], blank));
  OCTET_ASSIGN(given, c.Transpose(given, {1, 0}));
  OCTET_ASSIGN(const Value symbols, c.Transpose(best, {1, 0}));
  OCTET_ASSIGN(const Value as_number, c.Cast(given, DType::kI32));
  OCTET_ASSIGN(const Value position, c.Make("cumsum", {as_number, c.ScalarInt(1)}, {{"exclusive", 1}}));
  OCTET_ASSIGN(const Value where, c.EmitAs("where", std::span(&given, 1), nullptr, {DType::kI64, Shape{kUnknown, 2}, {}}));
  c.Refine(where, {DType::kI64, Shape{kUnknown, 2}, {}});
  OCTET_ASSIGN(Value column, c.Make("gather_nd", {position, where}));
  OCTET_ASSIGN(column, c.Cast(column, DType::kI64));
  OCTET_ASSIGN(const Value row, c.Make("gather", {where, c.ScalarInt(0)}, {{"axis", 1}}));
  const Value columns[] = {row, column};
  OCTET_ASSIGN(const Value places, c.Make("pack", columns, {{"axis", 1}, {"values_count", 2}}));
  OCTET_ASSIGN(Value values, c.Make("gather_nd", {symbols, where}));
  OCTET_ASSIGN(values, c.Cast(values, DType::kI64));
  OCTET_ASSIGN(Value counts, c.Make("sum", {as_number, c.Vector({1})}));
  OCTET_ASSIGN(counts, c.Make("reduce_max", {counts, c.Vector({0})}));
  OCTET_ASSIGN(Value batch, c.Make("shape", {lengths}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(batch, c.Make("gather", {batch, c.ScalarInt(0)}, {{"axis", 0}}));
  const Value sizes[] = {batch, counts};
  OCTET_ASSIGN(Value shape, c.Make("pack", sizes, {{"axis", 0}, {"values_count", 2}}));
  OCTET_ASSIGN(shape, c.Cast(shape, DType::kI64));
  std::vector<int32_t> numbers(static_cast<size_t>(in[0]));
  std::iota(numbers.begin(), numbers.end(), 0);
  OCTET_ASSIGN(const Value within, c.Make("less", {c.Constant<int32_t>(Shape{in[0], 1}, numbers), lengths}));
  OCTET_ASSIGN(Value most, c.Make("reduce_max", {scores, c.Vector({2})}));
  OCTET_ASSIGN(most, c.Make("select_v2", {within, most, c.Scalar(0)}));
  OCTET_ASSIGN(most, c.Make("sum", {most, c.Vector({0})}));
  OCTET_ASSIGN(most, c.Make("neg", {most}));
  OCTET_ASSIGN(most, c.Make("expand_dims", {most, c.ScalarInt(1)}));
  c.SetOutput(0, places);
  c.SetOutput(1, values);
  c.SetOutput(2, shape);
  c.SetOutput(3, most);
  return {};
}

constexpr NodeRule kRules[] = {{"CTCGreedyDecoder", ConvertGreedyDecoder}};

}  // namespace

const std::span<const NodeRule> kDecodingRules = kRules;

}  // namespace octet::importers::savedmodel
