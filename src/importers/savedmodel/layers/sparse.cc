// SPDX-License-Identifier: Apache-2.0
// Sparse tensors as what they consist of: places [n, rank], values [n] and a shape [rank]. Places are in the order of rows, as
// TensorFlow's own ops make them and tf.nn.embedding_lookup_sparse wants them. Ragged ones, too.
#include <algorithm>

#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

Result<Value> Flat(NodeContext& c, Value v) { return c.Make("reshape", {v, c.Vector({-1})}); }

// Column `i` of the places.
Result<Value> Column(NodeContext& c, Value places, int32_t i) { return c.Make("gather", {places, c.ScalarInt(i)}, {{"axis", 1}}); }

Result<Value> RunningSum(NodeContext& c, Value x) { return c.Make("cumsum", {x, c.ScalarInt(0)}, {{"exclusive", 1}}); }

// Where everything goes when each empty row gets an element: old elements and new ones, in the order of rows.
struct Filled {
  Value empty;              // Whether each row is, bool [rows].
  Value empty_rows;         // int64 [new].
  Value moved, added;       // Positions, int32 [old] and [new].
};

// With r = row of element i: it moves behind the elements of the empty rows before r, i + empty(r); the element of empty row e
// goes behind all of earlier rows, elements(e) + empty(e).
Result<Filled> Fill(NodeContext& c, Value places, Value shape) {
  Filled f;
  OCTET_ASSIGN(Value rows, c.Make("gather", {shape, c.ScalarInt(0)}, {{"axis", 0}}));
  OCTET_ASSIGN(rows, c.Cast(rows, DType::kI32));
  OCTET_ASSIGN(Value row, Column(c, places, 0));
  OCTET_ASSIGN(row, c.Cast(row, DType::kI32));
  OCTET_ASSIGN(Value ones, c.Make("equal", {row, row}));
  OCTET_ASSIGN(ones, c.Cast(ones, DType::kI32));
  OCTET_ASSIGN(const Value count, c.Make("unsorted_segment_sum", {ones, row, rows}));
  c.Refine(count, {DType::kI32, Shape{kUnknown}, {}});
  OCTET_ASSIGN(f.empty, c.Make("equal", {count, c.ScalarInt(0)}));
  OCTET_ASSIGN(const Value as_number, c.Cast(f.empty, DType::kI32));
  OCTET_ASSIGN(const Value empty_before, RunningSum(c, as_number));
  OCTET_ASSIGN(const Value shift, c.Make("gather", {empty_before, row}, {{"axis", 0}}));
  OCTET_ASSIGN(const Value order, RunningSum(c, ones));
  OCTET_ASSIGN(f.moved, c.Make("add", {order, shift}));
  OCTET_ASSIGN(const Value where, c.EmitAs("where", std::span(&f.empty, 1), nullptr, {DType::kI64, Shape{kUnknown, 1}, {}}));
  c.Refine(where, {DType::kI64, Shape{kUnknown, 1}, {}});
  OCTET_ASSIGN(f.empty_rows, Flat(c, where));
  OCTET_ASSIGN(const Value elements_before, RunningSum(c, count));
  OCTET_ASSIGN(const Value before, c.Make("add", {elements_before, empty_before}));
  OCTET_ASSIGN(f.added, c.Make("gather", {before, f.empty_rows}, {{"axis", 0}}));
  return f;
}

