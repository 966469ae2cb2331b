// SPDX-License-Identifier: Apache-2.0
// While and If: each function becomes a subgraph. What a loop hands through unchanged and is constant (weights) is put
// into the subgraph itself; all else is carried.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <numeric>
#include <ranges>
#include <set>

#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

constexpr int64_t kMostBranches = 1024;
constexpr size_t kSides = 2;  // Of a Switch.

// One value of the loop, or one argument of a branch.
struct Port {
  bool carried = true;
  Edge bound;                     // Into the region, where it is not carried.
  Value value;                    // In the graph around.
  TensorType type;                // Inside; dimensions that change are open.
  std::optional<TensorList> list;  // Where the value is one.
};

Status Unsupported(NodeContext& c, std::string_view what) { return c.Fail("tensors, lists and variables", what, ""); }

// What goes into a region at this edge.
Status ReadPort(NodeContext& c, const Edge& edge, bool may_bind, Port* port) {
  Builder& b = c.builder();
  if (b.Handle(edge)) {
    if (!may_bind) return Unsupported(c, "a variable that the loop exchanges");
    port->carried = false;
    port->bound = edge;
    return {};
  }
  if (may_bind) {
    const int32_t captured = b.Capture(edge);
    if (captured >= 0) {
      port->carried = false;
      port->bound = {captured, 0};
      return {};
    }
  }
  if (const TensorList* list = b.ListOf(edge)) {
    port->list = *list;
    port->value = list->tensor;
  } else {
    port->value = b.ValueOf(edge);
    if (!port->value) return c.Poison(edge);
  }
  if (port->value) port->type = c.type(port->value);
  return {};
}

// A region being built, with the carried ports as its inputs.
class Inside {
 public:
  Inside(NodeContext& c, const std::vector<Port>& ports) : c_(c), ports_(ports) {}

  Status Open(const FunctionDef& function) {
    std::vector<Edge> arguments;
    for (const Port& p : ports_) arguments.push_back(p.carried ? Edge{} : p.bound);
    OCTET_ASSIGN(region_, c_.builder().functions().OpenRegion(function, std::move(arguments)));
    builder_ = std::make_unique<Builder>(c_.builder().session(), region_);
    builder_->graph().name = std::string(function.name);
    for (size_t k = 0; k < ports_.size() && k < function.inputs.size(); ++k) {
      const Port& p = ports_[k];
      if (!p.carried) continue;
      const Edge edge{Edge::kArgument, static_cast<int32_t>(k)};
      if (p.list && !p.value) {  // Reserved, and its elements' shape not known yet.
        TensorList list = *p.list;
        list.count = {};
        list.argument = edge.output;
        builder_->SetList(edge, std::move(list));
        continue;
      }
      const Value v = builder_->AddInput(std::string(function.inputs[k].name), p.type);
      inputs_.push_back(p.value);
      if (p.list) builder_->SetList(edge, p.list->As(v, p.list->element));
      else builder_->SetArgument(k, v);
    }
    return {};
  }

  // Runs what these of the function's outputs need.
  Status Run(std::span<const size_t> outputs) {
    std::vector<Edge> wanted;
    for (const size_t i : outputs) {
      OCTET_ASSIGN(edges_[i], c_.builder().functions().RegionOutput(region_, i));
      wanted.push_back(edges_[i]);
    }
    return builder_->Run(wanted);
  }

  Builder& builder() { return *builder_; }
  const Edge& edge(size_t i) const { return edges_.at(i); }
  // Output i as a tensor; a list's is its tensor.
  Value Output(size_t i) {
    if (const TensorList* list = builder_->ListOf(edge(i))) return list->tensor;
    return builder_->ValueOf(edge(i));
  }
  // The carried value, and its axis, whose open dimension has this symbol inside.
  std::pair<const Port*, int> Outside(int64_t symbol) {
    for (size_t k = 0; k < ports_.size(); ++k) {
      const Port& p = ports_[k];
      if (!p.carried || !p.value) continue;
      const Edge edge{Edge::kArgument, static_cast<int32_t>(k)};
      const TensorList* list = builder_->ListOf(edge);
      const Value in = list ? list->tensor : builder_->ValueOf(edge);
      for (int axis = 0; in && axis < p.type.shape.rank(); ++axis)
        if (p.type.shape[axis] == kUnknown && builder_->SymbolOf(in, axis) == symbol) return {&p, axis};
    }
    return {nullptr, 0};
  }
  // A list with the symbols that the graph around has.
  TensorList Translated(const TensorList& list) {
    TensorList out = list;
    out.item = {};
    for (int64_t& symbol : out.symbols) {
      const auto [port, axis] = Outside(symbol);
      symbol = port ? c_.builder().SymbolOf(port->value, axis) : -1;
    }
    return out;
  }
  graph::Graph TakeGraph() {
    graph::Graph g = builder_->TakeModel().subgraphs[0];
    g.RemoveDead();
    return g;
  }
  // A value of the region, computed once more in the graph around, from what goes in first; empty where its nodes must not run twice.
  Value Before(Value v) {
    graph::Graph g = builder_->graph();
    g.outputs = {v.id};
    g.RemoveDead();
    const auto once = [&](graph::NodeId id) {
      const graph::Node& n = g.node(id);
      return (n.op->traits & ops::kSideEffects) || !ops::CalledSubgraphs(n.op->attrs, n.attrs.get()).empty();
    };
    return std::ranges::any_of(g.order(), once) ? Value{} : c_.builder().Inline(g, inputs_)[0];
  }
  int32_t Finish() { return c_.builder().AddSubgraph(TakeGraph()); }

