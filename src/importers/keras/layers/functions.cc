// SPDX-License-Identifier: Apache-2.0
// TensorFlow's functions on numbers that keras.ops has not, or has with other arguments: TFOpLambda layers of tf_keras.
#include <algorithm>
#include <cmath>

#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/axes.h"
#include "importers/keras/layers/order.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/activation.h"
#include "importers/lowerings/band.h"
#include "importers/lowerings/elimination.h"
#include "importers/lowerings/function.h"
#include "importers/lowerings/selection.h"
#include "ops/keras_conv_util.h"

namespace octet::importers::keras {
namespace {

// The numbers as they are, whatever else the function checks or promises.
Status ConvertSame(LayerContext& c) {
  for (const char* promise : {"shape", "message", "dtype_hint"}) (void)c.Named(promise);
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const DType type, NamedType(c, 1, c.type(x).dtype));
  return Set(c, c.Cast(x, type));
}

// ------------------------------------------------------------------------------------ element by element

Status ConvertAtan2(LayerContext& c) {
  OCTET_ASSIGN(const Value y, Operand(c, 0, {"y"}));
  OCTET_ASSIGN(const Value x, Operand(c, 1, {"x"}));
  return Set(c, Atan2(c, y, x));
}

// x times what `of` makes of y; 0 wherever x is 0.
template <class Of> Status ProductUnlessZero(LayerContext& c, const Of& of) {
  OCTET_ASSIGN(const Pair p, FloatOperands(c));
  OCTET_ASSIGN(const Value zero, c.Make("equal", {p.a, c.Scalar(0)}));
  OCTET_ASSIGN(Value y, of(p));
  return Set(c, c.Make("select_v2", {zero, c.Scalar(0), y}));
}

Status ConvertXlogy(LayerContext& c) {
  return ProductUnlessZero(c, [&](const Pair& p) -> Result<Value> {
    OCTET_ASSIGN(const Value log, c.Make("log", {p.b}));
    return c.Make("mul", {p.a, log});
  });
}

Status ConvertXlog1py(LayerContext& c) {
  return ProductUnlessZero(c, [&](const Pair& p) -> Result<Value> {
    OCTET_ASSIGN(const Value log, Log1p(c, p.b));
    return c.Make("mul", {p.a, log});
  });
}

Status ConvertXdivy(LayerContext& c) {
  return ProductUnlessZero(c, [&](const Pair& p) { return c.Make("div", {p.a, p.b}); });
}

// x y; 0 wherever y is 0, whatever x is.
Status ConvertMultiplyNoNan(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, FloatOperands(c));
  OCTET_ASSIGN(const Value zero, c.Make("equal", {p.b, c.Scalar(0)}));
  OCTET_ASSIGN(const Value y, c.Make("mul", {p.a, p.b}));
  return Set(c, c.Make("select_v2", {zero, c.Scalar(0), y}));
}

Status ConvertReciprocalNoNan(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  OCTET_ASSIGN(const Value zero, c.Make("equal", {x, c.Scalar(0)}));
  return Set(c, QuotientUnless(c, zero, c.Scalar(0), c.Scalar(1), x));
}

Status ConvertAddN(LayerContext& c) {
  OCTET_ASSIGN(const std::vector<Value> terms, ListAt(c, 0, {"inputs"}));
  Value sum = terms[0];
  for (size_t i = 1; i < terms.size(); ++i) {
    OCTET_ASSIGN(sum, c.Make("add", {sum, terms[i]}));
  }
  return Set(c, sum);
}

// ----------------------------------------------------------------------------------------------- norms

Result<Value> SumOfSquares(LayerContext& c, Value x, const std::vector<int32_t>& axes, int64_t keep) {
  OCTET_ASSIGN(const Value squares, c.Make("mul", {x, x}));
  return c.Make("sum", {squares, c.Vector(axes)}, {{"keep_dims", keep}});
}

