// SPDX-License-Identifier: Apache-2.0
// Placing rows by index, and reducing the rows of segments.
#include <algorithm>
#include <set>

#include "importers/lowerings/selection.h"
#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

Value WithShape(NodeContext& c, Value v, const Shape& shape) {
  c.Refine(v, {c.type(v).dtype, shape, {}});
  return v;
}

template <Scatter How> Status ConvertTensorScatter(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  if (!Ready(in) || in.size() < 3) return {};
  return Set(c, ScatterInto(c, in[0], in[1], in[2], How));
}

// Of the leading dimensions, the position of indices [n, depth] in all of them: sum_k at[k] * (rows of one step of k).
Result<Value> PositionsOf(NodeContext& c, Value at, const Shape& s, int32_t depth) {
  OCTET_ASSIGN(at, c.Cast(at, DType::kI32));
  if (depth == 1) return c.Make("reshape", {at, c.Vector({-1})});
  std::vector<int32_t> steps(static_cast<size_t>(depth), 1);
  for (int k = depth - 2; k >= 0; --k) steps[static_cast<size_t>(k)] = steps[static_cast<size_t>(k) + 1] * s[k + 1];
  OCTET_ASSIGN(const Value weighted, c.Make("mul", {at, c.Vector(steps)}));
  return c.Make("sum", {weighted, c.Vector({1})}, {{"keep_dims", 0}});
}

// Segments that no row belongs to hold the least (or largest) number, which leaves the tensor's own.
Status ConvertTensorScatterExtreme(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  if (!Ready(in) || in.size() < 3) return {};
  const Shape at = c.shape(in[1]), s = c.shape(in[0]);
  const int32_t depth = at.rank() == 2 ? at[1] : 0;
  if (depth < 1 || depth > s.rank() || std::ranges::count(s.dims().first(static_cast<size_t>(depth)), kUnknown) > 0 || s.elements(0, depth) < 1 ||
      s.elements(0, depth) > INT32_MAX)
    return c.Fail("indices of rows of known number", at.text(), "");
  OCTET_ASSIGN(const Value ids, PositionsOf(c, in[1], s, depth));
  const bool most = c.kind() == "TensorScatterMax";
  OCTET_ASSIGN(Value rows,
               c.Make(most ? "unsorted_segment_max" : "unsorted_segment_min", {in[2], ids, c.ScalarInt(static_cast<int32_t>(s.elements(0, depth)))}));
  if (depth > 1) {
    OCTET_ASSIGN(rows, c.Make("reshape", {rows, c.Vector(std::vector<int32_t>(s.dims().begin(), s.dims().end()))}));
  }
  return Set(c, c.Make(most ? "maximum" : "minimum", {in[0], rows}));
}

// InplaceUpdate, Add, Sub: x, places of rows, rows.
template <Scatter How> Status ConvertInplace(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  if (!Ready(in) || in.size() < 3) return {};
  OCTET_ASSIGN(Value at, c.Cast(in[1], DType::kI32));
  OCTET_ASSIGN(at, c.Make("expand_dims", {at, c.ScalarInt(-1)}));
  return Set(c, ScatterInto(c, in[0], at, in[2], How));
}

// XlaDynamicUpdateSlice: input, update, first position. XlaDynamicSlice: input, first position, sizes.
Status ConvertXlaUpdate(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  if (!Ready(in) || in.size() < 3) return {};
  OCTET_ASSIGN(const Value at, c.Cast(in[2], DType::kI32));
  return Set(c, c.Make("dynamic_update_slice", {in[0], in[1], at}));
}
// A slice that would end outside begins earlier.
Status ConvertXlaSlice(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  std::vector<int64_t> sizes;
  if (!Ready(in) || in.size() < 3) return {};
  const Shape s = c.shape(in[0]);
  if (!c.IntsOf(2, &sizes) || static_cast<int>(sizes.size()) != s.rank() || !s.known()) return c.Fail("known sizes", s.text(), "");
  std::vector<int32_t> size, most;
  for (int i = 0; i < s.rank(); ++i) {
    size.push_back(static_cast<int32_t>(std::clamp<int64_t>(sizes[static_cast<size_t>(i)], 0, s[i])));
    most.push_back(s[i] - size.back());
  }
  OCTET_ASSIGN(Value at, c.Cast(in[1], DType::kI32));
  OCTET_ASSIGN(at, c.Make("minimum", {at, c.Vector(most)}));
  OCTET_ASSIGN(at, c.Make("maximum", {at, c.ScalarInt(0)}));
  return Set(c, c.Make("slice", {in[0], at, c.Vector(size)}));
}

