// SPDX-License-Identifier: Apache-2.0
// keras.ops that count and group numbers by what they are.
#include "importers/keras/builder.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/counting.h"
#include "importers/keras/layers/order.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/activation.h"
#include "importers/lowerings/selection.h"

namespace octet::importers::keras {
namespace {

Status ConvertSegment(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(Value ids, Operand(c, 1, {"segment_ids"}, DType::kI32));
  if (!c.Has("num_segments")) return c.Fail("num_segments", "none", "");
  OCTET_ASSIGN(ids, c.Cast(ids, DType::kI32));
  const DType own = c.type(x).dtype;
  const std::string_view kind = c.kind();
  const char* op = kind == "SegmentMax" ? "unsorted_segment_max" : kind == "SegmentMin" ? "unsorted_segment_min"
      : kind == "SegmentProd" ? "unsorted_segment_prod" : "unsorted_segment_sum";
  if (own == DType::kI64 || own == DType::kU32) return c.Fail("float32 or integers of at most 32 bits", std::string(NumpyName(own)), "cast the input");
  OCTET_ASSIGN(const Value wide, Widened(c, x));
  OCTET_ASSIGN(const Value y, c.Make(op, {wide, ids, Int(c, static_cast<int32_t>(c.Int("num_segments", 1)))}));
  return Set(c, c.Cast(y, own));
}

// Whether a number is among those of another tensor.
Status ConvertIsIn(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Operands(c, Literals::kOwn));
  OCTET_ASSIGN(const Value each, c.Make("expand_dims", {p.a, c.Vector({-1})}));
  OCTET_ASSIGN(const Value all, c.Make("reshape", {p.b, c.Vector({-1})}));
  OCTET_ASSIGN(Value y, c.Make("equal", {each, all}));
  OCTET_ASSIGN(y, c.Make("reduce_any", {y, c.Vector({c.rank(p.a)})}, {{"keep_dims", 0}}));
  return Set(c, c.Bool("invert", false) ? c.Make("logical_not", {y}) : Result<Value>(y));
}

// How often each whole number occurs along the last axis.
Status ConvertBincount(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const auto n = static_cast<int32_t>(c.Int("minlength", 0));
  if (n < 1 || !c.Get("weights").is_null()) return c.Fail("a minlength that no number reaches, without weights", std::to_string(n), "");
  OCTET_ASSIGN(const Value ids, c.Cast(x, DType::kI32));
  OCTET_ASSIGN(const Value hot, c.Make("one_hot", {ids, Int(c, n), Int(c, 1), Int(c, 0)}, {{"axis", -1}}));
  return Set(c, c.Make("sum", {hot, c.Vector({c.rank(x) - 1})}, {{"keep_dims", 0}}));
}

// Unlike numbers, rising or as they come, and what belongs to each: its first place, how many there are; for each number of x the one it is.
class Unique {
 public:
  explicit Unique(LayerContext& c) : c_(c) {}

  Status Convert() {
    OCTET_ASSIGN(const Value x, Tensor(c_));
    if (c_.Has("axis") && c_.rank(x) != 1) return c_.Fail("the numbers of a whole tensor (axis=None)", "slices along an axis", "compare them before the model");
    OCTET_ASSIGN(all_, Widened(c_, x));
    OCTET_ASSIGN(all_, c_.Make("reshape", {all_, c_.Vector({-1})}));
    OCTET_TRY(Find());
    int next = 0;
    OCTET_ASSIGN(Value y, Sized(unlike_, NumberOf(c_, c_.Number("fill_value", 0), c_.type(unlike_).dtype)));
    OCTET_ASSIGN(y, c_.Cast(y, c_.type(x).dtype));
    c_.SetOutput(next++, y);
    if (c_.Bool("return_index", false)) {
      OCTET_ASSIGN(const Value first, FirstOf(1));
      OCTET_ASSIGN(y, Sized(first, Int(c_, 1)));  // As Keras fills up.
      c_.SetOutput(next++, y);
    }
    if (c_.Bool("return_inverse", false)) {
      OCTET_ASSIGN(const Value which, FirstOf(0));
      OCTET_ASSIGN(const Value dims, DimensionsOf(c_, x));
      OCTET_ASSIGN(y, c_.Make("reshape", {which, dims}));
      c_.SetOutput(next++, y);
    }
    if (!c_.Bool("return_counts", false)) return {};
    OCTET_ASSIGN(const Value same, Same());
    OCTET_ASSIGN(y, c_.Make("sum", {same, c_.Vector({1})}, {{"keep_dims", 0}}));
    OCTET_ASSIGN(y, Sized(y, Int(c_, 0)));
    c_.SetOutput(next, y);
    return {};
  }