 private:
  NodeContext& c_;
  const std::vector<Port>& ports_;
  int32_t region_ = 0;
  std::unique_ptr<Builder> builder_;
  std::vector<Value> inputs_;  // Around, of what the region's graph has as inputs.
  std::map<size_t, Edge> edges_;  // By output.
};

Result<const FunctionDef*> Function(NodeContext& c, std::string_view key) {
  OCTET_ASSIGN(const FunctionDef* f, c.builder().functions().graph().Function(c.node().def->Function(key)));
  if (!f)
    return Error(Code::kInvalidModel, "%s '%s': its function '%s' does not exist", std::string(c.kind()).c_str(), c.place().c_str(), std::string(key).c_str());
  return f;
}

// Adds a node that calls subgraphs; its outputs' types are declared.
std::vector<Value> AddCaller(NodeContext& c, std::string_view op, const std::vector<Value>& inputs, std::initializer_list<int32_t> subgraphs,
                             const std::vector<TensorType>& outputs) {
  const ops::OpDef& def = *ops::Find(op);
  graph::Graph& g = c.builder().graph();
  graph::Attributes attrs(def.attrs);
  size_t row = 0;
  for (const int32_t index : subgraphs) *static_cast<ops::Subgraph*>(def.attrs.rows[row++].at(attrs.get())) = ops::Subgraph{index};
  std::vector<graph::TensorId> in, out;
  for (const Value v : inputs) in.push_back(v.id);
  std::vector<Value> values;
  for (const TensorType& type : outputs) {
    out.push_back(g.AddTensor(c.builder().UniqueName(c.place()), type));
    values.push_back({out.back()});
  }
  g.AddNode(def, std::move(attrs), std::move(in), std::move(out), c.place());
  return values;
}

// Dimensions that two shapes agree in; the others are open.
Shape Agreed(const Shape& a, const Shape& b) {
  Shape out;
  for (int i = 0; i < a.rank(); ++i) out.push_back(i < b.rank() && a[i] == b[i] ? a[i] : kUnknown);
  return out;
}

// What an output is while the region around asks for the shape of a reserved list's elements, after which it makes this node again: a list, or a type.
void SetUnmade(NodeContext& c, int output, const TensorList* list, const TensorType& type) {
  if (list) c.builder().SetList({c.id(), output}, *list);
  else c.SetOutput(output, {c.builder().graph().AddTensor(c.builder().UniqueName(c.place()), type)});
}

// ------------------------------------------------------------------------------------ While

class Loop {
 public:
  explicit Loop(NodeContext& c) : c_(c) {}

  Status Convert() {
    OCTET_ASSIGN(cond_, Function(c_, "cond"));
    OCTET_ASSIGN(body_, Function(c_, "body"));
    const auto& inputs = c_.node().inputs;
    if (body_->inputs.size() != inputs.size() || body_->outputs.size() != inputs.size() || cond_->inputs.size() != inputs.size())
      return Error(Code::kInvalidModel, "While '%s' has %zu values, its body %zu", c_.place().c_str(), inputs.size(), body_->inputs.size());
    OCTET_TRY(ReadPorts());
    if (c_.poisoned()) return {};
    constexpr int kRounds = 4;  // Shapes of reserved lists become known, changing dimensions open.
    for (int round = 0; round < kRounds; ++round) {
      bool settled = true;
      std::vector<graph::Graph>& subgraphs = c_.builder().session().subgraphs;
      const size_t before = subgraphs.size();
      Inside body(c_, ports_);
      OCTET_TRY(body.Open(*body_));
      OCTET_TRY(body.Run(Carried()));
      OCTET_TRY(Settle(body, &settled));
      if (c_.poisoned()) return {};
      if (settled) return Emit(body);
      if (asked_) Postpone();
      subgraphs.erase(subgraphs.begin() + static_cast<std::ptrdiff_t>(before), subgraphs.end());  // Of loops inside: made again.
      if (asked_) return {};
    }
    return c_.Fail("shapes that settle", "ones that change with every round", "");
  }