// ------------------------------------------------------------------------------- segments

Shape Rows(const Shape& data, int ids_rank, int32_t count) {
  Shape s{count};
  for (int i = ids_rank; i < data.rank(); ++i) s.push_back(data[i]);
  return s;
}

// UnsortedSegmentSum, Max, Min, Prod and SegmentSumV2, MaxV2, MinV2, ProdV2: data, ids, count.
Status ConvertUnsorted(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  if (!Ready(in) || in.size() < 3) return {};
  const auto is = [&](std::string_view what) { return c.kind().find(what) != std::string_view::npos; };
  const char* op = is("Sum") ? "unsorted_segment_sum" : is("Max") ? "unsorted_segment_max" : is("Min") ? "unsorted_segment_min" : "unsorted_segment_prod";
  std::vector<int64_t> known;
  const bool fixed = c.IntsOf(2, &known) && known.size() == 1 && known[0] >= 0 && known[0] <= INT32_MAX;
  OCTET_ASSIGN(const Value ids, c.Cast(in[1], DType::kI32));
  OCTET_ASSIGN(Value count, c.Cast(in[2], DType::kI32));
  if (fixed) count = c.ScalarInt(static_cast<int32_t>(known[0]));
  OCTET_ASSIGN(const Value y, c.Make(op, {in[0], ids, count}));
  return Set(c, WithShape(c, y, Rows(c.shape(in[0]), c.rank(ids), fixed ? static_cast<int32_t>(known[0]) : kUnknown)));
}

// Ids rise: the last one says how many segments there are.
Result<Value> CountOf(NodeContext& c, Value ids) {
  OCTET_ASSIGN(Value last, c.Make("reduce_max", {ids, c.Vector({0})}, {{"keep_dims", 0}}));
  OCTET_ASSIGN(last, c.Make("maximum", {last, c.ScalarInt(-1)}));  // Where there are none at all.
  return c.Make("add", {last, c.ScalarInt(1)});
}

// `segment_sum` is for ids without gaps, which computed ones may have.
Result<Value> Segments(NodeContext& c, const char* op, Value data, Value ids, Value count) {
  OCTET_ASSIGN(const Value y, c.Make(op, {data, ids, count}));
  const std::span<const int32_t> known = c.data_as<int32_t>(count);
  return WithShape(c, y, Rows(c.shape(data), 1, known.size() == 1 && known[0] >= 0 ? known[0] : kUnknown));
}

bool WithoutGaps(std::span<const int32_t> ids) {
  for (size_t i = 0; i < ids.size(); ++i) {
    const int32_t before = i == 0 ? 0 : ids[i - 1];
    if (ids[i] != before && (i == 0 || ids[i] != before + 1)) return false;
  }
  return !ids.empty();
}

// How many rows of data each segment has, in a shape that goes with the segments.
Result<Value> RowsPerSegment(NodeContext& c, Value data, Value ids, Value segments) {
  OCTET_ASSIGN(Value ones, c.Make("equal", {ids, ids}));
  OCTET_ASSIGN(ones, c.Cast(ones, DType::kF32));
  OCTET_ASSIGN(const Value count, Segments(c, "unsorted_segment_sum", ones, ids, segments));
  if (c.rank(data) < 2) return count;
  std::vector<int32_t> dims(static_cast<size_t>(c.rank(data)), 1);
  dims[0] = -1;
  return c.ReshapeTo(count, dims);
}