// Of vectors: ord 1, 2, infinity or another number; over several axes as if they were one.
Result<Value> NormOf(LayerContext& c, Value x, int64_t keep) {
  const std::vector<int32_t> axes = AxesOf(c, c.rank(x), -1);
  const Json& ord = c.Get("ord");
  const bool euclidean = ord.is_null() || ord.text() == "euclidean" || (ord.text() == "fro" && axes.size() == 2);
  if (!euclidean && axes.size() > 1 && c.Has("axis")) return c.Fail("the euclidean norm of several axes", ord.text(), "");
  const double p = euclidean ? 2 : ord.number();
  if (!euclidean && !(p > 0)) return c.Fail("a norm's ord that is a number above 0", ord.text(), "");
  if (p == 2) {
    OCTET_ASSIGN(const Value sum, SumOfSquares(c, x, axes, keep));
    return c.Make("sqrt", {sum});
  }
  OCTET_ASSIGN(Value y, c.Make("abs", {x}));
  if (std::isinf(p)) return c.Make("reduce_max", {y, c.Vector(axes)}, {{"keep_dims", keep}});
  OCTET_ASSIGN(y, p == 1 ? Result<Value>(y) : c.Make("pow", {y, c.Scalar(static_cast<float>(p))}));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector(axes)}, {{"keep_dims", keep}}));
  return p == 1 ? Result<Value>(y) : c.Make("pow", {y, c.Scalar(static_cast<float>(1 / p))});
}

Status ConvertNorm(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  return Set(c, NormOf(c, x, Keeps(c)));
}

// x by its norm, and the norm.
Status ConvertNormalize(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  OCTET_ASSIGN(const Value norm, NormOf(c, x, 1));
  OCTET_ASSIGN(const Value y, c.Make("div", {x, norm}));
  c.SetOutput(0, y);
  c.SetOutput(1, norm);
  return {};
}

// x / sqrt(max(sum(x^2), epsilon))
Status ConvertL2Normalize(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  OCTET_ASSIGN(Value y, SumOfSquares(c, x, AxesOf(c, c.rank(x)), 1));
  OCTET_ASSIGN(y, c.Make("maximum", {y, c.Scalar(static_cast<float>(c.Number("epsilon", 1e-12)))}));
  OCTET_ASSIGN(y, c.Make("rsqrt", {y}));
  return Set(c, c.Make("mul", {x, y}));
}

// x where its norm is at most clip_norm, else as much shorter as it takes.
Status ConvertClipByNorm(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  OCTET_ASSIGN(const Value most, Operand(c, 1, {"clip_norm"}));
  OCTET_ASSIGN(Value norm, SumOfSquares(c, x, AxesOf(c, c.rank(x), -1), 1));
  OCTET_ASSIGN(norm, c.Make("sqrt", {norm}));
  OCTET_ASSIGN(norm, c.Make("maximum", {norm, most}));
  OCTET_ASSIGN(const Value y, c.Make("mul", {x, most}));
  return Set(c, c.Make("div", {y, norm}));
}

Status ConvertL2Loss(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"t"}));
  OCTET_ASSIGN(const Value sum, SumOfSquares(c, x, AxesOf(c, c.rank(x), -1), 0));
  return Set(c, Times(c, sum, 0.5f));
}

// Of whole numbers, too, as int64 unless another type is named.
Status ConvertCountNonzero(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const DType type, NamedType(c, 3, DType::kI64));
  OCTET_ASSIGN(const Value zero, c.Cast(c.Scalar(0), c.type(x).dtype));
  OCTET_ASSIGN(Value y, c.Make("not_equal", {x, zero}));
  OCTET_ASSIGN(y, c.Cast(y, DType::kI32));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector(AxesOf(c, c.rank(x)))}, {{"keep_dims", Keeps(c)}}));
  return Set(c, c.Cast(y, type));
}

// --------------------------------------------------------------------------------------------- matrices

Status ConvertMatrixTranspose(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  return Set(c, Adjoint(c, x));
}

Status ConvertBandPart(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const int64_t lower = c.Int("num_lower", -1), upper = c.Int("num_upper", -1);
  const auto limit = [](int64_t n) { return n < 0 ? std::optional<int64_t>() : std::optional(n); };
  return Set(c, Banded(c, x, {limit(lower), limit(upper)}));
}

// The main diagonal of square matrices: what is left of all else in rows times ones.
Result<Value> DiagonalOf(LayerContext& c, Value x) {
  if (c.rank(x) < 2 || c.shape(x).back() < 1 || c.shape(x).back() != c.shape(x).back(2))
    return c.Fail("square matrices of known size", c.shape(x).text(), "give the input's shape");
  OCTET_ASSIGN(const Value diagonal, Banded(c, x, {0, 0}));
  return c.Make("sum", {diagonal, c.Vector({c.rank(x) - 1})}, {{"keep_dims", 0}});
}

