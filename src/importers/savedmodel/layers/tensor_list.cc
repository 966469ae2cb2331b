// SPDX-License-Identifier: Apache-2.0
// TensorLists, as loops over time use them: one tensor of all elements, read by GATHER, written by DYNAMIC_UPDATE_SLICE.
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

// The element's shape may be given as -1 throughout, or not at all.
Status ConvertReserve(NodeContext& c) {
  TensorList list{{}, c.Type("element_dtype"), std::nullopt, c.node().inputs.size() > 1 ? c.node().inputs[1] : Edge{}, {}};
  const Partial* shape = c.Known(0);
  if (shape && shape->known() && shape->shape.rank() == 1 && shape->v.size() < kMaxRank) list.element = Shape(shape->dims());
  c.builder().SetList({c.id(), 0}, std::move(list));
  return {};
}

// The element at the place that input 1 says.
Status GetItem(NodeContext& c, const TensorList* list) {
  if (!list || !list->tensor) return NoList(c);
  const Value index = c.Input(1), tensor = list->tensor;
  if (!index) return {};
  OCTET_ASSIGN(const Value y, c.Make("gather", {tensor, index}, {{"axis", 0}}));
  for (int i = 0; i < c.rank(y); ++i)
    if (c.shape(y)[i] == kUnknown && c.rank(tensor) == c.rank(y) + 1) c.builder().SetSymbol(y, i, c.builder().SymbolOf(tensor, i + 1));
  c.SetOutput(0, y);
  return {};
}

Status ConvertGetItem(NodeContext& c) { return GetItem(c, List(c, 0)); }

Result<Value> LengthOf(NodeContext& c, Value list) {
  OCTET_ASSIGN(const Value shape, c.Make("shape", {list}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  return c.Make("slice", {shape, c.Vector({0}), c.Vector({1})});
}

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
  if (c.Bool("resize_if_index_out_of_bounds", false)) {
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

// Elements at the indices.
Status ConvertListGather(NodeContext& c) {
  const TensorList* list = List(c, 0);
  if (!list || !list->tensor) return NoList(c);
  const Value tensor = list->tensor, indices = c.Input(1);
  if (!indices) return {};
  OCTET_ASSIGN(const Value y, c.Make("gather", {tensor, indices}, {{"axis", 0}}));
  c.SetOutput(0, y);
  return {};
}

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
Status ConvertConcat(NodeContext& c) {
  const TensorList* list = List(c, 0);
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

// --------------------------------------------------------------------------------- TensorArrays
// Those of TensorFlow 1: what they hold travels with the `flow`, which is the list here; handles are nothing.

// size -> handle, flow
Status ConvertArray(NodeContext& c) {
  TensorList list{{}, c.Type("dtype"), std::nullopt, c.node().inputs.empty() ? Edge{} : c.node().inputs[0], {}};
  c.builder().SetList({c.id(), 1}, std::move(list));
  c.SetOutput(0, c.ScalarInt(0));
  return {};
}

const TensorList* FlowOf(NodeContext& c, int input) { return List(c, input); }

// handle, index, flow -> value
Status ConvertArrayRead(NodeContext& c) { return GetItem(c, FlowOf(c, 2)); }

// handle, index, value, flow -> flow
Status ConvertArrayWrite(NodeContext& c) { return SetItem(c, FlowOf(c, 3), c.Input(1), c.Input(2)); }

// handle, indices, value, flow -> flow: all elements in their order.
Status ConvertArrayScatter(NodeContext& c) { return ListOfRows(c, c.Input(2)); }

// handle, indices, flow -> value: all of them.
Status ConvertArrayGather(NodeContext& c) {
  const TensorList* list = FlowOf(c, 2);
  if (!list || !list->tensor) return NoList(c);
  c.SetOutput(0, list->tensor);
  return {};
}

// handle, flow -> how many
Status ConvertArraySize(NodeContext& c) {
  const TensorList* list = FlowOf(c, 1);
  if (!list) return NoList(c);
  return SetLength(c, *list);
}

constexpr NodeRule kRules[] = {{"TensorListFromTensor", ConvertFromTensor}, {"TensorListReserve", ConvertReserve}, {"TensorListGetItem", ConvertGetItem},
                               {"TensorListSetItem", ConvertSetItem}, {"TensorListStack", ConvertStack}, {"TensorListGather", ConvertListGather}, {"TensorListLength", ConvertLength},
                               {"TensorListConcatV2", ConvertConcat}, {"TensorListConcat", ConvertConcat},
                               {"TensorArrayV3", ConvertArray}, {"TensorArrayReadV3", ConvertArrayRead}, {"TensorArrayWriteV3", ConvertArrayWrite},
                               {"TensorArrayScatterV3", ConvertArrayScatter}, {"TensorArrayGatherV3", ConvertArrayGather}, {"TensorArraySizeV3", ConvertArraySize}};

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

const std::span<const NodeRule> kTensorListRules = kRules;

}  // namespace octet::importers::savedmodel