Result<Value> SegmentMean(NodeContext& c, Value data, Value ids, Value segments, bool root) {
  OCTET_ASSIGN(const Value sum, Segments(c, "unsorted_segment_sum", data, ids, segments));
  OCTET_ASSIGN(Value count, RowsPerSegment(c, data, ids, segments));
  OCTET_ASSIGN(count, c.Make("maximum", {count, c.Scalar(1)}));
  if (root) {
    OCTET_ASSIGN(count, c.Make("sqrt", {count}));
  }
  return c.Make("div", {sum, count});
}

// Of no rows it is 0, where the operator has the lowest or largest number of the type.
Result<Value> SegmentExtreme(NodeContext& c, const char* op, Value data, Value ids, Value segments) {
  OCTET_ASSIGN(const Value y, Segments(c, op, data, ids, segments));
  if (WithoutGaps(c.data_as<int32_t>(ids))) return y;
  OCTET_ASSIGN(const Value count, RowsPerSegment(c, data, ids, segments));
  OCTET_ASSIGN(const Value none, c.Make("equal", {count, c.Scalar(0)}));
  OCTET_ASSIGN(const Value zero, c.Cast(c.Scalar(0), c.type(y).dtype));
  return c.Make("select_v2", {none, zero, y});
}

// SegmentSum, Max, Min, Prod, Mean: data, ids. Sparse: data, which rows, ids, and perhaps the number of segments.
Status ConvertSegment(NodeContext& c) {
  const bool sparse = c.kind().starts_with("Sparse"), counted = c.kind().ends_with("WithNumSegments");
  const size_t operands = 2 + size_t{sparse} + size_t{counted};
  const std::vector<Value> in = c.Inputs(static_cast<int>(operands));
  if (!Ready(in)) return {};
  std::string_view what = c.kind().substr(sparse ? 13 : 7);
  what = what.substr(0, what.find("WithNumSegments"));
  Value data = in[0], count;
  OCTET_ASSIGN(const Value ids, c.Cast(in[sparse ? 2 : 1], DType::kI32));
  if (sparse) {
    OCTET_ASSIGN(data, c.Make("gather", {data, in[1]}, {{"axis", 0}}));
  }
  if (what == "Sum" && !counted && WithoutGaps(c.data_as<int32_t>(ids))) return Set(c, c.Make("segment_sum", {data, ids}));
  if (counted) {
    OCTET_ASSIGN(count, c.Cast(in[3], DType::kI32));
  } else {
    OCTET_ASSIGN(count, CountOf(c, ids));
  }
  if (what == "Mean" || what == "SqrtN") return Set(c, SegmentMean(c, data, ids, count, what == "SqrtN"));
  if (what == "Max" || what == "Min") return Set(c, SegmentExtreme(c, what == "Max" ? "unsorted_segment_max" : "unsorted_segment_min", data, ids, count));
  return Set(c, Segments(c, what == "Sum" ? "unsorted_segment_sum" : "unsorted_segment_prod", data, ids, count));
}

// ---------------------------------------------------------------------------------- others

// indices, shape, values, default
Status ConvertSparseToDense(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  if (!Ready(in) || in.size() < 4) return {};
  const Partial* dims = c.Known(1);
  OCTET_ASSIGN(const Value y, c.Make("sparse_to_dense", {in[0], in[1], in[2], in[3]}));
  if (dims) return Set(c, WithShape(c, y, Shape(dims->dims())));
  // As many axes as each place has numbers.
  const Shape &places = c.shape(in[0]), &sizes = c.shape(in[1]);
  const int32_t rank = sizes.rank() == 1 && sizes[0] > 0 ? sizes[0] : places.rank() == 2 ? places[1] : kUnknown;
  if (rank > kMaxRank) return c.Fail("at most 8 dimensions", std::to_string(rank), "");
  Shape open;
  for (int32_t i = 0; i < rank; ++i) open.push_back(kUnknown);
  if (rank > 0) c.Refine(y, {c.type(in[2]).dtype, open, {}});
  return Set(c, y);
}