Status ConvertTrace(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const Value diagonal, DiagonalOf(c, x));
  return Set(c, c.Make("sum", {diagonal, c.Vector({c.rank(diagonal) - 1})}, {{"keep_dims", 0}}));
}

Status ConvertDeterminant(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  OCTET_ASSIGN(const Eliminated e, Eliminate(c, x, {}));
  return Set(c, e.determinant);
}

Status ConvertSolve(LayerContext& c) {
  OCTET_ASSIGN(const Value a, Operand(c, 0, {"matrix"}));
  OCTET_ASSIGN(const Value b, Operand(c, 1, {"rhs"}));
  OCTET_ASSIGN(const Eliminated e, Eliminate(c, a, b));
  return Set(c, e.solution);
}

// ------------------------------------------------------------------------------------------------ order

// Numbers, or their places, rising or falling along an axis.
template <bool Places> Status ConvertSort(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"values"}));
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", -1), c.rank(x)));
  const bool falling = c.Text("direction", "ASCENDING") == "DESCENDING";
  (void)c.Named("stable");
  OCTET_ASSIGN(x, Exchanged(c, x, axis));
  OCTET_ASSIGN(x, falling ? c.Make("neg", {x}) : Result<Value>(x));
  OCTET_ASSIGN(x, Places ? SortedPlaces(c, x) : Sorted(c, x));
  OCTET_ASSIGN(x, falling && !Places ? c.Make("neg", {x}) : Result<Value>(x));
  return Set(c, Exchanged(c, x, axis));
}

// Of a sequence that rises, or of each row of several; a constant one has no axis for the batch.
Status ConvertSearchSorted(LayerContext& c) {
  OCTET_ASSIGN(Value limits, Operand(c, 0, {"sorted_sequence"}));
  OCTET_ASSIGN(const Value x, Operand(c, 1, {"values"}, c.type(limits).dtype));
  OCTET_ASSIGN(const DType type, CountType(c));
  if (c.rank(limits) > 1) {
    OCTET_ASSIGN(limits, c.Make("expand_dims", {limits, c.Vector({-2})}));
  }
  OCTET_ASSIGN(const Value each, c.Make("expand_dims", {x, c.Vector({-1})}));
  OCTET_ASSIGN(Value below, c.Make(c.Text("side", "left") == "left" ? "less" : "less_equal", {limits, each}));
  OCTET_ASSIGN(below, c.Cast(below, DType::kI32));
  OCTET_ASSIGN(below, c.Make("sum", {below, c.Vector({c.rank(x)})}, {{"keep_dims", 0}}));
  return Set(c, c.Cast(below, type));
}

// --------------------------------------------------------------------------------------- places and groups

Status ConvertGatherNd(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"params"}));
  OCTET_ASSIGN(Value at, Operand(c, 1, {"indices"}, DType::kI32));
  const int64_t batch = c.Int("batch_dims", 0);
  if (batch != 0 || !c.Text("bad_indices_policy", "").empty()) return c.Fail("batch_dims=0 and no policy", std::to_string(batch), "use gather");
  OCTET_ASSIGN(at, c.Cast(at, DType::kI32));
  return Set(c, c.Make("gather_nd", {x, at}));
}

template <OpName Op> Status ConvertSegment(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"data"}));
  OCTET_ASSIGN(Value ids, Operand(c, 1, {"segment_ids"}, DType::kI32));
  OCTET_ASSIGN(ids, c.Cast(ids, DType::kI32));
  if (!c.Has("num_segments")) return c.Fail("num_segments as a number", "another kind of argument", "");
  return Set(c, c.Make(Op, {x, ids, Int(c, static_cast<int32_t>(c.Int("num_segments", 1)))}));
}