// Elements old and new where they go; of shape [old + new, width] or, for a width of 0, [old + new].
Result<Value> Place(NodeContext& c, Value positions, Value old, Value added, int32_t width) {
  OCTET_ASSIGN(const Value all, c.Make("concatenation", {old, added}, {{"axis", 0}}));
  OCTET_ASSIGN(const Value shape, c.Make("shape", {all}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(const Value y, c.Make("scatter_nd", {positions, all, shape}));
  c.Refine(y, {c.type(old).dtype, width > 0 ? Shape{kUnknown, width} : Shape{kUnknown}, {}});
  return y;
}

// places, values, shape, value of new elements -> places, values, which rows were empty, where the old elements went.
Status ConvertFillEmptyRows(NodeContext& c) {
  const std::vector<Value> in = c.Inputs(4);
  if (!Ready(in)) return {};
  const Shape places = c.shape(in[0]);
  if (places.rank() != 2 || places[1] < 1) return c.Fail("places of a known rank", places.text(), "");
  OCTET_ASSIGN(const Filled f, Fill(c, in[0], in[2]));
  OCTET_ASSIGN(Value positions, c.Make("concatenation", {f.moved, f.added}, {{"axis", 0}}));
  OCTET_ASSIGN(positions, c.Make("expand_dims", {positions, c.ScalarInt(1)}));
  // New elements are in column 0.
  OCTET_ASSIGN(Value added, c.Make("expand_dims", {f.empty_rows, c.ScalarInt(1)}));
  if (places[1] > 1) {
    const int32_t pads[] = {0, 0, 0, places[1] - 1};
    OCTET_ASSIGN(added, c.Make("pad", {added, c.Constant<int32_t>(Shape{2, 2}, pads)}));
  }
  OCTET_ASSIGN(const Value new_places, Place(c, positions, in[0], added, places[1]));
  OCTET_ASSIGN(const Value count, c.Make("shape", {f.empty_rows}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(const Value fill, c.Make("fill", {count, in[3]}));
  c.Refine(fill, {c.type(in[1]).dtype, Shape{kUnknown}, {}});
  OCTET_ASSIGN(const Value values, Place(c, positions, in[1], fill, 0));
  OCTET_ASSIGN(const Value moved, c.Cast(f.moved, DType::kI64));
  c.SetOutput(0, new_places);
  c.SetOutput(1, values);
  c.SetOutput(2, f.empty);
  c.SetOutput(3, moved);
  return {};
}

// Whether the new shape is [product of all dimensions but the last, the last], computed from the old one, as
// safe_embedding_lookup_sparse has it.
bool JoinsAllButLast(NodeContext& c, int rank) {
  const Functions& functions = c.builder().functions();
  const auto node = [&](const Edge& e) { return e.node >= 0 ? &functions.node(e.node) : nullptr; };
  const auto number = [&](const Edge& e, int64_t wanted) {
    const Partial* p = c.builder().PartialOf(e);
    return p && p->known() && p->whole() && p->v.size() == 1 && p->v[0].i == wanted;
  };
  const Edge shape = c.node().inputs[1];
  const FlatNode* pack = node(c.node().inputs[2]);
  if (!pack || !pack->def || pack->def->op != "Pack" || pack->inputs.size() != 2) return false;
  const FlatNode *product = node(pack->inputs[0]), *last = node(pack->inputs[1]);
  if (!product || !product->def || product->def->op != "Prod" || product->inputs.empty() || !last || !last->def || last->def->op != "GatherV2" ||
      last->inputs.size() < 2)
    return false;
  const FlatNode* slice = node(product->inputs[0]);
  return slice && slice->def && slice->def->op == "Slice" && slice->inputs.size() == 3 && slice->inputs[0] == shape && number(slice->inputs[1], 0) &&
         number(slice->inputs[2], rank - 1) && last->inputs[0] == shape && number(last->inputs[1], rank - 1);
}

// places, shape, new shape -> places, shape
Status ConvertReshape(NodeContext& c) {
  const std::vector<Value> in = c.Inputs(3);
  if (!Ready(in)) return {};
  const int rank = c.shape(in[0]).rank() == 2 ? c.shape(in[0])[1] : 0;
  if (rank < 2 || rank > kMaxRank || !JoinsAllButLast(c, rank))
    return c.Fail("all dimensions but the last joined", "another new shape", "use dense tensors: gather rows and sum them under a mask");
  c.SetOutput(1, in[2]);
  if (rank == 2) return c.SetOutput(0, in[0]), Status();
  OCTET_ASSIGN(Value row, Column(c, in[0], 0));
  for (int i = 1; i + 1 < rank; ++i) {
    OCTET_ASSIGN(const Value size, c.Make("gather", {in[1], c.ScalarInt(i)}, {{"axis", 0}}));
    OCTET_ASSIGN(const Value column, Column(c, in[0], i));
    OCTET_ASSIGN(row, c.Make("mul", {row, size}));
    OCTET_ASSIGN(row, c.Make("add", {row, column}));
  }
  OCTET_ASSIGN(const Value column, Column(c, in[0], rank - 1));
  const Value columns[] = {row, column};
  OCTET_ASSIGN(const Value y, c.Make("pack", columns, {{"axis", 1}, {"values_count", 2}}));
  c.SetOutput(0, y);
  return {};
}

// The elements in the order of rows: sorted by the number that each place has in the dense tensor.
Status Reorder(NodeContext& c, Value places, Value values, Value shape) {
  const Shape s = c.shape(places);
  if (s.rank() != 2 || s[1] < 1 || s[1] > kMaxRank) return c.Fail("places of a known rank", s.text(), "");
  OCTET_ASSIGN(Value number, Column(c, places, 0));
  for (int i = 1; i < s[1]; ++i) {
    OCTET_ASSIGN(const Value size, c.Make("gather", {shape, c.ScalarInt(i)}, {{"axis", 0}}));
    OCTET_ASSIGN(const Value column, Column(c, places, i));
    OCTET_ASSIGN(number, c.Make("mul", {number, size}));
    OCTET_ASSIGN(number, c.Make("add", {number, column}));
  }
  OCTET_ASSIGN(number, c.Make("neg", {number}));  // The largest come first.
  OCTET_ASSIGN(Value count, c.Make("shape", {number}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(count, c.Make("gather", {count, c.ScalarInt(0)}, {{"axis", 0}}));
  OCTET_ASSIGN(const std::vector<Value> sorted,
               c.EmitNode("topk_v2", std::vector<Value>{number, count}, nullptr, {c.type(number), {DType::kI32, c.shape(number), {}}}));
  for (int i = 0; i < 2; ++i) {
    OCTET_ASSIGN(const Value y, c.Make("gather", {i == 0 ? places : values, sorted[1]}, {{"axis", 0}}));
    c.SetOutput(i, y);
  }
  return {};
}

Status ConvertReorder(NodeContext& c) {
  const std::vector<Value> in = c.Inputs(3);
  return Ready(in) ? Reorder(c, in[0], in[1], in[2]) : Status();
}

// All places, all values, all shapes -> one sparse tensor, side by side along an axis.
Status ConvertConcat(NodeContext& c) {
  const std::vector<Value> in = c.Inputs(3);
  if (!Ready(in)) return {};
  const size_t count = in.size() / 3;
  const int rank = c.shape(in[0]).rank() == 2 ? c.shape(in[0])[1] : 0;
  if (rank < 1 || rank > kMaxRank) return c.Fail("places of a known rank", c.shape(in[0]).text(), "");
  OCTET_ASSIGN(const int32_t axis, c.AxisOf(c.Int("concat_dim", 0), rank));
  std::vector<int64_t> along(static_cast<size_t>(rank), 0);
  along[static_cast<size_t>(axis)] = 1;
  const Value only = c.Constant<int64_t>(Shape{rank}, along);
  std::vector<Value> places;
  Value before;  // Along the axis, zero elsewhere.
  for (size_t i = 0; i < count; ++i) {
    OCTET_ASSIGN(const Value moved, before ? c.Make("add", {in[i], before}) : Result<Value>(in[i]));
    places.push_back(moved);
    OCTET_ASSIGN(const Value size, c.Make("mul", {in[2 * count + i], only}));
    OCTET_ASSIGN(before, before ? c.Make("add", {before, size}) : Result<Value>(size));
  }
  std::ranges::for_each(along, [](int64_t& v) { v = 1 - v; });
  OCTET_ASSIGN(Value shape, c.Make("mul", {in[2 * count], c.Constant<int64_t>(Shape{rank}, along)}));
  OCTET_ASSIGN(shape, c.Make("add", {shape, before}));
  c.SetOutput(2, shape);
  OCTET_ASSIGN(const Value all, c.Make("concatenation", places, {{"axis", 0}}));
  OCTET_ASSIGN(const Value values, c.Make("concatenation", std::span(in).subspan(count, count), {{"axis", 0}}));
  return Reorder(c, all, values, shape);
}

// places, values, shape, first place, size -> what lies there.
Status ConvertSlice(NodeContext& c) {
  const std::vector<Value> in = c.Inputs(5);
  if (!Ready(in)) return {};
  OCTET_ASSIGN(const Value end, c.Make("add", {in[3], in[4]}));
  OCTET_ASSIGN(const Value behind, c.Make("greater_equal", {in[0], in[3]}));
  OCTET_ASSIGN(Value inside, c.Make("less", {in[0], end}));
  OCTET_ASSIGN(inside, c.Make("logical_and", {inside, behind}));
  OCTET_ASSIGN(inside, c.Make("reduce_all", {inside, c.Vector({1})}));
  OCTET_ASSIGN(Value where, c.EmitAs("where", std::span(&inside, 1), nullptr, {DType::kI64, Shape{kUnknown, 1}, {}}));
  c.Refine(where, {DType::kI64, Shape{kUnknown, 1}, {}});
  OCTET_ASSIGN(where, Flat(c, where));
  OCTET_ASSIGN(Value places, c.Make("gather", {in[0], where}, {{"axis", 0}}));
  OCTET_ASSIGN(places, c.Make("sub", {places, in[3]}));
  OCTET_ASSIGN(const Value values, c.Make("gather", {in[1], where}, {{"axis", 0}}));
  OCTET_ASSIGN(Value shape, c.Make("sub", {in[2], in[3]}));
  OCTET_ASSIGN(shape, c.Make("minimum", {shape, in[4]}));
  OCTET_ASSIGN(shape, c.Make("maximum", {shape, c.Constant<int64_t>(Shape{}, std::vector<int64_t>{0})}));
  c.SetOutput(0, places);
  c.SetOutput(1, values);
  c.SetOutput(2, shape);
  return {};
}

// ------------------------------------------------------------------ ragged
// Where rows end, values, numbers of rows -> the same of those rows. Value j of the result is in row r(j), as many rows end at or before
// it, and is value first(r) + j - begin(r) of the old ones.
Status ConvertRaggedGather(NodeContext& c) {
  const std::vector<Value> in = c.Inputs(3);
  if (!Ready(in)) return {};
  if (in.size() != 3 || c.rank(in[2]) != 1)
    return c.Fail("rows of one ragged dimension, and a vector of their numbers", std::to_string(in.size() - 2) + " ragged dimensions",
                  "pad sequences to one length before the model");
  OCTET_ASSIGN(const Value splits, c.Cast(in[0], DType::kI32));
  OCTET_ASSIGN(const Value rows, c.Cast(in[2], DType::kI32));
  OCTET_ASSIGN(const Value first, c.Make("gather", {splits, rows}, {{"axis", 0}}));
  OCTET_ASSIGN(Value ends, c.Make("add", {rows, c.ScalarInt(1)}));
  OCTET_ASSIGN(ends, c.Make("gather", {splits, ends}, {{"axis", 0}}));
  OCTET_ASSIGN(const Value lengths, c.Make("sub", {ends, first}));
  OCTET_ASSIGN(const Value until, c.Make("cumsum", {lengths, c.ScalarInt(0)}));
  OCTET_ASSIGN(const Value begin, c.Make("sub", {until, lengths}));
  OCTET_ASSIGN(const Value total, c.Make("sum", {lengths, c.Vector({0})}));
  OCTET_ASSIGN(const Value j, c.Make("range", {c.ScalarInt(0), total, c.ScalarInt(1)}));
  c.Refine(j, {DType::kI32, Shape{kUnknown}, {}});
  OCTET_ASSIGN(Value row, c.Make("expand_dims", {j, c.ScalarInt(1)}));
  OCTET_ASSIGN(row, c.Make("greater_equal", {row, until}));
  OCTET_ASSIGN(row, c.Cast(row, DType::kI32));
  OCTET_ASSIGN(row, c.Make("sum", {row, c.Vector({1})}));
  OCTET_ASSIGN(Value at, c.Make("sub", {first, begin}));
  OCTET_ASSIGN(at, c.Make("gather", {at, row}, {{"axis", 0}}));
  OCTET_ASSIGN(at, c.Make("add", {at, j}));
  OCTET_ASSIGN(const Value values, c.Make("gather", {in[1], at}, {{"axis", 0}}));
  OCTET_ASSIGN(Value borders, c.Make("concatenation", {c.Vector({0}), until}, {{"axis", 0}}));
  OCTET_ASSIGN(borders, c.Cast(borders, c.type(in[0]).dtype));
  c.SetOutput(0, borders);
  c.SetOutput(1, values);
  return {};
}

constexpr NodeRule kRules[] = {{"SparseFillEmptyRows", ConvertFillEmptyRows}, {"SparseReshape", ConvertReshape}, {"SparseReorder", ConvertReorder},
                               {"SparseConcat", ConvertConcat}, {"SparseSlice", ConvertSlice}, {"RaggedGather", ConvertRaggedGather}};

}  // namespace

const std::span<const NodeRule> kSparseRules = kRules;

}  // namespace octet::importers::savedmodel