// indices, values, shape -> the tensor they stand for; indices that occur twice are summed.
Result<Value> Densified(NodeContext& c, int first) {
  Value indices = c.Input(first);
  const Value values = c.Input(first + 1);
  if (!indices || !values || !c.Input(first + 2)) return Value{};
  OCTET_ASSIGN(indices, c.Cast(indices, DType::kI32));
  OCTET_ASSIGN(const Value shape, c.Cast(c.Input(first + 2), DType::kI32));
  OCTET_ASSIGN(const Value y, c.Make("scatter_nd", {indices, values, shape}));
  const Partial* dims = c.Known(first + 2);
  return dims ? WithShape(c, y, Shape(dims->dims())) : y;
}

// sparse [m, k] times dense [k, n]
Status ConvertSparseProduct(NodeContext& c) {
  OCTET_ASSIGN(const Value a, Densified(c, 0));
  const Value b = c.Input(3);
  if (!a || !b) return {};
  return Set(c, c.Make("batch_matmul", {a, b}, {{"adj_x", int64_t{c.Bool("adjoint_a", false)}}, {"adj_y", int64_t{c.Bool("adjoint_b", false)}}}));
}

// indices, values, shape, axes
Status ConvertSparseReduce(NodeContext& c) {
  OCTET_ASSIGN(const Value x, Densified(c, 0));
  std::vector<int64_t> axes;
  if (!x) return {};
  if (c.kind() != "SparseReduceSum") return c.Fail("SparseReduceSum", std::string(c.kind()), "");  // Cells without a number count for nothing in sums only.
  if (!c.IntsOf(3, &axes)) return c.Fail("known axes", "computed ones", "");
  return Set(c, c.Make("sum", {x, c.Vector(std::vector<int32_t>(axes.begin(), axes.end()))}, {{"keep_dims", int64_t{c.Bool("keep_dims", false)}}}));
}

// y[x[i]] = i
Status ConvertInvertPermutation(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  if (c.rank(x) != 1 || c.shape(x)[0] == kUnknown) return c.Fail("a permutation of known length", c.shape(x).text(), "");
  std::vector<int32_t> numbers(static_cast<size_t>(c.shape(x)[0]));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int32_t>(i);
  OCTET_ASSIGN(Value at, c.Cast(x, DType::kI32));
  OCTET_ASSIGN(at, c.Make("expand_dims", {at, c.ScalarInt(1)}));
  OCTET_ASSIGN(const Value y, c.Make("scatter_nd", {at, c.Vector(numbers), c.Vector({c.shape(x)[0]})}));
  return Set(c, c.Cast(y, c.type(x).dtype));
}

// indices 0..n-1 then data 0..n-1: row indices[k][i] is data[k][i]; the last one of several counts.
// Whether the first n inputs are the parts of one list of 0, 1, 2, ...: each number stands in one of them, once.
bool ArePartsOfRange(NodeContext& c, size_t n) {
  const auto& inputs = c.node().inputs;
  const auto node = [&](const Edge& e) { return e.node < 0 ? nullptr : &c.builder().functions().node(e.node); };
  const FlatNode* parts = node(inputs[0]);
  if (!parts || !parts->def || parts->def->op != "DynamicPartition" || parts->inputs.empty()) return false;
  const FlatNode* list = node(parts->inputs[0]);
  if (!list || !list->def || list->def->op != "Range" || parts->inputs.size() != 2) return false;
  const Partial* first = list->inputs.empty() ? nullptr : c.builder().PartialOf(list->inputs[0]);
  if (!first || !first->known() || first->v.size() != 1 || first->v[0].i != 0) return false;
  std::set<int32_t> outputs;
  for (size_t k = 0; k < n; ++k)
    if (inputs[k].node != inputs[0].node || !outputs.insert(inputs[k].output).second) return false;
  NodeContext own(c.builder(), inputs[0].node);
  return static_cast<int64_t>(n) == own.Int("num_partitions", 1);
}