// Sums by how many there are, or by the root of that; of a segment without numbers 0.
template <bool Root> Status ConvertSegmentMean(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"data"}));
  OCTET_ASSIGN(Value ids, Operand(c, 1, {"segment_ids"}, DType::kI32));
  OCTET_ASSIGN(ids, c.Cast(ids, DType::kI32));
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));  // Quotients of whole numbers are floats.
  if (!c.Has("num_segments") || c.rank(ids) != 1) return c.Fail("num_segments as a number, and a vector of segments", c.shape(ids).text(), "");
  const Value n = Int(c, static_cast<int32_t>(c.Int("num_segments", 1)));
  OCTET_ASSIGN(const Value sum, c.Make("unsorted_segment_sum", {x, ids, n}));
  if (c.rank(sum) < 1) return c.Fail("data of a first axis", c.shape(x).text(), "");
  OCTET_ASSIGN(Value ones, c.Make("zeros_like", {ids}));
  OCTET_ASSIGN(ones, c.Cast(ones, DType::kF32));
  OCTET_ASSIGN(ones, Plus(c, ones, 1));
  OCTET_ASSIGN(Value count, c.Make("unsorted_segment_sum", {ones, ids, n}));
  OCTET_ASSIGN(count, c.Make("maximum", {count, c.Scalar(1)}));
  OCTET_ASSIGN(count, Root ? c.Make("sqrt", {count}) : Result<Value>(count));
  std::vector<int32_t> dims(static_cast<size_t>(c.rank(sum)), 1);
  dims[0] = -1;
  OCTET_ASSIGN(count, c.Make("reshape", {count, c.Vector(dims)}));
  return Set(c, c.Make("div", {sum, count}));
}

template <Scatter How> Status ConvertScatterInto(LayerContext& c) {
  OCTET_ASSIGN(const Value tensor, Operand(c, 0, {"tensor"}));
  if (!c.Text("bad_indices_policy", "").empty()) return c.Fail("no policy for indices outside", "one", "");
  OCTET_ASSIGN(Value at, Operand(c, 1, {"indices"}, DType::kI32));
  OCTET_ASSIGN(const Value updates, Operand(c, 2, {"updates"}, c.type(tensor).dtype));
  OCTET_ASSIGN(at, c.Cast(at, DType::kI32));
  return Set(c, ScatterInto(c, tensor, at, updates, How));
}

// Which of the places below maxlen are below each length.
Status ConvertSequenceMask(LayerContext& c) {
  OCTET_ASSIGN(const Value lengths, Operand(c, 0, {"lengths"}, DType::kI32));
  const int64_t most = c.Int("maxlen", 0);
  constexpr int64_t kLongest = 1 << 20;
  if (most < 1 || most > kLongest) return c.Fail(Format("a maxlen from 1 to %d", static_cast<int>(kLongest)), std::to_string(most), "name one");
  OCTET_ASSIGN(const DType type, NamedType(c, 2, DType::kBool));
  std::vector<int32_t> places(static_cast<size_t>(most));
  for (size_t i = 0; i < places.size(); ++i) places[i] = static_cast<int32_t>(i);
  OCTET_ASSIGN(Value each, c.Cast(lengths, DType::kI32));
  OCTET_ASSIGN(each, c.Make("expand_dims", {each, c.Vector({-1})}));
  OCTET_ASSIGN(const Value y, c.Make("less", {c.Vector(places), each}));
  return Set(c, c.Cast(y, type));
}

Status ConvertReverseSequence(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"input"}));
  OCTET_ASSIGN(const Value lengths, Operand(c, 1, {"seq_lengths"}, DType::kI32));
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("seq_axis", 0), c.rank(x)));
  OCTET_ASSIGN(const int batch, AxisOf(c, c.Int("batch_axis", 0), c.rank(x)));
  return Set(c, ReverseSequences(c, x, lengths, axis, batch));
}

// Everything but the batch in a row.
Status ConvertBatchFlatten(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const Shape s = c.shape(x);
  int64_t n = 1;
  for (int i = 1; i < s.rank(); ++i) n = n < 1 || s[i] < 1 || n > INT32_MAX ? 0 : n * s[i];
  if (n < 1 || n > INT32_MAX) return c.Fail("a known size behind the batch", s.text(), "give the input's shape");
  return Set(c, c.Make("reshape", {x, c.Vector({-1, static_cast<int32_t>(n)})}));
}

