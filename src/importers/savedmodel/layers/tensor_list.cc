// SPDX-License-Identifier: Apache-2.0
// TensorLists, as loops over time use them: one tensor of all elements, read by GATHER, written by DYNAMIC_UPDATE_SLICE.
#include <algorithm>
#include <ranges>

#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

const TensorList* List(NodeContext& c, int i) { return i < c.num_inputs() ? c.builder().ListOf(c.node().inputs[static_cast<size_t>(i)]) : nullptr; }

Status NoList(NodeContext& c) {
  (void)c.Input(0);  // Where the list could not be imported, that is the reason.
  return c.Fail("a list that this graph makes", "another one", "");
}

// The node's list is the rows of `x`.
Status ListOfRows(NodeContext& c, Value x) {
  if (!x) return {};
  TensorList list{x, c.type(x).dtype, Shape(), {}, {}};
  for (int i = 1; i < c.rank(x); ++i) list.element->push_back(c.shape(x)[i]);
  c.builder().SetList({c.id(), 0}, std::move(list));
  return {};
}

Status ConvertFromTensor(NodeContext& c) { return ListOfRows(c, c.Input(0)); }

// An element's shape may be given as -1 throughout, or not at all.
std::optional<Shape> ElementIn(const Partial* shape) {
  const bool is_one = shape && shape->known() && shape->shape.rank() == 1 && shape->v.size() < kMaxRank;
  if (!is_one || std::ranges::any_of(shape->v, [](const Number& d) { return d.i < kUnknown || d.i > INT32_MAX; })) return std::nullopt;
  return Shape(shape->dims());
}

std::optional<Shape> ElementIn(const Attribute& attribute) {
  data::WireField field;
  if (!attribute.Find(Attribute::kShape, &field)) return std::nullopt;
  const Result<StoredShape> stored = ReadShape(field.bytes);
  if (!stored.ok() || !stored->known_rank || stored->dims.size() >= kMaxRank) return std::nullopt;
  const Result<Shape> shape = ToShape(*stored, "element_shape");
  return shape.ok() ? std::optional(*shape) : std::nullopt;
}

Status ConvertReserve(NodeContext& c) {
  TensorList list{{}, c.Type("element_dtype"), ElementIn(c.Known(0)), c.node().inputs.size() > 1 ? c.node().inputs[1] : Edge{}, {}};
  c.builder().SetList({c.id(), 0}, std::move(list));
  return {};
}