// Rows back at the places that they were taken from.
Result<Value> PutBack(NodeContext& c, const std::vector<Value>& in, size_t n) {
  const auto joined = [&](size_t first) {
    const std::vector<Value> parts(in.begin() + static_cast<std::ptrdiff_t>(first), in.begin() + static_cast<std::ptrdiff_t>(first + n));
    return n == 1 ? Result<Value>(parts[0]) : c.Make("concatenation", parts, {{"axis", 0}});
  };
  OCTET_ASSIGN(Value at, joined(0));
  OCTET_ASSIGN(const Value rows, joined(n));
  const Shape s = c.shape(rows);
  if (c.rank(at) != 1 || s.rank() < 1 || std::ranges::count(s.dims().subspan(1), kUnknown) > 0)
    return c.Fail("rows of known size", s.text(), "use tf.scatter_nd");
  OCTET_ASSIGN(at, c.Cast(at, DType::kI32));
  OCTET_ASSIGN(Value dims, c.Make("shape", {at}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  if (s.rank() > 1) {
    OCTET_ASSIGN(dims, c.Make("concatenation", {dims, c.Vector(std::vector<int32_t>(s.dims().begin() + 1, s.dims().end()))}, {{"axis", 0}}));
  }
  OCTET_ASSIGN(const Value places, c.Make("expand_dims", {at, c.ScalarInt(1)}));
  OCTET_ASSIGN(const Value y, c.Make("scatter_nd", {places, rows, dims}));
  Shape whole = s;
  whole[0] = kUnknown;
  return WithShape(c, y, whole);
}

Status ConvertDynamicStitch(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  if (!Ready(in) || in.empty() || in.size() % 2) return {};
  const size_t n = in.size() / 2;
  if (ArePartsOfRange(c, n)) return Set(c, PutBack(c, in, n));
  std::vector<Value> rows;
  std::vector<int32_t> from;  // By place in the result.
  int32_t next = 0;
  for (size_t k = 0; k < n; ++k) {
    std::vector<int64_t> at;
    if (!c.IntsOf(static_cast<int>(k), &at)) return c.Fail("known indices", "computed ones", "use tf.scatter_nd");
    const int rank = c.rank(in[k]);
    std::vector<int32_t> dims = {static_cast<int32_t>(at.size())};
    for (int i = rank; i < c.rank(in[n + k]); ++i) dims.push_back(c.shape(in[n + k])[i]);
    OCTET_ASSIGN(const Value flat, c.ReshapeTo(in[n + k], dims));
    rows.push_back(flat);
    for (const int64_t i : at) {
      if (i < 0 || i > (1 << 24)) return c.Fail("indices from 0", std::to_string(i), "");
      if (from.size() <= static_cast<size_t>(i)) from.resize(static_cast<size_t>(i) + 1, 0);
      from[static_cast<size_t>(i)] = next++;
    }
  }
  Value all = rows[0];
  if (n > 1) {
    OCTET_ASSIGN(all, c.Make("concatenation", rows, {{"axis", 0}}));
  }
  return Set(c, c.Make("gather", {all, c.Vector(from)}, {{"axis", 0}}));
}

// Output i: the rows whose partition is i.
Status ConvertDynamicPartition(NodeContext& c) {
  const Value data = c.Input(0), part = c.Input(1);
  if (!data || !part) return {};
  const auto count = static_cast<int32_t>(c.Int("num_partitions", 1));
  if (c.rank(part) != 1 || count < 1 || count > 256) return c.Fail("a vector of partitions", c.shape(part).text(), "");
  for (int32_t i = 0; i < count; ++i) {
    OCTET_ASSIGN(const Value mine, c.Make("equal", {part, c.ScalarInt(i)}));
    OCTET_ASSIGN(Value rows, c.EmitAs("where", std::span(&mine, 1), nullptr, {DType::kI64, {}, {}}));
    rows = WithShape(c, rows, Shape{kUnknown, 1});
    OCTET_ASSIGN(rows, c.Make("reshape", {rows, c.Vector({-1})}));
    OCTET_ASSIGN(const Value y, c.Make("gather", {data, rows}, {{"axis", 0}}));
    c.SetOutput(i, y);
  }
  return {};
}

// The elements of x that are not in y, and where they are. Constants in the shapes of TensorFlow's own functions.
Status ConvertListDiff(NodeContext& c) {
  const Value x = c.Input(0), y = c.Input(1);
  const DType index = c.Has("out_idx") ? c.Type("out_idx") : DType::kI32;
  if (!x || !y) return {};
  if (c.rank(x) != 1 || c.rank(y) != 1) return c.Fail("two vectors", c.shape(x).text() + " and " + c.shape(y).text(), "");
  OCTET_ASSIGN(const Value column, c.Make("reshape", {x, c.Vector({-1, 1})}));
  OCTET_ASSIGN(Value found, c.Make("equal", {column, y}));
  OCTET_ASSIGN(found, c.Make("reduce_any", {found, c.Vector({1})}));
  OCTET_ASSIGN(found, c.Make("logical_not", {found}));
  OCTET_ASSIGN(Value at, c.EmitAs("where", std::span(&found, 1), nullptr, {DType::kI64, {}, {}}));
  at = WithShape(c, at, Shape{kUnknown, 1});
  OCTET_ASSIGN(at, c.Make("reshape", {at, c.Vector({-1})}));
  OCTET_ASSIGN(const Value rest, c.Make("gather", {x, at}, {{"axis", 0}}));
  OCTET_ASSIGN(at, c.Cast(at, index));
  c.SetOutput(0, rest);
  c.SetOutput(1, at);
  return {};
}

Status ConvertUnique(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  std::vector<int64_t> axis;
  if (c.kind() == "UniqueV2" && (!c.IntsOf(1, &axis) || (!axis.empty() && c.rank(x) != 1)))
    return c.Fail("the elements of a vector", "slices along an axis", "");
  const DType index = c.Has("out_idx") ? c.Type("out_idx") : DType::kI32;
  const ops::OpDef& def = *ops::Find("unique");
  graph::Attributes attrs(def.attrs);
  for (const ops::AttrRow& row : def.attrs.rows)
    if (row.name == "idx_out_type") *static_cast<DType*>(row.at(attrs.get())) = index;
  OCTET_ASSIGN(const std::vector<Value> y,
               c.EmitNode("unique", std::span(&x, 1), attrs.get(), {{c.type(x).dtype, Shape{kUnknown}, {}}, {index, c.shape(x), {}}}));
  c.SetOutput(0, WithShape(c, y[0], Shape{kUnknown}));
  c.SetOutput(1, WithShape(c, y[1], c.shape(x)));
  if (c.kind() != "UniqueWithCounts") return {};
  OCTET_ASSIGN(const Value ids, c.Cast(y[1], DType::kI32));
  OCTET_ASSIGN(Value ones, c.Make("equal", {ids, ids}));
  OCTET_ASSIGN(ones, c.Cast(ones, DType::kI32));
  OCTET_ASSIGN(Value size, c.Make("shape", {y[0]}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(size, c.Make("gather", {size, c.ScalarInt(0)}, {{"axis", 0}}));
  OCTET_ASSIGN(Value counts, c.Make("unsorted_segment_sum", {ones, ids, size}));
  counts = WithShape(c, counts, Shape{kUnknown});
  OCTET_ASSIGN(counts, c.Cast(counts, index));
  c.SetOutput(2, counts);
  return {};
}

// The whole number at an edge lies between these.
struct Bounds {
  int64_t least = INT64_MIN, most = INT64_MAX;
};
Bounds BoundsOf(NodeContext& c, const Edge& edge, int depth) {
  constexpr int kDeepest = 8;
  if (const Partial* p = c.builder().PartialOf(edge); p && p->known() && p->whole() && p->v.size() == 1) return {p->v[0].i, p->v[0].i};
  if (edge.node < 0 || depth > kDeepest) return {};
  const FlatNode& n = c.builder().functions().node(edge.node);
  if (!n.def || n.inputs.size() != 2 || (n.def->op != "Minimum" && n.def->op != "Maximum")) return {};
  const Bounds a = BoundsOf(c, n.inputs[0], depth + 1), b = BoundsOf(c, n.inputs[1], depth + 1);
  if (n.def->op == "Minimum") return {std::min(a.least, b.least), std::min(a.most, b.most)};
  return {std::max(a.least, b.least), std::max(a.most, b.most)};
}

// values, size, weights: how often each number below `size` occurs (in every row), or whether it does.
Status ConvertBincount(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  if (!Ready(in) || in.size() < 3) return {};
  const auto [size, most] = BoundsOf(c, c.node().inputs[1], 0);  // Keras says max(size, ...) and min(size, ...).
  const bool computed = size != most;
  if (computed ? c.rank(in[1]) != 0 : size < 1 || size > (1 << 24))
    return c.Fail("a size of 1 to 2^24", computed ? c.shape(in[1]).text() : std::to_string(size), "give minlength and maxlength");
  Value x = in[0];
  if (c.kind() == "Bincount" && c.rank(x) != 1) {
    OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector({-1})}));
  }
  const int axis = c.rank(x) - 1;
  if (axis < 0 || axis > 1) return c.Fail("a vector or rows of numbers", c.shape(x).text(), "");
  OCTET_ASSIGN(x, c.Cast(x, DType::kI32));
  const DType wanted = c.type(in[2]).dtype;
  Value depth;
  if (computed) {
    OCTET_ASSIGN(depth, c.Cast(in[1], DType::kI32));
  } else {
    depth = c.ScalarInt(static_cast<int32_t>(size));
  }
  OCTET_ASSIGN(Value y, c.Make("one_hot", {x, depth, c.Scalar(1), c.Scalar(0)}, {{"axis", -1}}));
  if (computed) c.Refine(y, {DType::kF32, axis == 0 ? Shape{c.shape(x)[0], kUnknown} : Shape{c.shape(x)[0], c.shape(x)[1], kUnknown}, {}});
  const bool weighted = !(c.shape(in[2]).known() && c.shape(in[2]).elements() == 0);
  if (weighted) {
    OCTET_ASSIGN(Value w, c.Cast(in[2], DType::kF32));
    OCTET_ASSIGN(w, c.Make("expand_dims", {w, c.ScalarInt(-1)}));
    OCTET_ASSIGN(y, c.Make("mul", {y, w}));
  }
  const bool binary = c.Bool("binary_output", false);
  OCTET_ASSIGN(y, c.Make(binary ? "reduce_max" : "sum", {y, c.Vector({axis})}, {{"keep_dims", 0}}));
  return Set(c, c.Cast(y, wanted));
}

// values, [least, most], bins: how many numbers lie in each of as many equal parts.
Status ConvertHistogram(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  std::vector<int64_t> bins;
  if (!Ready(in) || in.size() < 3) return {};
  if (!c.IntsOf(2, &bins) || bins.size() != 1 || bins[0] < 1 || bins[0] > (1 << 20)) return c.Fail("a known number of bins", "a computed one", "");
  const DType type = c.Has("dtype") ? c.Type("dtype") : DType::kI32;
  OCTET_ASSIGN(const Value least, c.Make("gather", {in[1], c.ScalarInt(0)}, {{"axis", 0}}));
  OCTET_ASSIGN(Value width, c.Make("gather", {in[1], c.ScalarInt(1)}, {{"axis", 0}}));
  OCTET_ASSIGN(width, c.Make("sub", {width, least}));
  OCTET_ASSIGN(Value at, c.Make("sub", {in[0], least}));
  OCTET_ASSIGN(at, c.Make("div", {at, width}));
  OCTET_ASSIGN(at, c.Make("mul", {at, c.Scalar(static_cast<float>(bins[0]))}));
  OCTET_ASSIGN(at, c.Make("floor", {at}));
  OCTET_ASSIGN(at, c.Make("maximum", {at, c.Scalar(0)}));
  OCTET_ASSIGN(at, c.Make("minimum", {at, c.Scalar(static_cast<float>(bins[0] - 1))}));
  OCTET_ASSIGN(at, c.Cast(at, DType::kI32));
  OCTET_ASSIGN(at, c.Make("reshape", {at, c.Vector({-1})}));
  OCTET_ASSIGN(Value y, c.Make("one_hot", {at, c.ScalarInt(static_cast<int32_t>(bins[0])), c.Scalar(1), c.Scalar(0)}, {{"axis", -1}}));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector({0})}, {{"keep_dims", 0}}));
  return Set(c, c.Cast(y, type));
}