Status ConvertEmbeddingLookup(LayerContext& c) {
  OCTET_ASSIGN(const Value table, Operand(c, 0, {"params"}));
  OCTET_ASSIGN(Value ids, Operand(c, 1, {"ids"}, DType::kI32));
  if (c.Has("max_norm")) return c.Fail("no max_norm", "one", "clip the table before");
  (void)c.Named("partition_strategy");  // Of several tables, and here is one.
  OCTET_ASSIGN(ids, c.Cast(ids, DType::kI32));
  return Set(c, c.Make("gather", {table, ids}, {{"axis", 0}}));
}

// tf_keras writes the equation, but not the tensors behind it.
Status ConvertEinsum(LayerContext& c) {
  return c.Fail("the tensors of " + LiteralOf(c, 0, {"equation"}).text(), "none in the file", "use EinsumDense or tf.matmul, or save with tf.saved_model.save");
}

constexpr LayerRule kRules[] = {
    {"tf.einsum", ConvertEinsum}, {"tf.linalg.einsum", ConvertEinsum},
    {"tf.convert_to_tensor", ConvertSame}, {"tf.ensure_shape", ConvertSame}, {"tf.debugging.check_numerics", ConvertSame},
    {"tf.math.atan2", ConvertAtan2}, {"tf.math.xlogy", ConvertXlogy}, {"tf.math.xlog1py", ConvertXlog1py}, {"tf.math.xdivy", ConvertXdivy},
    {"tf.math.multiply_no_nan", ConvertMultiplyNoNan}, {"tf.math.reciprocal_no_nan", ConvertReciprocalNoNan}, {"tf.math.add_n", ConvertAddN},
    {"tf.math.accumulate_n", ConvertAddN}, {"tf.compat.v1.norm", ConvertNorm}, {"tf.norm", ConvertNorm}, {"tf.math.reduce_euclidean_norm", ConvertNorm},
    {"tf.linalg.normalize", ConvertNormalize}, {"tf.math.l2_normalize", ConvertL2Normalize}, {"tf.compat.v1.linalg.l2_normalize", ConvertL2Normalize},
    {"tf.clip_by_norm", ConvertClipByNorm}, {"tf.nn.l2_loss", ConvertL2Loss}, {"tf.math.count_nonzero", ConvertCountNonzero},
    {"tf.linalg.matrix_transpose", ConvertMatrixTranspose}, {"tf.linalg.adjoint", ConvertMatrixTranspose}, {"tf.linalg.band_part", ConvertBandPart},
    {"tf.linalg.trace", ConvertTrace},
    {"tf.linalg.det", ConvertDeterminant}, {"tf.linalg.solve", ConvertSolve},
    {"tf.sort", ConvertSort<false>}, {"tf.argsort", ConvertSort<true>}, {"tf.searchsorted", ConvertSearchSorted},
    {"tf.compat.v1.gather_nd", ConvertGatherNd}, {"tf.gather_nd", ConvertGatherNd}, {"tf.math.unsorted_segment_sum", ConvertSegment<"unsorted_segment_sum">},
    {"tf.math.unsorted_segment_max", ConvertSegment<"unsorted_segment_max">}, {"tf.math.unsorted_segment_min", ConvertSegment<"unsorted_segment_min">},
    {"tf.math.unsorted_segment_prod", ConvertSegment<"unsorted_segment_prod">}, {"tf.math.unsorted_segment_mean", ConvertSegmentMean<false>},
    {"tf.math.unsorted_segment_sqrt_n", ConvertSegmentMean<true>},
    {"tf.tensor_scatter_nd_update", ConvertScatterInto<Scatter::kUpdate>}, {"tf.tensor_scatter_nd_add", ConvertScatterInto<Scatter::kAdd>},
    {"tf.tensor_scatter_nd_sub", ConvertScatterInto<Scatter::kSub>}, {"tf.sequence_mask", ConvertSequenceMask},
    {"tf.reverse_sequence", ConvertReverseSequence}, {"tf.compat.v1.nn.embedding_lookup", ConvertEmbeddingLookup},
    {"tf.nn.embedding_lookup", ConvertEmbeddingLookup}, {"tf.keras.backend.batch_flatten", ConvertBatchFlatten}};

}  // namespace

const std::span<const LayerRule> kFunctionRules = kRules;

}  // namespace octet::importers::keras
