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

// The body, in a builder of its own.
class Builder::LoopBody {
 public:
  LoopBody(Builder& builder, Scope& outer, const NodeContext& place, Loop& loop)
      : b_(builder), place_(place), loop_(loop), scope_(ScopeIn(outer, place, loop)), c_(builder, scope_, place.node(), place.place(), place.version(), {}) {}

  // True: done. False: shapes change from trip to trip; once more with those unknown.
  Result<bool> Build() {
    OCTET_TRY(BindInputs());
    OCTET_TRY(b_.RunNodes(loop_.proto.nodes, scope_));
    if (b_.failed()) return true;
    OCTET_TRY(ReadOutputs());
    OCTET_ASSIGN(const bool changed, LearnTypes());
    if (changed) return false;
    OCTET_TRY(CollectResults());
    OCTET_TRY(SetEnds());
    return true;
  }

 private:
  static Scope ScopeIn(Scope& outer, const NodeContext& place, Loop& loop) {
    Scope scope;
    scope.outer = &outer;
    scope.captures = &loop.captures;
    scope.prefix = place.place() + "/";
    scope.opsets = outer.opsets;
    scope.depth = outer.depth + 1;
    for (const TensorProto& t : loop.proto.initializers) scope.stored[t.name] = &t;
    return scope;
  }
  Value Add(const TensorType& type, const char* name) { return {b_.graph().AddTensor(b_.UniqueName(c_.place() + name), type)}; }
  const TensorType& TypeOf(Value v) { return b_.graph().tensor(v.id).type; }
  size_t first_given() const { return 1 + loop_.types.size(); }  // Among outputs: behind the condition and what is carried.

  // Names of the body's inputs: iteration and condition (of a Loop), what is carried, slices (of a Scan).
  Status BindInputs() {
    b_.Declare(scope_, loop_.proto);
    in_ = {Add(ScalarOf(DType::kI64), "/iteration"), Add(ScalarOf(DType::kBool), "/condition")};
    for (const TensorType& t : loop_.types) in_.push_back(Add(t, "/carried"));
    b_.told_.counts.insert(in_[0].id);
    std::vector<Binding> given(in_.begin() + static_cast<std::ptrdiff_t>(2 - loop_.own()), in_.end());
    for (size_t i = 0; i < loop_.carried.size(); ++i)
      if (loop_.carried[i].is_list) given[i + loop_.own()] = loop_.types[i].shape.rank() > 0 ? Binding::Stacked(in_[i + 2]) : Binding::Sequence({});
    for (const Scanned& s : loop_.scanned) {
      OCTET_ASSIGN(const Value slice, b_.SliceOf(c_, loop_.captures, s, in_[0], loop_.trips));
      given.emplace_back(slice);
    }
    for (size_t i = 0; i < given.size() && i < loop_.proto.inputs.size(); ++i) scope_.values[loop_.proto.inputs[i].name] = given[i];
    if (loop_.trips) {  // The condition reads it.
      OCTET_ASSIGN(const Value captured, b_.Capture(loop_.captures, loop_.trips));
      (void)captured;
    }
    return {};
  }

  // The condition, what is carried, and what a trip gives.
  Status ReadOutputs() {
    for (const ValueProto& o : loop_.proto.outputs) {
      OCTET_ASSIGN(const Binding bound, b_.Lookup(scope_, o.name));
      const size_t i = out_.size() - loop_.conditions();
      if (bound.is_list != (i < loop_.carried.size() && loop_.carried[i].is_list))
        return place_.Fail("sequences from the body where it takes some, else tensors", std::string(o.name), "");
      OCTET_ASSIGN(const Value v, bound.is_list ? c_.Stack(bound) : Result<Value>(bound.value));
      if (!v) return place_.Fail("outputs of the body that something makes", "one without a name", "check the model");
      out_.push_back(v);
    }
    if (loop_.conditions() == 0) out_.insert(out_.begin(), in_[1]);
    if (out_.size() < first_given()) return place_.Fail("an output of the body for every value carried", std::to_string(out_.size()), "check the model");
    return {};
  }