constexpr NodeRule kRules[] = {
    {"TensorScatterUpdate", ConvertTensorScatter<Scatter::kUpdate>}, {"TensorScatterAdd", ConvertTensorScatter<Scatter::kAdd>},
    {"TensorScatterSub", ConvertTensorScatter<Scatter::kSub>}, {"XlaDynamicUpdateSlice", ConvertXlaUpdate}, {"XlaDynamicSlice", ConvertXlaSlice},
    {"TensorScatterMax", ConvertTensorScatterExtreme}, {"TensorScatterMin", ConvertTensorScatterExtreme}, {"UnsortedSegmentSum", ConvertUnsorted},
    {"UnsortedSegmentMax", ConvertUnsorted}, {"UnsortedSegmentMin", ConvertUnsorted}, {"UnsortedSegmentProd", ConvertUnsorted},
    {"SegmentSumV2", ConvertUnsorted}, {"SegmentMaxV2", ConvertUnsorted}, {"SegmentMinV2", ConvertUnsorted}, {"SegmentProdV2", ConvertUnsorted},
    {"ScatterNdNonAliasingAdd", ConvertTensorScatter<Scatter::kAdd>}, {"InplaceUpdate", ConvertInplace<Scatter::kUpdate>},
    {"InplaceAdd", ConvertInplace<Scatter::kAdd>}, {"InplaceSub", ConvertInplace<Scatter::kSub>}, {"SegmentSum", ConvertSegment},
    {"SegmentMax", ConvertSegment}, {"SegmentMin", ConvertSegment}, {"SegmentProd", ConvertSegment}, {"SegmentMean", ConvertSegment},
    {"SparseSegmentSum", ConvertSegment}, {"SparseSegmentMean", ConvertSegment}, {"SparseSegmentSqrtN", ConvertSegment},
    {"SparseSegmentSumWithNumSegments", ConvertSegment}, {"SparseSegmentMeanWithNumSegments", ConvertSegment},
    {"SparseSegmentSqrtNWithNumSegments", ConvertSegment}, {"SparseToDense", ConvertSparseToDense}, {"SparseTensorDenseMatMul", ConvertSparseProduct},
    {"SparseReduceSum", ConvertSparseReduce}, {"InvertPermutation", ConvertInvertPermutation}, {"DynamicStitch", ConvertDynamicStitch},
    {"ParallelDynamicStitch", ConvertDynamicStitch}, {"DynamicPartition", ConvertDynamicPartition}, {"Unique", ConvertUnique}, {"UniqueV2", ConvertUnique},
    {"UniqueWithCounts", ConvertUnique}, {"ListDiff", ConvertListDiff}, {"DenseBincount", ConvertBincount}, {"Bincount", ConvertBincount},
    {"HistogramFixedWidth", ConvertHistogram}};

}  // namespace

const std::span<const NodeRule> kScatterRules = kRules;

}  // namespace octet::importers::savedmodel
