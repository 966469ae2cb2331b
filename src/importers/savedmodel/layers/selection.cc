// SPDX-License-Identifier: Apache-2.0
// Picking elements: diagonals, boxes, neighbours in sorted lists; running products; spectra.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "importers/lowerings/selection.h"
#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

Status ConvertBucketize(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  std::vector<float> boundaries;
  for (const double b : c.Numbers("boundaries", {})) boundaries.push_back(static_cast<float>(b));
  return Set(c, Bucketize(c, x, boundaries));
}

// sorted [b, n], values [b, m]: how many of a row are below (upper: not above) each value.
Status ConvertBound(NodeContext& c) {
  Value row = c.Input(0), x = c.Input(1);
  if (!row || !x) return {};
  OCTET_ASSIGN(row, c.Make("expand_dims", {row, c.ScalarInt(-2)}));
  OCTET_ASSIGN(x, c.Make("expand_dims", {x, c.ScalarInt(-1)}));
  OCTET_ASSIGN(Value y, c.Make(c.kind() == "UpperBound" ? "less_equal" : "less", {row, x}));
  OCTET_ASSIGN(y, c.Cast(y, DType::kI32));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector({c.rank(y) - 1})}, {{"keep_dims", 0}}));
  return Set(c, c.Cast(y, c.Has("out_type") ? c.Type("out_type") : DType::kI32));
}

// Whether fewer than k predictions of a row are above that of its target.
Status ConvertInTopK(NodeContext& c) {
  const Value x = c.Input(0), target = c.Input(1);
  if (!x || !target) return {};
  Value k = c.ScalarInt(static_cast<int32_t>(c.Int("k", 1)));
  if (c.num_inputs() > 2) {
    OCTET_ASSIGN(k, c.Cast(c.Input(2), DType::kI32));
  }
  OCTET_ASSIGN(Value own, c.Make("expand_dims", {target, c.ScalarInt(-1)}));
  OCTET_ASSIGN(own, c.Make("gather", {x, own}, {{"axis", 1}, {"batch_dims", 1}}));
  OCTET_ASSIGN(Value above, c.Make("greater", {x, own}));
  OCTET_ASSIGN(above, c.Cast(above, DType::kI32));
  OCTET_ASSIGN(above, c.Make("sum", {above, c.Vector({1})}, {{"keep_dims", 0}}));
  return Set(c, c.Make("less", {above, k}));
}

// ---------------------------------------------------------------------------------- boxes

Result<Value> Argument(NodeContext& c, int i, float fallback) { return i < c.num_inputs() ? Result<Value>(c.Input(i)) : c.Scalar(fallback); }

Result<Value> First(NodeContext& c, Value list, Value count) {
  OCTET_ASSIGN(const Value n, c.Make("reshape", {count, c.Vector({1})}));
  OCTET_ASSIGN(const Value y, c.Make("slice", {list, c.Vector({0}), n}));
  c.Refine(y, {c.type(list).dtype, Shape{kUnknown}, {}});
  return y;
}

// boxes, scores, how many at most, overlap (an attribute in the first version), least score (from the third on).
Status ConvertSuppression(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  if (!Ready(in) || in.size() < 3) return {};
  const bool v5 = c.kind() == "NonMaxSuppressionV5", v4 = c.kind() == "NonMaxSuppressionV4";
  OCTET_ASSIGN(Value overlap, Argument(c, 3, static_cast<float>(c.Number("iou_threshold", 0.5))));
  OCTET_ASSIGN(const Value least, Argument(c, 4, -3.4e38f));
  OCTET_ASSIGN(const Value most, c.Cast(in[2], DType::kI32));
  const TensorType list{DType::kI32, {}, {}}, numbers{DType::kF32, {}, {}};
  const bool padded = c.Bool("pad_to_max_output_size", false);
  std::vector<Value> y;
  if (v5) {
    OCTET_ASSIGN(const Value sigma, Argument(c, 5, 0));
    OCTET_ASSIGN(y, c.EmitNode("non_max_suppression_v5", std::vector<Value>{in[0], in[1], most, overlap, least, sigma}, nullptr, {list, numbers, list}));
  } else {
    OCTET_ASSIGN(y, c.EmitNode("non_max_suppression_v4", std::vector<Value>{in[0], in[1], most, overlap, least}, nullptr, {list, list}));
  }
  const Value count = y.back();
  std::vector<int64_t> known;
  const int32_t size = c.IntsOf(2, &known) && known.size() == 1 && known[0] >= 0 && known[0] <= INT32_MAX ? static_cast<int32_t>(known[0]) : kUnknown;
  for (size_t i = 0; i + 1 < y.size(); ++i) c.Refine(y[i], {c.type(y[i]).dtype, Shape{size}, {}});
  c.Refine(count, {DType::kI32, Shape{}, {}});
  if (!padded) {
    for (size_t i = 0; i + 1 < y.size(); ++i) {
      OCTET_ASSIGN(y[i], First(c, y[i], count));
    }
  }
  for (size_t i = 0; i < (v4 || v5 ? y.size() : 1); ++i) c.SetOutput(static_cast<int>(i), y[i]);
  return {};
}