  // What a trip makes of carried values says what they are in all trips. True: something new was learnt.
  Result<bool> LearnTypes() {
    bool changed = false;
    for (size_t i = 0; i < loop_.types.size(); ++i) {
      TensorType& type = loop_.types[i];
      if (loop_.carried[i].is_list && type.shape.rank() == 0) {
        type = TypeOf(out_[i + 1]);
        type.shape[0] = kUnknown;
        changed = true;
      } else if (!Relax(TypeOf(out_[i + 1]), &type, &changed)) {
        return place_.Fail("carried values of one type and rank", TypeOf(out_[i + 1]).shape.text(), "");
      }
    }
    return changed;
  }

  // The next trip's inputs, in their order; inputs that only they need are added.
  Status CollectResults() {
    const int64_t one = 1;
    OCTET_ASSIGN(const Value next, c_.Emit("add", {in_[0], c_.Constant<int64_t>(Shape{}, std::span(&one, 1))}));
    results_ = {next};
    results_.insert(results_.end(), out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(first_given()));
    for (size_t i = first_given(); i < out_.size(); ++i) OCTET_TRY(Append(out_[i]));
    for (size_t i = first_given(); i < out_.size(); ++i) {
      if (c_.shape(out_[i]).known()) continue;
      in_.push_back(Add({DType::kI32, Shape{c_.rank(out_[i])}, {}}, "/dimensions"));
      OCTET_ASSIGN(const Value dims, c_.Make("shape", {out_[i]}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
      results_.push_back(dims);
    }
    for (const auto& [from, to] : loop_.captures.values) in_.push_back(to), results_.push_back(to);
    return {};
  }

  // What the trip gives, behind what others gave: rows, or numbers where its shape is not known.
  Status Append(Value given) {
    const TensorType type = TypeOf(given);
    loop_.given.push_back(type);
    TensorType stacked{type.dtype, Shape{kUnknown}, {}};
    const bool known = type.shape.known();
    for (int axis = 0; known && axis < type.shape.rank(); ++axis) stacked.shape.push_back(type.shape[axis]);
    in_.push_back(Add(stacked, "/so_far"));
    OCTET_ASSIGN(const Value row, known ? c_.Make("expand_dims", {given, c_.ScalarInt(0)}) : c_.Make("reshape", {given, c_.Vector({-1})}));
    OCTET_ASSIGN(const Value longer, c_.Make("concatenation", {in_.back(), row}, {{"axis", 0}}));
    results_.push_back(longer);
    return {};
  }

  // An output is a value of its own: neither another output nor a constant.
  Status SetEnds() {
    graph::Graph& graph = b_.graph();
    for (const Value v : in_) {
      graph.inputs.push_back(v.id);
      loop_.inputs.push_back(TypeOf(v));
    }
    for (Value v : results_) {
      if (std::ranges::find(graph.outputs, v.id) != graph.outputs.end() || graph.tensor(v.id).constant) {
        OCTET_ASSIGN(v, b_.Copied(c_, v));
      }
      graph.outputs.push_back(v.id);
    }
    return {};
  }

  Builder& b_;
  const NodeContext& place_;
  Loop& loop_;
  Scope scope_;
  NodeContext c_;
  std::vector<Value> in_, out_, results_;  // Inputs, the outputs that the file names, and all of them.
};

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

// What all trips gave, without the filler in front; numbers get the dimensions of what one trip gave, which are all trips'.
Result<Value> Builder::WithoutFiller(NodeContext& c, Value all, const Shape& stacked, const TensorType& trip, Value trips, Value dims) {
  OCTET_ASSIGN(const Value y, c.Make("strided_slice", {all, c.Vector({1}), c.Vector({0}), c.Vector({1})}, {{"end_mask", 1}}));
  RefineShape(y, stacked);
  if (!dims) return y;
  OCTET_ASSIGN(Value count, c.Cast(trips, DType::kI32));
  OCTET_ASSIGN(count, c.Make("reshape", {count, c.Vector({1})}));
  OCTET_ASSIGN(const Value all_dims, c.Make("concatenation", {count, dims}, {{"axis", 0}}));
  Shape shape{kUnknown};
  for (const int32_t d : trip.shape.dims()) shape.push_back(d);
  const Value inputs[] = {y, all_dims};
  return c.EmitAs("reshape", inputs, nullptr, {trip.dtype, shape, {}});
}

// The body's graph, as a subgraph of this model. Every further try knows less of the shapes.
Result<int32_t> Builder::BuildBody(NodeContext& c, Loop& loop) {
  for (;;) {
    loop.given.clear();
    loop.inputs.clear();
    loop.captures = {};
    Builder inner(*this);
    OCTET_ASSIGN(const bool done, LoopBody(inner, c.scope(), c, loop).Build());
    for (Finding& f : inner.findings_) findings_.push_back(std::move(f));
    if (failed()) return c.Fail("a body that octet reads", "one with unsupported operators", "see there");
    if (done) return Adopt(inner, c.place() + "/body");
  }
}

// What the loop begins with, in the order of its inputs.
Result<std::vector<graph::TensorId>> Builder::LoopStarts(NodeContext& c, const Loop& loop, Value condition, std::span<const Value> carried) {
  const int64_t zero = 0;
  std::vector<graph::TensorId> in = {c.Constant<int64_t>(Shape{}, std::span(&zero, 1)).id, condition.id};
  for (size_t i = 0; i < carried.size() + loop.given.size(); ++i) {
    OCTET_ASSIGN(const Value v, i < carried.size() && carried[i] ? Result<Value>(carried[i]) : FillerRow(c, loop.inputs[i + 2]));
    in.push_back(v.id);
  }
  for (const TensorType& t : loop.given)
    if (!t.shape.known()) in.push_back(FillerDims(c, t.shape).id);
  for (const auto& [from, to] : loop.captures.values) in.push_back(from.id);
  return in;
}

// Of what the loop ends with: the carried values, and what the trips gave without its filler.
Result<std::vector<Value>> Builder::LoopResults(NodeContext& c, const Loop& loop, std::span<const graph::TensorId> out) {
  const size_t carried = loop.carried.size();
  std::vector<Value> results;
  for (size_t i = 0; i < carried; ++i) results.push_back({out[i + 2]});
  size_t dims_at = 2 + carried + loop.given.size();
  for (size_t i = 0; i < loop.given.size(); ++i) {
    const size_t at = 2 + carried + i;
    const Value dims = loop.given[i].shape.known() ? Value() : Value{out[dims_at++]};
    OCTET_ASSIGN(const Value y, WithoutFiller(c, {out[at]}, loop.inputs[at].shape, loop.given[i], {out[0]}, dims));
    results.push_back(y);
  }
  return results;
}

Result<std::vector<Value>> Builder::EmitWhile(NodeContext& c, const GraphProto& body, Value trips, Value condition, std::span<const Binding> carried,
                                              std::span<const Scanned> scanned) {
  Loop loop{body, trips, carried, {}, {}, {}, {}, scanned};
  std::vector<Value> starts;
  for (const Binding& b : carried) {
    OCTET_ASSIGN(const Value v, b.is_list && !IsEmpty(b) ? c.Stack(b) : Result<Value>(b.value));
    starts.push_back(v);
    loop.types.push_back(v ? TypeOf(v) : TensorType{});
    if (b.is_list && v) loop.types.back().shape[0] = kUnknown;
  }
  OCTET_ASSIGN(const int32_t body_at, BuildBody(c, loop));
  Builder test(*this);
  OCTET_TRY(test.BuildCondition(c.scope(), c, loop));
  const int32_t test_at = Adopt(test, c.place() + "/condition");
  OCTET_ASSIGN(std::vector<graph::TensorId> in, LoopStarts(c, loop, condition, starts));
  std::vector<graph::TensorId> out;
  for (const TensorType& t : loop.inputs) out.push_back(graph().AddTensor(UniqueName(c.place() + "/while"), t));
  const ops::OpDef* op = ops::Find("while");
  graph::Attributes attrs(op->attrs);
  for (const ops::AttrRow& row : op->attrs.rows) *static_cast<int32_t*>(row.at(attrs.get())) = row.name == "cond_subgraph_index" ? test_at : body_at;
  const graph::NodeId node = graph().AddNode(*op, std::move(attrs), std::move(in), out, c.place());
  OCTET_TRY(graph::LinkCallees(model_));
  OCTET_TRY(graph::InferNode(graph(), node));
  return LoopResults(c, loop, out);
}

}  // namespace octet::importers::onnx