 private:
  Status Find() {
    const TensorType unlike{c_.type(all_).dtype, Shape{kUnknown}, {}}, index{DType::kI32, c_.shape(all_), {}};
    OCTET_ASSIGN(const std::vector<Value> y, c_.EmitNode("unique", std::span(&all_, 1), nullptr, {unlike, index}));
    unlike_ = y[0];
    if (!c_.Bool("sorted", true)) return {};
    OCTET_ASSIGN(unlike_, Sorted(c_, unlike_));
    return {};
  }

  // Which of the unlike numbers a number is, [unlike, numbers], as 0 and 1.
  Result<Value> Same() {
    OCTET_ASSIGN(const Value column, c_.Make("expand_dims", {unlike_, c_.Vector({1})}));
    OCTET_ASSIGN(const Value same, c_.Make("equal", {column, all_}));
    return c_.Cast(same, DType::kI32);
  }
  Result<Value> FirstOf(int32_t axis) {
    OCTET_ASSIGN(Value same, Same());
    OCTET_ASSIGN(same, c_.Cast(same, DType::kF32));
    return c_.Make("arg_max", {same, Int(c_, axis)}, {{"output_type", static_cast<int64_t>(DType::kI32)}});
  }

  // Cut or filled up to `size` where the function has one.
  Result<Value> Sized(Value v, Value fill) {
    if (!c_.Has("size")) return v;
    const int64_t size = c_.Int("size", 0);
    constexpr int64_t kMost = 1 << 20;
    if (size < 1 || size > kMost) return c_.Fail(Format("a size of 1 to %d", static_cast<int>(kMost)), std::to_string(size), "");
    const auto n = static_cast<int32_t>(size);
    OCTET_ASSIGN(const Value rest, c_.Make("broadcast_to", {fill, c_.Vector({n})}));
    OCTET_ASSIGN(const Value filled, c_.Make("concatenation", {v, rest}, {{"axis", 0}}));
    return c_.Make("slice", {filled, c_.Vector({0}), c_.Vector({n})});
  }