// tf.image.non_max_suppression_padded of one image, a function of TensorFlow's library (functions.cc): boxes, scores, how many at most,
// overlap, least score and three numbers that say how its body goes about it -> indices [1, most], how many count.
Status ConvertSuppressionFunction(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  if (!Ready(in) || in.size() != 8) return {};
  const TensorType list{DType::kI32, {}, {}};
  OCTET_ASSIGN(const Value most, c.Cast(in[2], DType::kI32));
  OCTET_ASSIGN(const std::vector<Value> y, c.EmitNode("non_max_suppression_v4", std::vector<Value>{in[0], in[1], most, in[3], in[4]}, nullptr, {list, list}));
  std::vector<int64_t> known;
  const int32_t size = c.IntsOf(2, &known) && known.size() == 1 && known[0] >= 0 && known[0] <= INT32_MAX ? static_cast<int32_t>(known[0]) : kUnknown;
  c.Refine(y[0], {DType::kI32, Shape{size}, {}});
  c.Refine(y[1], {DType::kI32, Shape{}, {}});
  OCTET_ASSIGN(const Value indices, c.Make("expand_dims", {y[0], c.Vector({0})}));
  c.SetOutput(0, indices);
  c.SetOutput(1, y[1]);
  return {};
}

// ------------------------------------------------------------------------------- matrices

bool MainDiagonal(NodeContext& c, int input) {
  std::vector<int64_t> k;
  return input >= c.num_inputs() || (c.IntsOf(input, &k) && std::ranges::all_of(k, [](int64_t d) { return d == 0; }));
}

Result<std::vector<Value>> Top(NodeContext& c, Value x, int32_t k) {
  return c.EmitNode("topk_v2", std::vector<Value>{x, c.ScalarInt(k)}, nullptr, {{c.type(x).dtype, {}, {}}, {DType::kI32, {}, {}}});
}

// The element that would stand at place n of the sorted row; or of the row sorted the other way round.
Status ConvertNthElement(NodeContext& c) {
  const Value x = c.Input(0);
  std::vector<int64_t> n;
  if (!x) return {};
  if (!c.IntsOf(1, &n) || n.size() != 1 || n[0] < 0 || n[0] >= INT32_MAX || c.rank(x) < 1) return c.Fail("a known place in rows", c.shape(x).text(), "");
  const bool reverse = c.Bool("reverse", false);
  OCTET_ASSIGN(const Value falling, reverse ? Result<Value>(x) : c.Make("neg", {x}));
  const auto most = static_cast<int32_t>(n[0]) + 1;
  OCTET_ASSIGN(const std::vector<Value> top, Top(c, falling, most));
  OCTET_ASSIGN(const Value y, c.Make("gather", {top[0], c.ScalarInt(most - 1)}, {{"axis", c.rank(x) - 1}}));
  return Set(c, reverse ? Result<Value>(y) : c.Make("neg", {y}));
}

// The exact ones, along the last axis: where all are sorted in the end, nothing is lost.
Status ConvertApproxTopK(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const int32_t axis, c.AxisOf(c.Int("reduction_dimension", -1), c.rank(x)));
  if (axis != c.rank(x) - 1 || !c.Bool("aggregate_to_topk", true))
    return c.Fail("the last axis, all the way to the top", std::to_string(axis), "use tf.math.top_k");
  const bool most = c.Bool("is_max_k", true);
  OCTET_ASSIGN(const Value falling, most ? Result<Value>(x) : c.Make("neg", {x}));
  OCTET_ASSIGN(const std::vector<Value> top, Top(c, falling, static_cast<int32_t>(c.Int("k", 1))));
  OCTET_ASSIGN(const Value y, most ? Result<Value>(top[0]) : c.Make("neg", {top[0]}));
  c.SetOutput(0, y);
  c.SetOutput(1, top[1]);
  return {};
}

