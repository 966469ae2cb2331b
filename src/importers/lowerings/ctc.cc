// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/ctc.h"

#include <numeric>

#include "importers/lowerings/scalars.h"

namespace octet::importers {
namespace {

// Which steps' symbols are others than those of the step before; the first one's is.
Result<Value> Changed(Lowering& c, Value best, int time_axis, int32_t steps) {
  const auto steps_of = [&](int32_t count) { return time_axis == 0 ? c.Vector({count, -1}) : c.Vector({-1, count}); };
  OCTET_ASSIGN(const Value before, c.Make("slice", {best, c.Vector({0, 0}), steps_of(steps - 1)}));
  OCTET_ASSIGN(Value first, c.Make("slice", {best, c.Vector({0, 0}), steps_of(1)}));
  OCTET_ASSIGN(first, c.Make("sub", {first, ScalarInt(c, 1)}));
  OCTET_ASSIGN(const Value previous, c.Make("concatenation", {first, before}, {{"axis", time_axis}}));
  return c.Make("not_equal", {best, previous});
}

}  // namespace

Result<BestPath> FindBestPath(Lowering& c, Value scores, Value lengths, int time_axis, int64_t blank, bool merges_repeated) {
  constexpr int32_t kMostSteps = 1 << 20;
  const Shape in = c.shape(scores);
  if (in.rank() != 3 || in[time_axis] < 1 || in[time_axis] > kMostSteps || in[2] < 1)
    return c.Fail("scores of a known number of steps, at most 2^20, and of symbols", in.text(),
                  "give the input's shape, or decode on the application's side: argmax of the scores, collapsed");
  const int32_t steps = in[time_axis];
  std::vector<int32_t> numbers(static_cast<size_t>(steps));
  std::iota(numbers.begin(), numbers.end(), 0);
  const Value step = c.Constant<int32_t>(time_axis == 0 ? Shape{steps, 1} : Shape{1, steps}, numbers);
  if (time_axis == 1) {
    OCTET_ASSIGN(lengths, c.Make("reshape", {lengths, c.Vector({-1, 1})}));
  }
  OCTET_ASSIGN(const Value within, c.Make("less", {step, lengths}));
  BestPath path;
  OCTET_ASSIGN(path.symbols, c.Make("arg_max", {scores, ScalarInt(c, 2)}, {{"output_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(const Value symbol, c.Make("not_equal", {path.symbols, ScalarInt(c, static_cast<int32_t>(blank < 0 ? in[2] + blank : blank))}));
  OCTET_ASSIGN(path.given, c.Make("logical_and", {within, symbol}));
  if (merges_repeated && steps > 1) {
    OCTET_ASSIGN(const Value changed, Changed(c, path.symbols, time_axis, steps));
    OCTET_ASSIGN(path.given, c.Make("logical_and", {path.given, changed}));
  }
  OCTET_ASSIGN(Value most, c.Make("reduce_max", {scores, c.Vector({2})}, {{"keep_dims", 0}}));
  OCTET_ASSIGN(most, c.Make("select_v2", {within, most, c.Scalar(0)}));
  const bool batch_first = time_axis == 1;  // The sum is [batch, 1] where its axis stays, [batch] where time comes first.
  OCTET_ASSIGN(most, c.Make("sum", {most, c.Vector({time_axis})}, {{"keep_dims", batch_first}}));
  OCTET_ASSIGN(path.cost, c.Make("neg", {most}));
  if (!batch_first) {
    OCTET_ASSIGN(path.cost, c.Make("expand_dims", {path.cost, ScalarInt(c, 1)}));
  }
  return path;
}

}  // namespace octet::importers
