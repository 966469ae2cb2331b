// SPDX-License-Identifier: Apache-2.0
// Loops whose count is data, as WHILE: one subgraph for the condition, one for the body, both with the same values:
//   iteration, condition, carried values, what the trips gave so far (behind a row), dimensions of what the last one gave, what the body reads
//   from around it.
// What a trip gives whose dimensions only the running model knows is stacked number by number, and gets its dimensions behind the loop.
// A Scan's body has no iteration and no condition of its own, but slices of what is scanned.
// A subgraph is built by a builder of its own, whose graph then becomes a part of the model.
#include <algorithm>

#include "importers/onnx/builder.h"

namespace octet::importers::onnx {

struct Builder::Loop {
  const GraphProto& proto;
  Value trips;                    // Of the outer graph; may be empty.
  std::span<const Binding> carried;
  std::vector<TensorType> types;  // Of the carried values inside: dimensions that change are unknown. Of empty sequences not known at first.
  std::vector<TensorType> given;  // What one trip gives: element types and shapes.
  Captures captures;
  std::vector<TensorType> inputs;  // All, in order.
  std::span<const Scanned> scanned = {};  // Of a Scan.

  size_t own() const { return scanned.empty() ? 2 : 0; }        // Inputs of the body that no value carries,
  size_t conditions() const { return scanned.empty() ? 1 : 0; }  // and outputs.
};

namespace {

TensorType ScalarOf(DType t) { return {t, Shape{}, {}}; }

bool IsEmpty(const Binding& sequence) { return !sequence.value && sequence.items.empty(); }

// LiteRT's loops carry no empty tensors: what trips give is stacked behind one row that is none of theirs.
Result<Value> FillerRow(NodeContext& c, const TensorType& stacked) {
  TensorType row{stacked.dtype, stacked.shape, {}};
  for (int i = 0; i < row.shape.rank(); ++i) row.shape[i] = i == 0 ? 1 : std::max(row.shape[i], 0);
  if (row.dtype == DType::kString || !NodeContext::IsSmall(row.shape, 1 << 25)) return c.Fail("trips that give at most 2^25 numbers", row.shape.text(), "");
  return c.Constant(row, std::vector<std::byte>(static_cast<size_t>(row.shape.elements() * BitsOf(row.dtype) / 8)));
}

// Of a loop without a trip: what is not known is nothing.
Value FillerDims(NodeContext& c, const Shape& trip) {
  std::vector<int32_t> dims;
  for (const int32_t d : trip.dims()) dims.push_back(std::max(d, 0));
  return c.Vector(dims);
}

// Dimensions that differ are unknown. False where the ranks or types do.
bool Relax(const TensorType& after, TensorType* type, bool* changed) {
  if (after.dtype != type->dtype || after.shape.rank() != type->shape.rank()) return false;
  for (int i = 0; i < type->shape.rank(); ++i) {
    if (type->shape[i] == kUnknown || type->shape[i] == after.shape[i]) continue;
    type->shape[i] = kUnknown;
    *changed = true;
  }
  return true;
}

}  // namespace

// Its graphs at the end of this model: the nodes in them that call others call those at their new places.
int32_t Builder::Adopt(Builder& inner, const std::string& name) {
  const auto base = static_cast<int32_t>(model_.subgraphs.size());
  for (graph::Graph& g : inner.model_.subgraphs) {
    for (const graph::NodeId id : g.order())
      for (const ops::AttrRow& row : g.node(id).op->attrs.rows)
        if (row.kind == ops::AttrKind::kSubgraph) *static_cast<int32_t*>(row.at(g.node(id).attrs.get())) += base;
    model_.subgraphs.push_back(std::move(g));
  }
  model_.subgraphs[static_cast<size_t>(base)].name = name;
  nodes_left_ = inner.nodes_left_;
  return base;
}

// What one trip of a Scan sees.
Result<Value> Builder::SliceOf(NodeContext& c, Captures& captures, const Scanned& s, Value iteration, Value trips) {
  OCTET_ASSIGN(const Value all, Capture(captures, s.value));
  if (s.backwards) {
    OCTET_ASSIGN(const Value count, Capture(captures, trips));
    const int64_t one = 1;
    OCTET_ASSIGN(const Value left, c.Emit("sub", {count, c.Constant<int64_t>(Shape{}, std::span(&one, 1))}));
    OCTET_ASSIGN(iteration, c.Emit("sub", {left, iteration}));
  }
  return c.Make("gather", {all, iteration}, {{"axis", s.axis}});
}

// In the body's own builder. True: done. False: shapes change from trip to trip; once more with those unknown.
Result<bool> Builder::BuildBody(Scope& outer, const NodeContext& place, Loop& loop) {
  Scope scope;
  scope.outer = &outer;
  scope.captures = &loop.captures;
  scope.prefix = place.place() + "/";
  scope.opsets = outer.opsets;
  scope.depth = outer.depth + 1;
  for (const TensorProto& t : loop.proto.initializers) scope.stored[t.name] = &t;
  Declare(scope, loop.proto);
  NodeContext c(*this, scope, place.node(), place.place(), place.version(), {});
  const auto add = [&](const TensorType& type, const char* name) { return Value{graph().AddTensor(UniqueName(c.place() + name), type)}; };
  std::vector<Value> in = {add(ScalarOf(DType::kI64), "/iteration"), add(ScalarOf(DType::kBool), "/condition")};
  for (const TensorType& t : loop.types) in.push_back(add(t, "/carried"));
  told_.counts.insert(in[0].id);
  const size_t hidden = 2 - loop.own();
  std::vector<Binding> given(in.begin() + static_cast<std::ptrdiff_t>(hidden), in.end());
  for (size_t i = 0; i < loop.carried.size(); ++i)
    if (loop.carried[i].is_list) given[i + loop.own()] = loop.types[i].shape.rank() > 0 ? Binding::Stacked(in[i + 2]) : Binding::Sequence({});
  for (const Scanned& s : loop.scanned) {
    OCTET_ASSIGN(const Value slice, SliceOf(c, loop.captures, s, in[0], loop.trips));
    given.emplace_back(slice);
  }
  for (size_t i = 0; i < given.size() && i < loop.proto.inputs.size(); ++i) scope.values[loop.proto.inputs[i].name] = given[i];
  if (loop.trips) {
    OCTET_ASSIGN(const Value captured, Capture(loop.captures, loop.trips));
    (void)captured;
  }
  OCTET_TRY(RunNodes(loop.proto.nodes, scope));
  if (failed()) return true;
  std::vector<Value> out;
  for (const ValueProto& o : loop.proto.outputs) {
    OCTET_ASSIGN(const Binding bound, Lookup(scope, o.name));
    const size_t i = out.size() - loop.conditions();
    if (bound.is_list != (i < loop.carried.size() && loop.carried[i].is_list))
      return place.Fail("sequences from the body where it takes some, else tensors", std::string(o.name), "");
    OCTET_ASSIGN(const Value v, bound.is_list ? c.Stack(bound) : Result<Value>(bound.value));
    if (!v) return place.Fail("outputs of the body that something makes", "one without a name", "check the model");
    out.push_back(v);
  }
  if (loop.conditions() == 0) out.insert(out.begin(), in[1]);
  if (out.size() < loop.types.size() + 1) return place.Fail("an output of the body for every value carried", std::to_string(out.size()), "check the model");
  bool changed = false;
  for (size_t i = 0; i < loop.types.size(); ++i) {
    if (loop.carried[i].is_list && loop.types[i].shape.rank() == 0) {
      loop.types[i] = TypeOf(out[i + 1]);
      loop.types[i].shape[0] = kUnknown;
      changed = true;
    } else if (!Relax(TypeOf(out[i + 1]), &loop.types[i], &changed)) {
      return place.Fail("carried values of one type and rank", TypeOf(out[i + 1]).shape.text(), "");
    }
  }
  if (changed) return false;
  const int64_t one = 1;
  OCTET_ASSIGN(const Value next, c.Emit("add", {in[0], c.Constant<int64_t>(Shape{}, std::span(&one, 1))}));
  std::vector<Value> results = {next};
  results.insert(results.end(), out.begin(), out.begin() + 1 + static_cast<std::ptrdiff_t>(loop.types.size()));
  for (size_t i = loop.types.size() + 1; i < out.size(); ++i) {
    loop.given.push_back(TypeOf(out[i]));
    TensorType stacked{TypeOf(out[i]).dtype, Shape{kUnknown}, {}};
    const bool known = TypeOf(out[i]).shape.known();
    for (int axis = 0; known && axis < c.rank(out[i]); ++axis) stacked.shape.push_back(c.shape(out[i])[axis]);
    in.push_back(add(stacked, "/so_far"));
    OCTET_ASSIGN(const Value row, known ? c.Make("expand_dims", {out[i], c.ScalarInt(0)}) : c.Make("reshape", {out[i], c.Vector({-1})}));
    OCTET_ASSIGN(const Value longer, c.Make("concatenation", {in.back(), row}, {{"axis", 0}}));
    results.push_back(longer);
  }
  for (size_t i = loop.types.size() + 1; i < out.size(); ++i) {
    if (c.shape(out[i]).known()) continue;
    in.push_back(add({DType::kI32, Shape{c.rank(out[i])}, {}}, "/dimensions"));
    OCTET_ASSIGN(const Value dims, c.Make("shape", {out[i]}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
    results.push_back(dims);
  }
  for (const auto& [from, to] : loop.captures.values) in.push_back(to), results.push_back(to);
  for (const Value v : in) {
    graph().inputs.push_back(v.id);
    loop.inputs.push_back(graph().tensor(v.id).type);
  }
  for (Value v : results) {
    const auto& outputs = graph().outputs;
    if (std::ranges::find(outputs, v.id) != outputs.end() || graph().tensor(v.id).constant) {
      OCTET_ASSIGN(v, Copied(c, v));
    }
    graph().outputs.push_back(v.id);
  }
  return true;
}

// Goes on while the count is not reached and the body says so; in the condition's own builder.
Status Builder::BuildCondition(Scope& outer, const NodeContext& place, Loop& loop) {
  NodeContext c(*this, outer, place.node(), place.place(), place.version(), {});
  std::vector<Value> in;
  for (const TensorType& t : loop.inputs) {
    in.push_back({graph().AddTensor(UniqueName(c.place() + "/value"), t)});
    graph().inputs.push_back(in.back().id);
  }
  Value go = in[1];
  if (loop.trips) {
    const graph::Tensor& t = parent_->graph().tensor(loop.trips.id);
    Value trips;
    if (t.constant) trips = {graph().AddConstant(UniqueName(c.place() + "/trips"), t.type, t.constant)};
    const size_t first = in.size() - loop.captures.values.size();
    for (size_t i = 0; i < loop.captures.values.size(); ++i)
      if (loop.captures.values[i].first == loop.trips) trips = in[first + i];
    OCTET_ASSIGN(const Value more, c.Emit("less", {in[0], trips}));
    OCTET_ASSIGN(go, c.Emit("logical_and", {more, go}));
  }
  graph().outputs.push_back(go.id);
  return {};
}

Result<std::vector<Value>> Builder::EmitWhile(NodeContext& c, const GraphProto& body, Value trips, Value condition, std::span<const Binding> carried, std::span<const Scanned> scanned) {
  Loop loop{body, trips, carried, {}, {}, {}, {}, scanned};
  std::vector<Value> starts;
  for (const Binding& b : carried) {
    OCTET_ASSIGN(const Value v, b.is_list && !IsEmpty(b) ? c.Stack(b) : Result<Value>(b.value));
    starts.push_back(v);
    loop.types.push_back(v ? TypeOf(v) : TensorType{});
    if (b.is_list && v) loop.types.back().shape[0] = kUnknown;
  }
  int32_t body_at = -1;
  while (body_at < 0) {  // Every further try knows less of the shapes.
    loop.given.clear();
    loop.inputs.clear();
    loop.captures = {};
    Builder inner(*this);
    OCTET_ASSIGN(const bool done, inner.BuildBody(c.scope(), c, loop));
    for (Finding& f : inner.findings_) findings_.push_back(std::move(f));
    if (failed()) return c.Fail("a body that octet reads", "one with unsupported operators", "see there");
    if (done) body_at = Adopt(inner, c.place() + "/body");
  }
  Builder test(*this);
  OCTET_TRY(test.BuildCondition(c.scope(), c, loop));
  const int32_t test_at = Adopt(test, c.place() + "/condition");
  const int64_t zero = 0;
  std::vector<graph::TensorId> in = {c.Constant<int64_t>(Shape{}, std::span(&zero, 1)).id, condition.id}, out;
  for (size_t i = 0; i < starts.size() + loop.given.size(); ++i) {
    OCTET_ASSIGN(const Value v, i < starts.size() && starts[i] ? Result<Value>(starts[i]) : FillerRow(c, loop.inputs[i + 2]));
    in.push_back(v.id);
  }
  for (const TensorType& t : loop.given)
    if (!t.shape.known()) in.push_back(FillerDims(c, t.shape).id);
  for (const auto& [from, to] : loop.captures.values) in.push_back(from.id);
  for (const TensorType& t : loop.inputs) out.push_back(graph().AddTensor(UniqueName(c.place() + "/while"), t));
  const ops::OpDef* op = ops::Find("while");
  graph::Attributes attrs(op->attrs);
  for (const ops::AttrRow& row : op->attrs.rows) *static_cast<int32_t*>(row.at(attrs.get())) = row.name == "cond_subgraph_index" ? test_at : body_at;
  const graph::NodeId node = graph().AddNode(*op, std::move(attrs), std::move(in), out, c.place());
  OCTET_TRY(graph::LinkCallees(model_));
  OCTET_TRY(graph::InferNode(graph(), node));
  std::vector<Value> results;
  for (size_t i = 0; i < carried.size(); ++i) results.push_back({out[i + 2]});
  size_t dims_at = 2 + carried.size() + loop.given.size();
  for (size_t i = 0; i < loop.given.size(); ++i) {
    const Value all{out[i + 2 + carried.size()]};
    OCTET_ASSIGN(Value y, c.Make("strided_slice", {all, c.Vector({1}), c.Vector({0}), c.Vector({1})}, {{"end_mask", 1}}));
    RefineShape(y, loop.inputs[i + 2 + carried.size()].shape);
    if (const Shape& trip = loop.given[i].shape; !trip.known()) {
      OCTET_ASSIGN(Value count, c.Cast({out[0]}, DType::kI32));
      OCTET_ASSIGN(count, c.Make("reshape", {count, c.Vector({1})}));
      OCTET_ASSIGN(const Value dims, c.Make("concatenation", {count, {out[dims_at++]}}, {{"axis", 0}}));
      Shape stacked{kUnknown};
      for (const int32_t d : trip.dims()) stacked.push_back(d);
      const Value inputs[] = {y, dims};
      OCTET_ASSIGN(y, c.EmitAs("reshape", inputs, nullptr, {loop.given[i].dtype, stacked, {}}));
    }
    results.push_back(y);
  }
  return results;
}

}  // namespace octet::importers::onnx