  LayerContext& c_;
  Value all_, unlike_;
};
Status ConvertUnique(LayerContext& c) { return Unique(c).Convert(); }

// How many of each column are true, as int32.
Result<Value> CountTrue(LayerContext& c, Value truths) {
  OCTET_ASSIGN(const Value ones, c.Cast(truths, DType::kI32));
  return c.Make("sum", {ones, c.Vector({0})}, {{"keep_dims", 0}});
}

// Where a histogram's parts begin, and the last one's end: float32 [bins + 1].
Result<Value> EdgesOf(LayerContext& c, Value least, Value most, int32_t bins) {
  std::vector<float> steps;
  for (int32_t i = 0; i < bins; ++i) steps.push_back(static_cast<float>(i));
  OCTET_ASSIGN(Value width, c.Make("sub", {most, least}));
  OCTET_ASSIGN(width, Times(c, width, 1.0f / static_cast<float>(bins)));
  OCTET_ASSIGN(Value edges, c.Make("mul", {width, c.Constant<float>(Shape{bins}, steps)}));
  OCTET_ASSIGN(edges, c.Make("add", {least, edges}));
  OCTET_ASSIGN(const Value end, c.Make("reshape", {most, c.Vector({1})}));
  return c.Make("concatenation", {edges, end}, {{"axis", 0}});
}

// How many numbers of a row lie in each of as many equal parts of a range: those at or above where it begins, without those that are so of the next one,
// or above the last one's end.
Status ConvertHistogram(LayerContext& c) {
  OCTET_ASSIGN(const Value given, Tensor(c));
  const DType own = c.type(given).dtype;
  const int64_t bins = c.Int("bins", 10);
  constexpr int64_t kMost = 1 << 16;
  if (c.rank(given) != 1 || bins < 1 || bins > kMost)
    return c.Fail(Format("a row of numbers and 1 to %d bins", static_cast<int>(kMost)),
                  Format("%s and %lld", c.shape(given).text().c_str(), static_cast<long long>(bins)), "");
  OCTET_ASSIGN(const Value x, c.Cast(given, DType::kF32));
  const std::vector<double> range = c.Numbers("range", {});
  Value least, most;
  if (range.size() == 2) {
    least = c.Scalar(static_cast<float>(range[0]));
    most = c.Scalar(static_cast<float>(range[1]));
  } else {
    OCTET_ASSIGN(least, c.Make("reduce_min", {x, c.Vector({0})}, {{"keep_dims", 0}}));
    OCTET_ASSIGN(most, c.Make("reduce_max", {x, c.Vector({0})}, {{"keep_dims", 0}}));
  }
  const auto n = static_cast<int32_t>(bins);
  OCTET_ASSIGN(Value edges, EdgesOf(c, least, most, n));
  OCTET_ASSIGN(const Value ends, c.Cast(edges, own));
  OCTET_ASSIGN(edges, c.Cast(ends, DType::kF32));
  OCTET_ASSIGN(const Value column, c.Make("expand_dims", {x, c.Vector({1})}));
  OCTET_ASSIGN(const Value begins, c.Make("slice", {edges, c.Vector({0}), c.Vector({n})}));
  OCTET_ASSIGN(Value from, c.Make("greater_equal", {column, begins}));
  OCTET_ASSIGN(from, CountTrue(c, from));
  OCTET_ASSIGN(Value beyond, c.Make("greater", {column, most}));
  OCTET_ASSIGN(beyond, CountTrue(c, beyond));
  OCTET_ASSIGN(const Value next, c.Make("slice", {from, c.Vector({1}), c.Vector({n - 1})}));
  OCTET_ASSIGN(Value to, n > 1 ? c.Make("concatenation", {next, beyond}, {{"axis", 0}}) : Result<Value>(beyond));
  OCTET_ASSIGN(to, c.Make("sub", {from, to}));
  OCTET_ASSIGN(to, c.Cast(to, own));
  c.SetOutput(0, to);
  c.SetOutput(1, ends);
  return {};
}

constexpr LayerRule kRules[] = {
    {"ops.SegmentSum", ConvertSegment}, {"ops.SegmentMax", ConvertSegment}, {"ops.SegmentMin", ConvertSegment}, {"ops.SegmentProd", ConvertSegment},
    {"ops.IsIn", ConvertIsIn}, {"ops.Bincount", ConvertBincount}, {"ops.Nonzero", ConvertNonzero}, {"ops.Unique", ConvertUnique},
    {"ops.Histogram", ConvertHistogram}};

}  // namespace

Status ConvertNonzero(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x", "condition"}, DType::kBool));
  OCTET_ASSIGN(x, c.Cast(x, DType::kBool));
  const int rank = c.rank(x);
  if (rank == 0) return c.Fail("a tensor of at least one dimension", "a scalar", "reshape it before");
  const TensorType places{DType::kI64, Shape{kUnknown, rank}, {}};
  OCTET_ASSIGN(Value at, c.EmitAs("where", std::span(&x, 1), nullptr, places));
  c.construction().Refine(at, places);
  OCTET_ASSIGN(at, c.Cast(at, DType::kI32));
  for (int i = 0; i < rank; ++i) {
    OCTET_ASSIGN(const Value column, c.Make("gather", {at, Int(c, i)}, {{"axis", 1}}));
    c.SetOutput(i, column);
  }
  return {};
}

const std::span<const LayerRule> kCountingRules = kRules;

}  // namespace octet::importers::keras
