// SPDX-License-Identifier: Apache-2.0
// Sequences of symbols from scores.
#include "importers/lowerings/ctc.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

// scores [T, B, symbols], lengths [B] -> a sparse [B, symbols given] of the symbols: places, values, shape; and minus the sum of the
// best scores, [B, 1].
Status ConvertGreedyDecoder(NodeContext& c) {
  const Value scores = c.Input(0), lengths = c.Input(1);
  if (!scores || !lengths) return {};
  OCTET_ASSIGN(const BestPath path, FindBestPath(c, scores, lengths, 0, c.Int("blank_index", -1), c.Bool("merge_repeated", false)));
  OCTET_ASSIGN(const Value given, c.Transpose(path.given, {1, 0}));
  OCTET_ASSIGN(const Value symbols, c.Transpose(path.symbols, {1, 0}));
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
  c.SetOutput(0, places);
  c.SetOutput(1, values);
  c.SetOutput(2, shape);
  c.SetOutput(3, path.cost);
  return {};
}

constexpr NodeRule kRules[] = {{"CTCGreedyDecoder", ConvertGreedyDecoder}};

}  // namespace

const std::span<const NodeRule> kDecodingRules = kRules;

}  // namespace octet::importers::savedmodel