 private:
  Status ReadPorts() {
    OCTET_ASSIGN(const int32_t probe, c_.builder().functions().OpenRegion(*body_, {}));
    for (size_t k = 0; k < c_.node().inputs.size(); ++k) {
      OCTET_ASSIGN(const Edge out, c_.builder().functions().RegionOutput(probe, k));
      Port port;
      OCTET_TRY(ReadPort(c_, c_.node().inputs[k], out == Edge{Edge::kArgument, static_cast<int32_t>(k)}, &port));
      ports_.push_back(std::move(port));
    }
    return {};
  }

  std::vector<size_t> Carried() const {
    std::vector<size_t> all;
    for (size_t k = 0; k < ports_.size(); ++k)
      if (ports_[k].carried) all.push_back(k);
    return all;
  }

  // Compares what leaves the body with what enters it.
  Status Settle(Inside& body, bool* settled) {
    for (size_t k = 0; k < ports_.size(); ++k) {
      Port& p = ports_[k];
      if (!p.carried) continue;
      if (p.list && !p.value) {
        OCTET_TRY(GiveShape(body, k, &p));
        *settled = false;
        continue;
      }
      const Value out = body.Output(k);
      if (!out) {
        body.builder().PassFailure(body.edge(k), c_);
        return {};
      }
      const TensorType& type = body.builder().TypeOf(out);
      if (type.dtype != p.type.dtype || type.shape.rank() != p.type.shape.rank())
        return c_.Fail(std::string(Name(p.type.dtype)) + p.type.shape.text() + " after each round", std::string(Name(type.dtype)) + type.shape.text(), "");
      const Shape agreed = Agreed(p.type.shape, type.shape);
      if (!(agreed == p.type.shape)) {
        p.type.shape = agreed;
        *settled = false;
      }
    }
    return {};
  }

  // A reserved list that the body fills: its elements' shape is that of what is set.
  Status GiveShape(Inside& body, size_t k, Port* p) {
    const TensorList* list = body.builder().ListOf(body.edge(k));
    if (!list) {
      body.builder().PassFailure(body.edge(k), c_);
      return c_.poisoned() ? Status() : Unsupported(c_, "a list that the body does not fill");
    }
    if (!list->element) return Unsupported(c_, "a list without elements");
    OCTET_ASSIGN(const Shape element, SaidElement(c_.builder(), *list->element, *p->list, {c_.id(), static_cast<int32_t>(k)}));
    if (!p->list->count) {
      p->list->symbols = body.Translated(*list).symbols;
      p->list->element = element;
      asked_ = true;
      return {};
    }
    TensorList inside = *list;
    inside.element = element;
    const Value count = c_.builder().ValueOf(p->list->count);
    OCTET_ASSIGN(p->value, MakeFilled(body, inside, *p->list, count));
    p->type = c_.type(p->value);
    p->list->element = element;
    return {};
  }

  void Postpone() {
    for (size_t k = 0; k < ports_.size(); ++k) {
      if (ports_[k].carried) SetUnmade(c_, static_cast<int>(k), ports_[k].list && !ports_[k].value ? &*ports_[k].list : nullptr, ports_[k].type);
      else c_.builder().Alias({c_.id(), static_cast<int32_t>(k)}, c_.node().inputs[k]);
    }
  }

  // Open dimensions of the elements are taken from the loop value that has the same ones, or else from what the first round sets.
  Result<Value> MakeFilled(Inside& body, const TensorList& inside, const TensorList& list, Value count) {
    const Shape& element = *inside.element;
    const auto told = [&](int i) {
      return element[i] != kUnknown || (static_cast<size_t>(i) < inside.symbols.size() && body.Outside(inside.symbols[static_cast<size_t>(i)]).first);
    };
    const bool follows = std::ranges::all_of(std::views::iota(0, element.rank()), told);
    const Value like = follows || !inside.item ? Value{} : body.Before(inside.item);
    if (element.known() || like) return MakeList(c_, c_.builder(), list, element, count, like);
    OCTET_ASSIGN(const Value wide, c_.Cast(count, DType::kI32));
    std::vector<Value> dims = {wide};
    for (int i = 0; i < element.rank(); ++i) {
      if (element[i] != kUnknown) {
        dims.push_back(c_.ScalarInt(element[i]));
        continue;
      }
      const int64_t symbol = static_cast<size_t>(i) < inside.symbols.size() ? inside.symbols[static_cast<size_t>(i)] : -1;
      OCTET_ASSIGN(const Value d, DimensionOutside(body, symbol));
      dims.push_back(d);
    }
    OCTET_ASSIGN(const Value shape, c_.Make("pack", dims, {{"values_count", static_cast<int64_t>(dims.size())}, {"axis", 0}}));
    OCTET_ASSIGN(const Value zero, c_.Cast(c_.Scalar(0), list.dtype));
    OCTET_ASSIGN(const Value y, c_.Make("fill", {shape, zero}));
    Shape whole;
    const auto known = c_.data_as<int32_t>(wide);
    whole.push_back(known.size() == 1 ? known[0] : kUnknown);
    for (const int32_t d : element.dims()) whole.push_back(d);
    c_.Refine(y, {list.dtype, whole, {}});
    return y;
  }