// Elements i*(n + 1) of the matrices in one row.
Status ConvertDiagPart(NodeContext& c) {
  Value x = c.Input(0);
  if (!x) return {};
  const Shape s = c.shape(x);
  std::vector<int64_t> k = {0};
  if (c.num_inputs() > 1 && (!c.IntsOf(1, &k) || k.size() != 1)) return c.Fail("one diagonal", "several", "take them one by one");
  if (s.rank() < 2 || s.back() < 1 || s.back(2) < 1) return c.Fail("matrices of known size", s.text(), "fix the input's shape");
  std::vector<int32_t> dims(s.dims().begin(), s.dims().end() - 2), at;
  dims.push_back(s.back() * s.back(2));
  if (std::ranges::count(dims, kUnknown) > 1) return c.Fail("matrices of known size", s.text(), "fix the input's shape");
  for (int64_t i = 0; i < s.back(2); ++i)
    if (i + k[0] >= 0 && i + k[0] < s.back()) at.push_back(static_cast<int32_t>(i * s.back() + i + k[0]));
  if (at.empty()) return c.Fail("a diagonal inside the matrix", std::to_string(k[0]), "");
  OCTET_ASSIGN(x, c.ReshapeTo(x, dims));
  return Set(c, c.Make("gather", {x, c.Vector(at)}, {{"axis", s.rank() - 2}}));
}

// Each place of the diagonal picks its number.
Status SetOtherDiagonal(NodeContext& c, Value x, Value diagonal) {
  std::vector<int64_t> k;
  const Shape s = c.shape(x);
  if (!c.IntsOf(2, &k) || k.size() != 1 || s.rank() < 2 || s.back() < 1 || s.back(2) < 1) return c.Fail("one diagonal of matrices of known size", s.text(), "");
  const int32_t rows = s.back(2), columns = s.back();
  if (k[0] <= -rows || k[0] >= columns) return c.Fail("a diagonal inside the matrix", std::to_string(k[0]), "");
  const auto right = static_cast<int32_t>(std::max<int64_t>(k[0], 0)), down = static_cast<int32_t>(std::max<int64_t>(-k[0], 0));
  constexpr int64_t kMost = 1 << 22;
  if (int64_t{rows} * columns > kMost) return c.Fail(Format("matrices of at most %d elements", static_cast<int>(kMost)), s.text(), "");
  std::vector<int32_t> at(static_cast<size_t>(rows * columns), 0);
  std::vector<uint8_t> there(at.size(), 0);
  for (int32_t i = 0; i < std::min(rows - down, columns - right); ++i) {
    const auto place = static_cast<size_t>((i + down) * columns + i + right);
    at[place] = i, there[place] = 1;
  }
  OCTET_ASSIGN(const Value spread, c.Make("gather", {diagonal, c.Constant<int32_t>(Shape{rows, columns}, at)}, {{"axis", c.rank(diagonal) - 1}}));
  const Value mask = c.Constant(TensorType{DType::kBool, Shape{rows, columns}, {}}, std::as_bytes(std::span<const uint8_t>(there)));
  return Set(c, c.Make("select_v2", {mask, spread, x}));
}

Status ConvertSetDiag(NodeContext& c) {
  const Value x = c.Input(0), diagonal = c.Input(1);
  if (!x || !diagonal) return {};
  if (!MainDiagonal(c, 2)) return SetOtherDiagonal(c, x, diagonal);
  if (c.type(x).dtype != DType::kBool) return Set(c, c.Make("matrix_set_diag", {x, diagonal}));
  OCTET_ASSIGN(const Value whole, c.Cast(x, DType::kI32));
  OCTET_ASSIGN(const Value line, c.Cast(diagonal, DType::kI32));
  OCTET_ASSIGN(const Value y, c.Make("matrix_set_diag", {whole, line}));
  return Set(c, c.Cast(y, DType::kBool));
}

// [.., n] -> [.., n, n] for vectors only, as tf.linalg.tensor_diag.
Status ConvertDiag(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  if (c.rank(x) != 1) return c.Fail("a vector", c.shape(x).text(), "");
  return Set(c, c.Make("matrix_diag", {x}));
}

// (a1*b2 - a2*b1, ...) of the last axis.
Status ConvertCross(NodeContext& c) {
  const Value a = c.Input(0), b = c.Input(1);
  if (!a || !b) return {};
  const auto turned = [&](Value v, std::initializer_list<int32_t> order) { return c.Make("gather", {v, c.Vector(order)}, {{"axis", c.rank(v) - 1}}); };
  OCTET_ASSIGN(const Value a1, turned(a, {1, 2, 0}));
  OCTET_ASSIGN(const Value b2, turned(b, {2, 0, 1}));
  OCTET_ASSIGN(const Value a2, turned(a, {2, 0, 1}));
  OCTET_ASSIGN(const Value b1, turned(b, {1, 2, 0}));
  OCTET_ASSIGN(const Value plus, c.Make("mul", {a1, b2}));
  OCTET_ASSIGN(const Value minus, c.Make("mul", {a2, b1}));
  return Set(c, c.Make("sub", {plus, minus}));
}

// -------------------------------------------------------------------------------- running