Result<Value> LengthOf(NodeContext& c, Value list) {
  OCTET_ASSIGN(const Value shape, c.Make("shape", {list}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  return c.Make("slice", {shape, c.Vector({0}), c.Vector({1})});
}

// The element at the place that input 1 says, of the list at input `at`. On a side of a branch of frames, which runs also where the other is taken, no
// place lies behind the last.
Status GetItem(NodeContext& c, int at) {
  const TensorList* list = List(c, at);
  if (!list || !list->tensor) return NoList(c);
  Value index = c.Input(1);
  const Value tensor = list->tensor;
  if (!index) return {};
  const Edge& from = c.node().inputs[static_cast<size_t>(at)];
  if (from.node >= 0 && c.builder().functions().node(from.node).def && c.builder().functions().node(from.node).def->op == "Switch") {
    OCTET_ASSIGN(Value last, LengthOf(c, tensor));
    OCTET_ASSIGN(last, c.ReshapeTo(last, {}));
    OCTET_ASSIGN(last, c.Make("sub", {last, c.ScalarInt(1)}));
    OCTET_ASSIGN(index, c.Make("minimum", {index, last}));
  }
  OCTET_ASSIGN(const Value y, c.Make("gather", {tensor, index}, {{"axis", 0}}));
  for (int i = 0; i < c.rank(y); ++i)
    if (c.shape(y)[i] == kUnknown && c.rank(tensor) == c.rank(y) + 1) c.builder().SetSymbol(y, i, c.builder().SymbolOf(tensor, i + 1));
  c.SetOutput(0, y);
  return {};
}

Status ConvertGetItem(NodeContext& c) { return GetItem(c, 0); }

// With zeros behind, where the index is not below the length.
Result<Value> Grown(NodeContext& c, Value list, Value index) {
  OCTET_ASSIGN(const Value length, LengthOf(c, list));
  OCTET_ASSIGN(Value more, c.Make("sub", {index, length}));
  OCTET_ASSIGN(more, c.Make("add", {more, c.Vector({1})}));
  OCTET_ASSIGN(more, c.Make("maximum", {more, c.Vector({0})}));
  const std::vector<int32_t> zeros(static_cast<size_t>(2 * c.rank(list) - 1), 0);
  OCTET_ASSIGN(Value pads, c.Make("concatenation", {c.Vector({0}), more}, {{"axis", 0}}));
  if (c.rank(list) > 1) {
    OCTET_ASSIGN(pads, c.Make("concatenation", {pads, c.Vector(std::vector<int32_t>(zeros.begin() + 1, zeros.end()))}, {{"axis", 0}}));
  }
  const int32_t dims[] = {c.rank(list), 2};
  OCTET_ASSIGN(pads, c.ReshapeTo(pads, dims));
  return c.Make("pad", {list, pads});
}

// The list at output 0: `list` with the item at the index.
Status SetItem(NodeContext& c, const TensorList* list, Value index, Value item) {
  if (!list) return NoList(c);
  if (!item) return {};
  TensorList after = *list;
  after.element = c.shape(item);
  after.item = item;
  after.symbols.clear();
  for (int i = 0; i < c.rank(item); ++i) after.symbols.push_back(c.builder().SymbolOf(item, i));
  if (!after.tensor && !after.count) {  // A loop asks for the elements' shape before it makes the list.
    c.builder().SetList({c.id(), 0}, std::move(after));
    return {};
  }
  if (!index) return {};
  if (!after.tensor) {
    OCTET_ASSIGN(after.tensor, MakeList(c, c.builder(), *list, c.shape(item), c.builder().ValueOf(list->count), item));
  }
  TensorType type = c.type(after.tensor);
  if (after.grows || c.Bool("resize_if_index_out_of_bounds", false)) {
    OCTET_ASSIGN(after.tensor, Grown(c, after.tensor, index));
    type.shape[0] = kUnknown;
    c.Refine(after.tensor, type);
  }
  OCTET_ASSIGN(const Value row, c.Make("expand_dims", {item, c.ScalarInt(0)}));
  if (c.shape(row) == type.shape && type.shape[0] == 1) {  // There is no other place.
    after.tensor = row;
    c.builder().SetList({c.id(), 0}, std::move(after));
    return {};
  }
  std::vector<Value> start(static_cast<size_t>(c.rank(item)) + 1, c.ScalarInt(0));
  start[0] = index;
  OCTET_ASSIGN(const Value first, c.Make("pack", start, {{"values_count", static_cast<int64_t>(start.size())}, {"axis", 0}}));
  OCTET_ASSIGN(after.tensor, c.Make("dynamic_update_slice", {after.tensor, row, first}));
  c.Refine(after.tensor, type);
  c.builder().SetList({c.id(), 0}, std::move(after));
  return {};
}

Status ConvertSetItem(NodeContext& c) { return SetItem(c, List(c, 0), c.Input(1), c.Input(2)); }

Status ConvertStack(NodeContext& c) {
  const TensorList* list = List(c, 0);
  if (!list || !list->tensor) return NoList(c);
  c.SetOutput(0, list->tensor);
  return {};
}

// Whether input i is the places of all elements in their order: 0, 1, … up to the length of input `of`'s list or rows.
bool IsEveryPlace(NodeContext& c, int i, Value of) {
  std::vector<int64_t> places;
  if (c.IntsOf(i, &places)) {
    const bool counts = std::ranges::equal(places, std::views::iota(int64_t{0}, static_cast<int64_t>(places.size())));
    return counts && c.rank(of) > 0 && c.shape(of)[0] == static_cast<int64_t>(places.size());
  }
  const auto maker = [&](const Edge& edge) { return edge.node >= 0 ? &c.builder().functions().node(edge.node) : nullptr; };
  const FlatNode* range = maker(c.node().inputs[static_cast<size_t>(i)]);
  if (!range || !range->def || range->def->op != "Range" || range->inputs.size() != 3) return false;
  const auto is = [&](size_t input, int64_t number) {
    const Partial* p = c.builder().PartialOf(range->inputs[input]);
    return p && p->known() && p->v.size() == 1 && p->v[0].i == number;
  };
  const FlatNode* limit = maker(range->inputs[1]);
  constexpr std::string_view kLengths[] = {"TensorArraySizeV3", "TensorListLength"};
  const Partial* count = c.builder().PartialOf(range->inputs[1]);
  const Number rows = count && count->v.size() == 1 ? count->v[0] : Number();
  const bool all = (limit && limit->def && std::ranges::find(kLengths, limit->def->op) != std::end(kLengths)) ||
                   (c.rank(of) > 0 && rows.kind == Number::Kind::kSymbol && rows.i == c.builder().SymbolOf(of, 0));
  return is(0, 0) && is(2, 1) && all;
}

// The elements of the list at the places that input 1 says.
Status GetItems(NodeContext& c, const TensorList* list) {
  if (!list || !list->tensor) return NoList(c);
  const Value tensor = list->tensor;
  if (IsEveryPlace(c, 1, tensor)) {
    c.SetOutput(0, tensor);
    return {};
  }
  const Value indices = c.Input(1);
  if (!indices) return {};
  OCTET_ASSIGN(const Value y, c.Make("gather", {tensor, indices}, {{"axis", 0}}));
  c.SetOutput(0, y);
  return {};
}

Status ConvertListGather(NodeContext& c) { return GetItems(c, List(c, 0)); }

Status SetLength(NodeContext& c, const TensorList& list) {
  if (!list.tensor) {
    c.SetOutput(0, c.builder().ValueOf(list.count));
    return {};
  }
  const int32_t known = c.rank(list.tensor) > 0 ? c.shape(list.tensor)[0] : kUnknown;
  if (known != kUnknown) {
    c.SetOutput(0, c.ScalarInt(known));
    return {};
  }
  OCTET_ASSIGN(const Value shape, c.Make("shape", {list.tensor}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(const Value y, c.Make("gather", {shape, c.ScalarInt(0)}, {{"axis", 0}}));
  c.SetOutput(0, y);
  return {};
}
Status ConvertLength(NodeContext& c) {
  const TensorList* list = List(c, 0);
  return list ? SetLength(c, *list) : NoList(c);
}

// The elements one after the other along their first dimension.
Status JoinItems(NodeContext& c, const TensorList* list) {
  if (!list || !list->tensor) return NoList(c);
  const Shape& s = c.shape(list->tensor);
  if (s.rank() < 2 || s[1] == kUnknown) return c.Fail("elements of one length", s.text(), "");
  std::vector<int32_t> dims = {-1};
  for (int i = 2; i < s.rank(); ++i) dims.push_back(s[i]);
  OCTET_ASSIGN(const Value y, c.ReshapeTo(list->tensor, dims));
  c.SetOutput(0, y);
  if (s[0] == kUnknown) return {};
  const std::vector<int64_t> lengths(static_cast<size_t>(s[0]), s[1]);
  c.SetOutput(1, c.Constant<int64_t>(Shape{s[0]}, lengths));
  return {};
}

Status ConvertConcat(NodeContext& c) { return JoinItems(c, List(c, 0)); }

// --------------------------------------------------------------------------------- TensorArrays
// Those of TensorFlow 1: what they hold travels with the `flow`, which is the list here; handles are nothing.

// size -> handle, flow
Status ConvertArray(NodeContext& c) {
  TensorList list{{}, c.Type("dtype"), ElementIn(c.node().def->Get("element_shape")), c.node().inputs.empty() ? Edge{} : c.node().inputs[0], {}};
  list.grows = c.Bool("dynamic_size", false);
  c.builder().SetList({c.id(), 1}, std::move(list));
  c.SetOutput(0, c.ScalarInt(0));
  return {};
}

const TensorList* FlowOf(NodeContext& c, int input) { return List(c, input); }

// handle, index, flow -> value
Status ConvertArrayRead(NodeContext& c) { return GetItem(c, 2); }

// handle, index, value, flow -> flow
Status ConvertArrayWrite(NodeContext& c) { return SetItem(c, FlowOf(c, 3), c.Input(1), c.Input(2)); }

// handle, indices, value, flow -> flow: all elements in their order.
Status ConvertArrayScatter(NodeContext& c) {
  const Value rows = c.Input(2);
  if (!rows) return {};
  if (!IsEveryPlace(c, 1, rows)) return c.Fail("the places of all elements in their order", "others", "gather the rows in that order before");
  return ListOfRows(c, rows);
}

// handle, indices, flow -> value
Status ConvertArrayGather(NodeContext& c) { return GetItems(c, FlowOf(c, 2)); }

// value with rows of `lengths` elements -> a list, one of each; the input of lengths is told.
Status SplitRows(NodeContext& c, int value, int lengths, int output) {
  std::vector<int64_t> each;
  const Value x = c.Input(value);
  if (!x) return {};
  if (!c.IntsOf(lengths, &each) || each.empty() || std::ranges::count(each, each[0]) != std::ssize(each) || c.rank(x) < 1)
    return c.Fail("known lengths, all the same", "others", "cut the rows with tf.split");
  std::vector<int32_t> dims = {static_cast<int32_t>(each.size()), static_cast<int32_t>(each[0])};
  for (int i = 1; i < c.rank(x); ++i) dims.push_back(c.shape(x)[i]);
  if (std::ranges::count(dims, kUnknown) > 0) return c.Fail("rows of a known shape", c.shape(x).text(), "fix the input's shape");
  OCTET_ASSIGN(const Value rows, c.ReshapeTo(x, dims));
  c.builder().SetList({c.id(), output}, {rows, c.type(rows).dtype, Shape(std::span(dims).subspan(1)), {}, {}});
  return {};
}
// handle, value, lengths, flow -> flow
Status ConvertArraySplit(NodeContext& c) { return SplitRows(c, 1, 2, 0); }
// tensor, element shape, lengths -> list
Status ConvertListSplit(NodeContext& c) { return SplitRows(c, 0, 2, 0); }

// handle, flow -> value, lengths
Status ConvertArrayConcat(NodeContext& c) { return JoinItems(c, FlowOf(c, 1)); }

// handle, flow -> how many
Status ConvertArraySize(NodeContext& c) {
  const TensorList* list = FlowOf(c, 1);
  if (!list) return NoList(c);
  return SetLength(c, *list);
}

constexpr NodeRule kRules[] = {{"TensorListFromTensor", ConvertFromTensor}, {"TensorListReserve", ConvertReserve}, {"TensorListGetItem", ConvertGetItem},
                               {"TensorListSetItem", ConvertSetItem}, {"TensorListStack", ConvertStack}, {"TensorListGather", ConvertListGather},
                               {"TensorListLength", ConvertLength}, {"TensorListConcatV2", ConvertConcat}, {"TensorListConcat", ConvertConcat},
                               {"TensorListSplit", ConvertListSplit}, {"TensorArrayV3", ConvertArray}, {"TensorArrayReadV3", ConvertArrayRead},
                               {"TensorArrayWriteV3", ConvertArrayWrite}, {"TensorArrayScatterV3", ConvertArrayScatter},
                               {"TensorArrayGatherV3", ConvertArrayGather}, {"TensorArraySplitV3", ConvertArraySplit},
                               {"TensorArrayConcatV3", ConvertArrayConcat}, {"TensorArraySizeV3", ConvertArraySize}};

}  // namespace

Result<Value> MakeList(NodeContext& c, Builder& b, const TensorList& list, const Shape& element, Value count, Value like) {
  if (!count) return c.Fail("a known number of elements", "an unknown one", "");
  OCTET_ASSIGN(count, c.Cast(count, DType::kI32));
  OCTET_ASSIGN(Value zero, c.Cast(c.Scalar(0), list.dtype));
  Shape whole;
  const auto known = c.data_as<int32_t>(count);
  whole.push_back(known.size() == 1 ? known[0] : kUnknown);
  for (const int32_t d : element.dims()) whole.push_back(d);
  Value dims = c.Vector(whole.dims());
  if (!whole.known()) {
    std::vector<Value> parts;
    OCTET_ASSIGN(const Value first, c.Make("reshape", {count, c.Vector({1})}));
    parts.push_back(first);
    if (element.known()) {
      if (element.rank() > 0) parts.push_back(c.Vector(element.dims()));
    } else {
      if (!like || c.rank(like) != element.rank()) return c.Fail("elements of a known shape", element.text(), "fix the input's shape");
      OCTET_ASSIGN(const Value shape, c.Make("shape", {like}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
      parts.push_back(shape);
    }
    dims = parts[0];
    if (parts.size() > 1) {
      OCTET_ASSIGN(dims, c.Make("concatenation", parts, {{"axis", 0}}));
    }
  }
  OCTET_ASSIGN(const Value y, c.Make("fill", {dims, zero}));
  b.Refine(y, {list.dtype, whole, {}});
  return y;
}

namespace {

// The element's shape as input or attribute of who makes one tensor of a list.
struct Joiner {
  std::string_view op;
  size_t list, shape;  // Inputs.
};
constexpr Joiner kJoiners[] = {{"TensorListStack", 0, 1}, {"TensorListGather", 0, 2}, {"TensorArrayGatherV3", 2, SIZE_MAX}};

Result<std::optional<Shape>> JoinedElement(Builder& b, const FlatNode& reader, const Edge& list) {
  const auto joiner = std::ranges::find(kJoiners, reader.def->op, &Joiner::op);
  if (joiner == std::end(kJoiners) || joiner->list >= reader.inputs.size() || reader.inputs[joiner->list] != list) return std::optional<Shape>();
  if (joiner->shape >= reader.inputs.size()) return ElementIn(reader.def->Get("element_shape"));
  OCTET_ASSIGN(const Partial* const shape, b.PartialAhead(reader.inputs[joiner->shape]));
  return ElementIn(shape);
}

// The open dimensions of `shape` as `said` has them.
Shape Narrowed(Shape shape, const std::optional<Shape>& said) {
  if (said && said->rank() == shape.rank())
    for (int i = 0; i < shape.rank(); ++i) shape[i] = shape[i] == kUnknown ? (*said)[i] : shape[i];
  return shape;
}

}  // namespace

Result<Shape> SaidElement(Builder& b, const Shape& element, const TensorList& reserved, const Edge& joined) {
  Shape said = Narrowed(element, reserved.element);
  for (const int32_t reader : b.functions().node(joined.node).readers) {
    if (said.known()) break;
    OCTET_ASSIGN(const std::optional<Shape> shape, JoinedElement(b, b.functions().node(reader), joined));
    said = Narrowed(said, shape);
  }
  return said;
}

const std::span<const NodeRule> kTensorListRules = kRules;

}  // namespace octet::importers::savedmodel