  Result<Value> DimensionOutside(Inside& body, int64_t symbol) {
    if (const auto [port, axis] = body.Outside(symbol); port) {
      OCTET_ASSIGN(const Value shape, c_.Make("shape", {port->value}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
      return c_.Make("strided_slice", {shape, c_.Vector({axis}), c_.Vector({axis + 1}), c_.Vector({1})}, {{"shrink_axis_mask", 1}});
    }
    return c_.Fail("a list whose elements have a known shape", "one with an open dimension that no loop value has", "fix the input's shape with --input");
  }

  Status Emit(Inside& body) {
    Inside cond(c_, ports_);
    OCTET_TRY(cond.Open(*cond_));
    const size_t first[] = {0};
    OCTET_TRY(cond.Run(first));
    const Value test = cond.Output(0);
    if (!test) {
      cond.builder().PassFailure(cond.edge(0), c_);
      return {};
    }
    cond.builder().graph().outputs = {test.id};
    std::vector<Value> inputs;
    std::vector<TensorType> types;
    for (size_t k = 0; k < ports_.size(); ++k) {
      if (!ports_[k].carried) continue;
      inputs.push_back(ports_[k].value);
      types.push_back(ports_[k].type);
      const Value out = body.Output(k);
      body.builder().graph().outputs.push_back(out.id);
      body.builder().Refine(out, ports_[k].type);
    }
    const int32_t cond_index = cond.Finish(), body_index = body.Finish();
    const std::vector<Value> outputs = AddCaller(c_, "while", inputs, {cond_index, body_index}, types);
    size_t n = 0;
    for (size_t k = 0; k < ports_.size(); ++k) {
      const Edge to{c_.id(), static_cast<int32_t>(k)};
      if (!ports_[k].carried) {
        c_.builder().Alias(to, c_.node().inputs[k]);
        continue;
      }
      const Value v = outputs[n++];
      for (int axis = 0; axis < c_.rank(v); ++axis)
        if (c_.shape(v)[axis] == kUnknown && c_.rank(ports_[k].value) == c_.rank(v) && c_.shape(ports_[k].value)[axis] == kUnknown)
          c_.builder().SetSymbol(v, axis, c_.builder().SymbolOf(ports_[k].value, axis));
      if (ports_[k].list) c_.builder().SetList(to, ports_[k].list->As(v, ports_[k].list->element));
      c_.SetOutput(static_cast<int>(k), v);
    }
    return {};
  }

  NodeContext& c_;
  const FunctionDef *cond_ = nullptr, *body_ = nullptr;
  std::vector<Port> ports_;
  bool asked_ = false;
};

Status ConvertWhile(NodeContext& c) { return Loop(c).Convert(); }

// ------------------------------------------------------------------------------- If and Case

struct Branches {
  std::vector<size_t> outputs;                    // Those that somebody reads, by their numbers; all below is of these.
  std::vector<graph::Graph> graphs;
  std::vector<TensorType> types;                  // Of the outputs; open where branches differ.
  std::vector<std::optional<TensorList>> lists;   // Of the outputs that are some.
};

Status RunBranch(NodeContext& c, const FunctionDef& branch, const std::vector<Port>& ports, Branches* all) {
  Inside inside(c, ports);
  OCTET_TRY(inside.Open(branch));
  OCTET_TRY(inside.Run(all->outputs));
  const bool first = all->types.empty();
  all->types.resize(all->outputs.size());
  all->lists.resize(all->outputs.size());
  for (size_t i = 0; i < all->outputs.size(); ++i) {
    const Edge& edge = inside.edge(all->outputs[i]);
    const TensorList* list = inside.builder().ListOf(edge);
    if (list && (!all->lists[i] || list->element)) all->lists[i] = inside.Translated(*list);
    if (list && !list->tensor) continue;  // Of a list whose elements are being asked for.
    const Value v = inside.Output(all->outputs[i]);
    if (!v) {
      inside.builder().PassFailure(edge, c);
      return {};
    }
    inside.builder().graph().outputs.push_back(v.id);
    const TensorType& type = inside.builder().TypeOf(v);
    if (first) all->types[i] = type;
    else all->types[i].shape = all->types[i].shape.rank() == type.shape.rank() ? Agreed(all->types[i].shape, type.shape) : Shape();
  }
  all->graphs.push_back(inside.TakeGraph());
  return {};
}

void SetOutputs(NodeContext& c, const Branches& all, std::span<const Value> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    const auto output = static_cast<int>(all.outputs[i]);
    c.SetOutput(output, values[i]);
    if (!all.lists[i] || c.rank(values[i]) < 1) continue;
    const Shape element(c.shape(values[i]).dims().subspan(1));
    c.builder().SetList({c.id(), output}, all.lists[i]->As(values[i], element));
  }
}

// Others are what gradients would ask for, some of types that no tensor has.
Result<std::vector<size_t>> ReadOutputs(NodeContext& c, std::span<const FunctionDef* const> branches) {
  for (const FunctionDef* branch : branches)
    if (branch->outputs.size() != branches[0]->outputs.size())
      return Error(Code::kInvalidModel, "%s '%s': its branches have different outputs", std::string(c.kind()).c_str(), c.place().c_str());
  std::vector<size_t> read;
  for (size_t i = 0; i < branches[0]->outputs.size(); ++i)
    if (c.node().read.contains(static_cast<int32_t>(i))) read.push_back(i);
  return read;
}

bool IsReserved(const Port& p) { return p.carried && p.list && !p.value; }

// Lists that come in reserved get the shape of what a branch puts into them, and are made; or are `asked` for, where the region around has not made them,
// either.
Status FillReserved(NodeContext& c, std::span<const FunctionDef* const> branches, std::vector<Port>* ports, bool* asked) {
  *asked = false;
  if (std::ranges::none_of(*ports, IsReserved)) return {};
  std::vector<graph::Graph>& subgraphs = c.builder().session().subgraphs;
  const size_t before = subgraphs.size();
  Branches all;
  OCTET_ASSIGN(all.outputs, ReadOutputs(c, branches));
  for (const FunctionDef* branch : branches) {
    OCTET_TRY(RunBranch(c, *branch, *ports, &all));
    if (c.poisoned()) return {};
  }
  subgraphs.erase(subgraphs.begin() + static_cast<std::ptrdiff_t>(before), subgraphs.end());
  const auto port_of = [&](const std::optional<TensorList>& list) {
    return list && !list->tensor && list->argument >= 0 ? &(*ports)[static_cast<size_t>(list->argument)] : nullptr;
  };
  for (const auto& list : all.lists) {
    Port* const p = port_of(list);
    if (!p || !list->element) continue;
    p->list->element = list->element;
    p->list->symbols = list->symbols;
  }
  for (Port& p : *ports) {
    if (!IsReserved(p)) continue;
    if (!p.list->element) return Unsupported(c, "a list that no branch fills");
    if (!p.list->count) {
      *asked = true;
      continue;
    }
    OCTET_ASSIGN(p.value, MakeList(c, c.builder(), *p.list, *p.list->element, c.builder().ValueOf(p.list->count), {}));
    p.type = c.type(p.value);
  }
  for (size_t i = 0; *asked && i < all.lists.size(); ++i) {
    const Port* p = port_of(all.lists[i]);
    SetUnmade(c, static_cast<int>(all.outputs[i]), p ? &*p->list : nullptr, all.types[i]);
  }
  return {};
}

// The arguments of branches, and the values of those that are carried.
Status ReadArguments(NodeContext& c, std::span<const FunctionDef* const> branches, std::vector<Port>* ports, std::vector<Value>* inputs, bool* asked) {
  for (size_t k = 1; k < c.node().inputs.size(); ++k) {
    OCTET_TRY(ReadPort(c, c.node().inputs[k], true, &ports->emplace_back()));
    if (c.poisoned()) return {};
  }
  OCTET_TRY(FillReserved(c, branches, ports, asked));
  for (const Port& p : *ports)
    if (p.carried) inputs->push_back(p.value);
  return {};
}

// What all branches compute; their arguments join `inputs`. False where something is asked for first, or an input could not be imported.
Result<bool> RunBranches(NodeContext& c, const std::vector<const FunctionDef*>& branches, std::vector<Value>* inputs, Branches* all) {
  std::vector<Port> ports;
  bool asked = false;
  OCTET_TRY(ReadArguments(c, branches, &ports, inputs, &asked));
  if (asked || c.poisoned()) return false;
  OCTET_ASSIGN(all->outputs, ReadOutputs(c, branches));
  for (const FunctionDef* branch : branches) {
    OCTET_TRY(RunBranch(c, *branch, ports, all));
    if (c.poisoned()) return false;
  }
  return true;
}

Status ConvertIf(NodeContext& c) {
  const Value test = c.Input(0);
  if (!test) return {};
  OCTET_ASSIGN(const FunctionDef* then_branch, Function(c, "then_branch"));
  OCTET_ASSIGN(const FunctionDef* else_branch, Function(c, "else_branch"));
  std::vector<const FunctionDef*> branches = {then_branch, else_branch};
  const Partial* known = c.Known(0);
  const bool decided = known && known->known() && known->v.size() == 1;
  if (decided) branches = {known->v[0].i != 0 ? then_branch : else_branch};
  std::vector<Value> inputs = {test};
  Branches all;
  OCTET_ASSIGN(const bool made, RunBranches(c, branches, &inputs, &all));
  if (!made) return {};
  std::vector<Value> outputs;
  if (decided) {  // No branch: its nodes.
    outputs = c.builder().Inline(all.graphs[0], std::span(inputs).subspan(1));
  } else {
    const int32_t yes = c.builder().AddSubgraph(std::move(all.graphs[0])), no = c.builder().AddSubgraph(std::move(all.graphs[1]));
    outputs = AddCaller(c, "if", inputs, {yes, no}, all.types);
  }
  SetOutputs(c, all, outputs);
  return {};
}

// if index == i: branch i, else the subgraph `otherwise`. Inputs are the index and those of the branches.
graph::Graph Choice(const std::vector<TensorType>& inputs, const std::vector<TensorType>& outputs, int32_t i, int32_t branch, int32_t otherwise) {
  graph::Graph g;
  g.name = "case" + std::to_string(i);
  for (const TensorType& type : inputs) g.inputs.push_back(g.AddTensor("in" + std::to_string(g.inputs.size()), type));
  const graph::TensorId number = g.AddConstant<int32_t>("number", Shape{}, std::span<const int32_t>(&i, 1));
  const graph::TensorId test = g.AddTensor("test", {DType::kBool, inputs[0].shape, {}});
  const ops::OpDef &equal = *ops::Find("equal"), &choose = *ops::Find("if");
  g.AddNode(equal, graph::Attributes(equal.attrs), {g.inputs[0], number}, {test}, "case");
  std::vector<graph::TensorId> in = {test};
  in.insert(in.end(), g.inputs.begin(), g.inputs.end());
  for (const TensorType& type : outputs) g.outputs.push_back(g.AddTensor("out" + std::to_string(g.outputs.size()), type));
  graph::Attributes attrs(choose.attrs);
  *static_cast<ops::Subgraph*>(choose.attrs.rows[0].at(attrs.get())) = ops::Subgraph{branch};
  *static_cast<ops::Subgraph*>(choose.attrs.rows[1].at(attrs.get())) = ops::Subgraph{otherwise};
  g.AddNode(choose, std::move(attrs), std::move(in), g.outputs, "case");
  return g;
}

// Of n branches the one with the index, the last one for indices without: a chain of If.
Status ConvertCase(NodeContext& c) {
  Value index = c.Input(0);
  if (!index) return {};
  OCTET_ASSIGN(index, c.Cast(index, DType::kI32));
  std::vector<const FunctionDef*> branches;
  for (const std::string_view name : c.node().def->Functions("branches")) {
    OCTET_ASSIGN(branches.emplace_back(), c.builder().functions().graph().Function(name));
    if (!branches.back()) return Error(Code::kInvalidModel, "Case '%s': the function of a branch does not exist", c.place().c_str());
  }
  if (branches.empty() || branches.size() > 256) return c.Fail("1 to 256 branches", std::to_string(branches.size()), "");
  std::vector<int64_t> known;
  const bool decided = (c.IntsOf(0, &known) && known.size() == 1) || branches.size() == 1;
  if (decided)
    branches = {known.size() == 1 && known[0] >= 0 && known[0] < static_cast<int64_t>(branches.size()) ? branches[static_cast<size_t>(known[0])]
                                                                                                       : branches.back()};
  std::vector<Value> inputs = {index};
  Branches all;
  OCTET_ASSIGN(const bool made, RunBranches(c, branches, &inputs, &all));
  if (!made) return {};
  if (decided) {
    SetOutputs(c, all, c.builder().Inline(all.graphs[0], std::span(inputs).subspan(1)));
    return {};
  }
  std::vector<TensorType> types;
  for (const Value v : inputs) types.push_back(c.type(v));
  std::vector<int32_t> at;
  for (graph::Graph& g : all.graphs) {  // The index is handed to all, so that every subgraph has the same inputs.
    g.inputs.insert(g.inputs.begin(), g.AddTensor("index", types[0]));
    at.push_back(c.builder().AddSubgraph(std::move(g)));
  }
  int32_t otherwise = at.back();
  for (size_t i = at.size() - 2; i > 0; --i) otherwise = c.builder().AddSubgraph(Choice(types, all.types, static_cast<int32_t>(i), at[i], otherwise));
  OCTET_ASSIGN(const Value test, c.Make("equal", {index, c.ScalarInt(0)}));
  inputs.insert(inputs.begin(), test);
  SetOutputs(c, all, AddCaller(c, "if", inputs, {at[0], otherwise}, all.types));
  return {};
}

// ---------------------------------------------------------------------- TensorFlow 1's branches
// Both are emitted, and Merge takes one: nothing in a branch has effects. What only one side of an IF reads moves into it in the end
// (branches.h); where both have one known shape, both are computed, and nobody sees the other one's numbers.

bool IsSwitch(const NodeDef& n) { return n.op == "Switch" || n.op == "RefSwitch" || n.op == "_SwitchN"; }

// On which side of which Switch the tensor is: the nearest one behind it, pairs of inner branches skipped.
struct Side {
  const NodeDef* choice = nullptr;
  int branch = 0;  // The Switch's output: 0 where it is false, 1 where it is true.
};
Side SideOf(NodeContext& c, std::string_view tensor) {
  struct At {
    std::string_view tensor;
    int depth;
  };
  std::vector<At> open = {{tensor, 0}};
  std::set<std::pair<std::string_view, int>> seen;
  while (!open.empty()) {
    auto [name, depth] = open.back();
    open.pop_back();
    if (!seen.emplace(name, depth).second) continue;
    if (name.starts_with('^')) name.remove_prefix(1);
    const size_t colon = name.find(':');
    const NodeDef* n = c.builder().functions().FindNode(c.node().frame, name.substr(0, colon));
    if (!n) continue;
    if (IsSwitch(*n)) {
      if (depth == 0) return {n, colon == std::string_view::npos ? 0 : std::atoi(std::string(name.substr(colon + 1)).c_str())};
      if (!n->inputs.empty()) open.push_back({n->inputs[0], depth - 1});
      continue;
    }
    const int inner = depth + (n->op == "Merge" || n->op == "RefMerge");
    for (const std::string_view input : n->inputs) open.push_back({input, inner});
  }
  return {};
}

Status ConvertSwitch(NodeContext& c) {
  if (const TensorList* list = c.builder().ListOf(c.node().inputs[0])) {
    for (const int32_t side : {0, 1}) c.builder().SetList({c.id(), side}, TensorList(*list));
    return {};
  }
  const Value x = c.Input(0);
  if (!x) return {};
  c.SetOutput(0, x);
  c.SetOutput(1, x);
  return {};
}

// Of a Case: one output per branch.
Status ConvertSwitchN(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  const int64_t outputs = c.Int("num_outs", 0);
  if (outputs < 1 || outputs > kMostBranches) return c.Fail("one output per branch", std::to_string(outputs), "check the model");
  for (int i = 0; i < outputs; ++i) c.SetOutput(i, x);
  return {};
}

// Which branch of which Switch each input of a Merge comes from. One that depends on nothing is what is left.
Result<const NodeDef*> BranchesOf(NodeContext& c, std::vector<int>* branches) {
  const auto& inputs = c.node().def->inputs;
  const auto count = static_cast<size_t>(c.num_inputs());
  const auto refuse = [&] { return c.Fail("the sides of one Switch", "other inputs", "freeze the model with TensorFlow 2's control flow"); };
  const NodeDef* choice = nullptr;
  std::vector<int> left(count);
  std::iota(left.begin(), left.end(), 0);
  branches->assign(count, -1);
  for (size_t i = 0; i < count; ++i) {
    const Side side = SideOf(c, inputs[i]);
    if (!side.choice) continue;
    if (side.choice->inputs.size() < 2 || std::erase(left, side.branch) == 0) return refuse();
    choice = side.choice;
    (*branches)[i] = side.branch;
  }
  if (!choice || left.size() > 1 || (choice->op != "_SwitchN" && count != 2)) return refuse();
  if (!left.empty()) *std::ranges::find(*branches, -1) = left[0];
  return choice;
}

// An IF whose branches hand on one of two values: those may differ in shape.
Value HandedOn(NodeContext& c, Value test, Value yes, Value no) {
  const TensorType types[] = {c.type(yes), c.type(no)};
  int32_t at[2];
  for (const int side : {0, 1}) {
    graph::Graph g;
    g.name = side == 0 ? "then" : "else";
    for (const TensorType& type : types) g.inputs.push_back(g.AddTensor("in" + std::to_string(g.inputs.size()), type));
    g.outputs = {g.inputs[static_cast<size_t>(side)]};
    at[side] = c.builder().AddSubgraph(std::move(g));
  }
  return AddCaller(c, "if", {test, yes, no}, {at[0], at[1]}, {{types[0].dtype, Agreed(types[0].shape, types[1].shape), {}}})[0];
}

// What the test takes of two values.
Result<Value> Either(NodeContext& c, Value test, Value yes, Value no) {
  const std::span<const bool> decided = c.data_as<bool>(test);
  if (!decided.empty()) return decided[0] ? yes : no;
  if (!c.shape(no).known() || c.shape(no) != c.shape(yes)) return HandedOn(c, test, yes, no);
  return c.Make("select_v2", {test, yes, no});
}

// One that is still reserved takes the shape of the other one's elements.
Status MergeLists(NodeContext& c, Value test, TensorList yes, TensorList no) {
  TensorList y = yes.tensor || (yes.element && !no.tensor) ? yes : no;
  if (yes.tensor || no.tensor) {
    for (TensorList* side : {&yes, &no}) {
      if (side->tensor) continue;
      if (!y.element) return c.Fail("lists whose elements have a known shape", "two of unknown ones", "");
      OCTET_ASSIGN(side->tensor, MakeList(c, c.builder(), *side, *y.element, c.builder().ValueOf(side->count), {}));
    }
    if (c.rank(yes.tensor) != c.rank(no.tensor)) return c.Fail("elements of one rank", c.shape(yes.tensor).text() + " and " + c.shape(no.tensor).text(), "");
    OCTET_ASSIGN(y.tensor, Either(c, test, yes.tensor, no.tensor));
  }
  c.builder().SetList({c.id(), 0}, std::move(y));
  return {};
}

Status ConvertMerge(NodeContext& c) {
  std::vector<int> branches;
  OCTET_ASSIGN(const NodeDef* const choice, BranchesOf(c, &branches));
  OCTET_ASSIGN(const Edge edge, c.builder().functions().Resolve(c.node().frame, choice->inputs[1]));
  const Value test = c.builder().ValueOf(edge);
  if (test && choice->op != "_SwitchN" && branches.size() == kSides) {
    const TensorList* lists[kSides] = {};
    for (const size_t i : {0, 1}) lists[branches[i]] = c.builder().ListOf(c.node().inputs[i]);
    if (lists[0] && lists[1]) return MergeLists(c, test, *lists[1], *lists[0]);
  }
  std::vector<Value> sides(branches.size());
  for (size_t i = 0; i < branches.size(); ++i) {
    Value& side = sides[static_cast<size_t>(branches[i])];
    side = c.Input(static_cast<int>(i));
    if (!side) return {};
    const Value first = c.Input(0);
    const bool fits = choice->op == "_SwitchN" ? c.shape(first) == c.shape(side) : c.rank(first) == c.rank(side);
    if (!fits || c.type(first).dtype != c.type(side).dtype)
      return c.Fail("branches of one shape", c.shape(first).text() + " and " + c.shape(side).text(), "freeze the model with TensorFlow 2's control flow");
  }
  if (!test) return c.Poison(edge);
  if (choice->op != "_SwitchN") {
    OCTET_ASSIGN(const Value y, Either(c, test, sides[1], sides[0]));
    c.SetOutput(0, y);
    OCTET_ASSIGN(const Value index, c.Cast(test, DType::kI32));
    c.SetOutput(1, index);
    return {};
  }
  Value y = sides.back();  // Also where there is no such branch.
  for (size_t i = sides.size() - 1; i-- > 0;) {
    OCTET_ASSIGN(const Value here, c.Make("equal", {test, c.ScalarInt(static_cast<int32_t>(i))}));
    OCTET_ASSIGN(y, c.Make("select_v2", {here, sides[i], y}));
  }
  c.SetOutput(0, y);
  return {};
}

constexpr NodeRule kRules[] = {{"While", ConvertWhile}, {"StatelessWhile", ConvertWhile}, {"If", ConvertIf}, {"StatelessIf", ConvertIf}, {"Case", ConvertCase},
                               {"StatelessCase", ConvertCase}, {"Switch", ConvertSwitch}, {"RefSwitch", ConvertSwitch}, {"_SwitchN", ConvertSwitchN},
                               {"Merge", ConvertMerge}, {"RefMerge", ConvertMerge}};

}  // namespace

const std::span<const NodeRule> kControlFlowRules = kRules;

}  // namespace octet::importers::savedmodel