// start + i * (stop - start) / (n - 1)
Status ConvertLinSpace(NodeContext& c) {
  const Value start = c.Input(0), stop = c.Input(1);
  std::vector<int64_t> n;
  if (!start || !stop) return {};
  if (!c.IntsOf(2, &n) || n.size() != 1 || n[0] < 1 || n[0] > (1 << 24)) return c.Fail("a known number of points", "a computed one", "");
  std::vector<float> share;
  for (int64_t i = 0; i < n[0]; ++i) share.push_back(n[0] == 1 ? 0.0f : static_cast<float>(static_cast<double>(i) / static_cast<double>(n[0] - 1)));
  OCTET_ASSIGN(Value y, c.Make("sub", {stop, start}));
  OCTET_ASSIGN(y, c.Make("mul", {c.Constant<float>(Shape{static_cast<int32_t>(n[0])}, share), y}));
  return Set(c, c.Make("add", {y, start}));
}

// Over an axis of known, small length.
Status ConvertCumprod(NodeContext& c) {
  constexpr int32_t kMost = 128;
  const Value x = c.Input(0);
  std::vector<int64_t> axes;
  if (!x) return {};
  if (!c.IntsOf(1, &axes) || axes.size() != 1) return c.Fail("a known axis", "a computed one", "");
  OCTET_ASSIGN(const int32_t axis, c.AxisOf(axes[0], c.rank(x)));
  const int32_t n = c.shape(x)[axis];
  if (n < 1 || n > kMost) return c.Fail(Format("an axis of 1 to %d elements", kMost), c.shape(x).text(), "");
  const bool exclusive = c.Bool("exclusive", false), reverse = c.Bool("reverse", false);
  OCTET_ASSIGN(std::vector<Value> parts, c.MakeMany("unpack", {x}, {{"num", n}, {"axis", axis}}, n));
  if (reverse) std::ranges::reverse(parts);
  OCTET_ASSIGN(Value so_far, c.Make("equal", {parts[0], parts[0]}));
  OCTET_ASSIGN(so_far, c.Cast(so_far, c.type(x).dtype));
  std::vector<Value> out;
  for (const Value p : parts) {
    if (exclusive) out.push_back(so_far);
    OCTET_ASSIGN(so_far, c.Make("mul", {so_far, p}));
    if (!exclusive) out.push_back(so_far);
  }
  if (reverse) std::ranges::reverse(out);
  return Set(c, c.Make("pack", out, {{"values_count", n}, {"axis", axis}}));
}

// max + log(cumsum(e^(x - max)))
Status ConvertCumulativeLogsumexp(NodeContext& c) {
  const Value x = c.Input(0);
  std::vector<int64_t> axes;
  if (!x) return {};
  if (!c.IntsOf(1, &axes) || axes.size() != 1) return c.Fail("a known axis", "a computed one", "");
  const int64_t exclusive = c.Bool("exclusive", false), reverse = c.Bool("reverse", false);
  OCTET_ASSIGN(const int32_t axis, c.AxisOf(axes[0], c.rank(x)));
  OCTET_ASSIGN(const Value most, c.Make("reduce_max", {x, c.Vector({axis})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(Value y, c.Make("sub", {x, most}));
  OCTET_ASSIGN(y, c.Make("exp", {y}));
  OCTET_ASSIGN(y, c.Make("cumsum", {y, c.ScalarInt(axis)}, {{"exclusive", exclusive}, {"reverse", reverse}}));
  OCTET_ASSIGN(y, c.Make("log", {y}));
  return Set(c, c.Make("add", {y, most}));
}

constexpr NodeRule kRules[] = {
    {"Bucketize", ConvertBucketize}, {"LowerBound", ConvertBound}, {"UpperBound", ConvertBound}, {"InTopK", ConvertInTopK}, {"InTopKV2", ConvertInTopK},
    {"NonMaxSuppression", ConvertSuppression}, {"NonMaxSuppressionV2", ConvertSuppression}, {"NonMaxSuppressionV3", ConvertSuppression},
    {"NonMaxSuppressionV4", ConvertSuppression}, {"PartitionedCall", ConvertSuppressionFunction}, {"StatefulPartitionedCall", ConvertSuppressionFunction},
    {"NonMaxSuppressionV5", ConvertSuppression}, {"MatrixDiagPart", ConvertDiagPart}, {"MatrixDiagPartV2", ConvertDiagPart},
    {"MatrixDiagPartV3", ConvertDiagPart}, {"DiagPart", ConvertDiagPart}, {"MatrixSetDiagV2", ConvertSetDiag}, {"MatrixSetDiagV3", ConvertSetDiag},
    {"Diag", ConvertDiag}, {"Cross", ConvertCross}, {"LinSpace", ConvertLinSpace}, {"Cumprod", ConvertCumprod},
    {"CumulativeLogsumexp", ConvertCumulativeLogsumexp}, {"NthElement", ConvertNthElement}, {"ApproxTopK", ConvertApproxTopK}};

}  // namespace

const std::span<const NodeRule> kSelectionRules = kRules;

}  // namespace octet::importers::savedmodel
