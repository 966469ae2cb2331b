// SPDX-License-Identifier: Apache-2.0
#include "importers/onnx/builder.h"

#include <algorithm>

#include "importers/given_shape.h"
#include "importers/onnx/fusions.h"

namespace octet::importers::onnx {
namespace {

constexpr int kMaxDepth = 32;      // Of functions and graphs inside each other while they are inlined.
constexpr int64_t kNewest = 1000;  // For domains that the file does not give a version of.

std::string Owned(std::string_view s) { return std::string(s); }

// Its name; where it has none, that of what it makes.
std::string PlaceOf(const NodeProto& node, const std::string& prefix) {
  if (!node.name.empty()) return prefix + Owned(node.name);
  for (const std::string_view o : node.outputs)
    if (!o.empty()) return prefix + Owned(o);
  return prefix + Owned(node.op);
}

}  // namespace

std::string RuleName(const NodeProto& node) { return node.domain.empty() ? Owned(node.op) : Owned(node.domain) + "." + Owned(node.op); }

const NodeRule* FindNodeRule(std::string_view name, int64_t version) {
  const NodeRule* best = nullptr;
  for (const auto rules : {kElementwiseRules, kConvolutionRules,   kPoolingRules,      kReductionRules, kShapeRules,    kMovementRules, kIndexingRules,
                           kMatrixRules,      kNormalizationRules, kQuantizationRules, kRecurrentRules, kResizeRules,   kSequenceRules, kControlRules,
                           kAttentionRules,   kSignalRules,        kSamplingRules,     kRegionRules,    kCombinedRules, kCategoryRules, kLearnedRules,
                           kTreeRules,        kSupportVectorRules, kPlacementRules,    kNBitsRules,     kRandomRules,   kUniqueRules})
    for (const NodeRule& rule : rules)
      if (rule.name == name && rule.since <= version && (!best || rule.since > best->since)) best = &rule;
  return best;
}

void Builder::RefineShape(Value v, const Shape& shape) {
  graph::Tensor& t = graph().tensor(v.id);
  if (t.type.shape.rank() != shape.rank()) t.type.shape = shape;
  for (int i = 0; i < shape.rank(); ++i)
    if (t.type.shape[i] == kUnknown) t.type.shape[i] = shape[i];
  types_[v.id] = t.type;
}

void Builder::SetQuant(Value v, const Quant& quant) {
  graph().tensor(v.id).type.quant = quant;
  types_[v.id] = graph().tensor(v.id).type;
}

bool Builder::AllReaders(const Scope& scope, std::string_view name, bool (*satisfies)(const NodeProto&)) const {
  if (scope.outputs.contains(name)) return false;
  const auto [begin, end] = scope.readers.equal_range(name);
  return begin != end && std::all_of(begin, end, [&](const auto& entry) { return satisfies(*entry.second); });
}

Partial Builder::PartialOf(Value v) const {
  const auto it = told_.partials.find(v.id);
  return it == told_.partials.end() ? Partial{} : it->second;
}

void Builder::SetDimension(Value v, int axis, const Number& n) {
  const graph::Dimension origin = OriginOf({v.id, axis});
  const Number from = Resolve(n);
  if (from.tensor >= 0 && graph::Dimension{from.tensor, from.axis} != origin) told_.dimensions[origin] = from;
}

void Builder::SetDimensionsOf(Value y, Value x) {
  const Shape& s = TypeOf(y).shape;
  for (int i = 0; i < s.rank() && y.id != x.id; ++i)
    if (s[i] == kUnknown) SetDimension(y, i, Number::Dimension(x.id, i));
}

Number Builder::Resolve(Number n) {
  constexpr int kMostSteps = 64;
  for (int step = 0; step < kMostSteps && !n.known && n.tensor >= 0; ++step) {
    const graph::Dimension origin = OriginOf({n.tensor, n.axis});
    n.tensor = origin.tensor;
    n.axis = origin.axis;
    const auto it = told_.dimensions.find(origin);
    if (it == told_.dimensions.end()) break;
    int64_t times = 0;
    if (__builtin_mul_overflow(n.times, it->second.times, &times)) break;
    n = it->second;
    n.times = times;
  }
  return n;
}

const AttributeProto* Builder::FunctionAttribute(const Scope& scope, std::string_view name) const {
  const Scope* s = &scope;
  while (s && !s->function) s = s->outer;
  if (!s) return nullptr;
  if (const auto it = s->attributes.find(name); it != s->attributes.end()) return it->second;
  for (const AttributeProto& a : s->function->defaults)
    if (a.name == name) return &a;
  return nullptr;
}

Result<Value> Builder::Stored(const TensorProto& t, const std::string& name) {
  if (const auto it = stored_.find(&t); it != stored_.end()) return it->second;
  OCTET_ASSIGN(StoredTensor read, tensors_.Read(t));
  const Value v{graph().AddConstant(UniqueName(name), {read.dtype, read.shape, {}}, graph::MakeBuffer(std::move(read.bytes)))};
  stored_[&t] = v;
  if (t.type == kInt4 || t.type == kUint4) narrow_.insert(v.id);
  return v;
}

// The initializer that a name means, where it means one.
const TensorProto* Builder::FindStored(const Scope* scope, std::string_view name) const {
  for (; scope; scope = scope->outer) {
    if (scope->values.contains(name)) return nullptr;
    if (const auto it = scope->stored.find(name); it != scope->stored.end()) return it->second;
  }
  return nullptr;
}

Result<Binding> Builder::Lookup(Scope& scope, std::string_view name) {
  if (name.empty()) return Binding{};
  if (const auto it = scope.values.find(name); it != scope.values.end()) return it->second;
  if (const TensorProto* t = FindStored(&scope, name)) {
    OCTET_ASSIGN(const Value v, Stored(*t, Owned(name)));
    return Binding(v);
  }
  if (!scope.outer) return Error(Code::kInvalidModel, "a node reads '%s', which nothing makes before it", Owned(name).c_str());
  if (!scope.captures) return Lookup(*scope.outer, name);
  OCTET_ASSIGN(Binding bound, parent_->Lookup(*scope.outer, name));
  if (!bound) return bound;
  for (Value& item : bound.items) {
    OCTET_ASSIGN(item, Capture(*scope.captures, item));
  }
  if (bound.value) {
    OCTET_ASSIGN(bound.value, Capture(*scope.captures, bound.value));
  }
  return bound;
}

// A constant is one inside, too; other values become further inputs of the subgraph.
Result<Value> Builder::Capture(Captures& captures, Value outer) {
  const graph::Tensor& t = parent_->graph().tensor(outer.id);
  graph::Graph& inner = graph();
  if (t.constant) {
    const auto [it, fresh] = captures.constants.try_emplace(outer.id);
    if (fresh) it->second = {inner.AddConstant(t.name, t.type, t.constant)};
    return it->second;
  }
  for (const auto& [from, to] : captures.values)
    if (from == outer) return to;
  const Value v{inner.AddTensor(UniqueName(t.name + "/inside"), t.type)};
  captures.values.emplace_back(outer, v);
  if (parent_->IsNeverNegative(outer)) told_.counts.insert(v.id);
  return v;
}

// ------------------------------------------------------------------------------- whole model

int64_t Builder::VersionOf(const std::map<std::string_view, int64_t>& opsets, std::string_view domain) const {
  const auto it = opsets.find(domain);
  return it == opsets.end() ? kNewest : it->second;
}

const FunctionProto* Builder::FindFunction(const NodeProto& node) const {
  for (const FunctionProto& f : proto_.functions)
    if (f.name == node.op && f.domain == node.domain) return &f;
  return nullptr;
}

// Everything that has no rule, before any work is done.
void Builder::Check(const std::vector<NodeProto>& nodes, const std::map<std::string_view, int64_t>& opsets, const std::string& prefix, int depth) {
  for (const NodeProto& node : nodes) {
    if (findings_.size() > 10000 || depth > kMaxDepth) return;
    const std::string place = PlaceOf(node, prefix), name = RuleName(node);
    if (const FunctionProto* f = FindFunction(node)) {
      if (depth < 4) Check(f->nodes, f->opsets.empty() ? opsets : f->opsets, place + "/", depth + 1);
    } else {
      const int64_t version = VersionOf(opsets, node.domain);
      if (!FindNodeRule(name, version) && !ops::FindImport(ops::Source::kOnnx, name, static_cast<int>(version)))
        findings_.push_back({Owned(node.name), name, place, Format("octet does not have this operator (opset %lld)", static_cast<long long>(version)),
                             node.domain.empty() ? "build it from other operators" : "export without the domain " + Owned(node.domain)});
    }
    for (const AttributeProto& a : node.attributes)
      if (a.g) Check(a.g->nodes, opsets, place + "/", depth + 1);
  }
}

Result<graph::Model> Builder::Build(std::vector<Finding>* findings) {
  if (proto_.opsets.contains("") && VersionOf(proto_.opsets, "") < 7)
    return Error(Code::kUnsupported, "the model has opset %lld; octet reads 7 and newer: convert it with onnx.version_converter",
                 static_cast<long long>(VersionOf(proto_.opsets, "")));
  Check(proto_.graph.nodes, proto_.opsets, "", 0);
  if (findings_.empty()) {
    Scope scope;
    scope.opsets = &proto_.opsets;
    for (const TensorProto& t : proto_.graph.initializers) scope.stored[t.name] = &t;
    if (proto_.graph.has_sparse) return Error(Code::kUnsupported, "the model has sparse initializers; make them dense");
    Declare(scope, proto_.graph);
    OCTET_TRY(AddInputs(scope));
    OCTET_TRY(RunNodes(proto_.graph.nodes, scope));
    if (findings_.empty()) OCTET_TRY(AddOutputs(scope));
  }
  *findings = std::move(findings_);
  return std::move(model_);
}

Result<TensorType> Builder::InputType(const ValueProto& input, bool only) {
  const std::string name = Owned(input.name);
  TensorType type;
  type.dtype = DeclaredType(input.type);
  if (type.dtype == DType::kNone)
    return Error(Code::kUnsupported, "input '%s' is %s; make it a tensor of numbers or strings", name.c_str(),
                 input.type == 0 ? "no tensor" : std::string(TypeName(input.type)).c_str());
  bool given = false;
  for (const auto& [key, shape] : options_.input_shapes)
    if (key == name || (key.empty() && only)) type.shape = shape, given = true;
  if (given) {
    if (input.has_shape) OCTET_TRY(CheckGiven(name, input.dims.size(), type.shape));
    return type;
  }
  if (!input.has_shape) return Error(Code::kUnsupported, "input '%s' has no shape in the file; give it with --input %s:1,...", name.c_str(), name.c_str());
  if (input.dims.size() > kMaxRank) return Error(Code::kUnsupported, "input '%s' has %zu dimensions; at most %d", name.c_str(), input.dims.size(), kMaxRank);
  for (const DimProto& d : input.dims) {
    if (d.value < -1 || d.value > INT32_MAX) return Error(Code::kInvalidModel, "input '%s' has a dimension that is not a size", name.c_str());
    type.shape.push_back(static_cast<int32_t>(d.value));
  }
  return type;
}

void Builder::OpenSubgraph(const std::string& name) {
  Construction::OpenSubgraph(name);
  told_around_.push_back(std::exchange(told_, {}));
}

int32_t Builder::CloseSubgraph() {
  told_ = std::move(told_around_.back());
  told_around_.pop_back();
  return Construction::CloseSubgraph();
}

Status Builder::AddInputs(Scope& scope) {
  model_.signatures.push_back({"serving_default", {}, {}, 0});
  std::vector<const ValueProto*> inputs;  // Before IR 4, initializers are listed among them.
  for (const ValueProto& v : proto_.graph.inputs)
    if (!scope.stored.contains(v.name)) inputs.push_back(&v);
  for (const ValueProto* input : inputs) {
    OCTET_ASSIGN(TensorType type, InputType(*input, inputs.size() == 1));
    const std::string name = Owned(input->name);
    const DType declared = type.dtype;
    Value v{graph().AddTensor(UniqueName(name), std::move(type))};
    graph().inputs.push_back(v.id);
    model_.signatures[0].inputs.push_back({name, v.id});
    const DType compute = ComputeType(input->type);
    if (declared != compute) {
      static const NodeProto kNone;
      NodeContext context(*this, scope, kNone, name, kNewest, {});
      if (declared == DType::kF16) {
        OCTET_ASSIGN(v, context.EmitAs("dequantize", std::span(&v, 1), nullptr, {compute, context.shape(v), {}}));
      } else {
        OCTET_ASSIGN(v, context.Cast(v, compute));
      }
    }
    scope.values[input->name] = v;
  }
  for (const auto& [key, shape] : options_.input_shapes) {
    const bool found = (key.empty() && inputs.size() == 1) || std::ranges::any_of(inputs, [&](const ValueProto* v) { return v->name == key; });
    if (!found)
      return Error(Code::kInvalidArgument, "the model has no input '%s'; its first one is '%s'", key.c_str(),
                   inputs.empty() ? "" : Owned(inputs[0]->name).c_str());
  }
  return {};
}

Status Builder::AddOutputs(Scope& scope) {
  if (proto_.graph.outputs.empty()) return Error(Code::kInvalidModel, "the model has no output");
  for (const ValueProto& output : proto_.graph.outputs) {
    const std::string name = Owned(output.name);
    OCTET_ASSIGN(const Binding bound, Lookup(scope, output.name));
    const DType declared = DeclaredType(output.type);
    if (bound.value && !bound.is_list) {
      OCTET_TRY(AddOutput(scope, name, declared, bound.value));
    } else if (bound.items.empty()) {
      findings_.push_back({name, "output", name, bound.value ? "a sequence whose length is data" : "a sequence of nothing",
                           "output its elements as one tensor (ConcatFromSequence)"});
    }
    for (size_t i = 0; i < bound.items.size(); ++i) OCTET_TRY(AddOutput(scope, Format("%s_%zu", name.c_str(), i), declared, bound.items[i]));
  }
  return {};
}

Status Builder::AddOutput(Scope& scope, const std::string& name, DType declared, Value v) {
  static const NodeProto kNone;
  NodeContext context(*this, scope, kNone, name, kNewest, {});
  const DType own = graph().tensor(v.id).type.dtype;
  if (declared == DType::kF64 && own == DType::kF32) {
    OCTET_ASSIGN(v, context.Cast(v, DType::kF64));
  }
  const auto& outputs = graph().outputs;
  const bool used = std::ranges::find(outputs, v.id) != outputs.end();
  // An input that is an output at once, a constant, or a value that has its name already: a copy takes the name.
  if (graph().tensor(v.id).producer < 0 || used) {
    OCTET_ASSIGN(v, Copied(context, v));
  }
  if (graph().tensor(v.id).name != name) graph().tensor(v.id).name = UniqueName(name);
  graph().outputs.push_back(v.id);
  model_.signatures[0].outputs.push_back({name, v.id});
  return {};
}

// A reshape to the same shape is a copy that every runtime has; of a constant, another constant is enough.
Result<Value> Builder::Copied(NodeContext& c, Value v) {
  const graph::Tensor& t = graph().tensor(v.id);
  if (t.constant) return Value{graph().AddConstant(UniqueName(c.place()), t.type, t.constant)};
  const Shape shape = t.type.shape;
  if (std::ranges::count(shape.dims(), kUnknown) <= 1) return c.Emit("reshape", {v, c.Vector(shape.dims())});
  const int32_t zero = 0;
  OCTET_ASSIGN(const Value longer, c.Emit("expand_dims", {v, c.Constant<int32_t>(Shape{}, std::span(&zero, 1))}));
  return c.Make("squeeze", {longer}, {{"squeeze_dims", std::vector<int32_t>{0}}});
}

// ------------------------------------------------------------------------------------- nodes

Status Builder::RunNodes(const std::vector<NodeProto>& nodes, Scope& scope) {
  if (scope.depth > kMaxDepth) return Error(Code::kInvalidModel, "'%s': functions and graphs are nested too deep", scope.prefix.c_str());
  for (const NodeProto& node : nodes) {
    for (const std::string_view input : node.inputs) scope.readers.emplace(input, &node);
    for (const std::string_view output : node.outputs) scope.makers[output] = &node;
  }
  for (const NodeProto& node : nodes) {
    if (--nodes_left_ < 0) return Error(Code::kInvalidModel, "the model has more than %d nodes when its functions are inlined", 1 << 18);
    OCTET_TRY(RunNode(node, scope));
  }
  return {};
}

Status Builder::RunNode(const NodeProto& node, Scope& scope) {
  const std::string place = PlaceOf(node, scope.prefix), name = RuleName(node);
  if (node.outputs.empty()) return Error(Code::kInvalidModel, "%s '%s' has no outputs", name.c_str(), place.c_str());
  std::vector<Binding> inputs;
  bool missing = false;  // It reads what could not be imported.
  for (const std::string_view input : node.inputs) {
    auto bound = Lookup(scope, input);
    if (!bound.ok()) return Error(Code::kInvalidModel, "%s '%s': %s", name.c_str(), place.c_str(), bound.error().message().c_str());
    missing |= !input.empty() && !*bound;
    inputs.push_back(std::move(*bound));
  }
  if (missing) {
    for (const std::string_view o : node.outputs) scope.values[o] = {};
    return !FailedAround() ? Error(Code::kInvalidModel, "%s '%s' reads an output that its producer does not make", name.c_str(), place.c_str()) : Status();
  }
  const FunctionProto* function = FindFunction(node);
  if (function) {
    for (const Binding& b : inputs) kept_.insert(b.value.id);  // Its nodes call them by other names.
    return RunFunction(*function, node, scope, inputs);
  }
  if (const Fusion f = FindFusion(*this, scope, node); !f.op.empty()) return RunFused(node, scope, place, f.op, f.input, f.tanh);
  const int64_t version = VersionOf(*scope.opsets, node.domain);
  NodeContext context(*this, scope, node, place, version, std::move(inputs));
  const size_t first_new = graph().tensors().size();
  Status status = RunRule(context, name);
  if (!status.ok()) {
    if (context.finding() && status.code() == Code::kUnsupported) findings_.push_back(*context.finding());
    else if (status.code() == Code::kUnsupported) findings_.push_back({Owned(node.name), name, place, status.message(), ""});
    else
      return status.message().find(place) != std::string::npos ? std::move(status)
                                                               : Error(status.code(), "%s '%s': %s", name.c_str(), place.c_str(), status.message().c_str());
    for (const std::string_view o : node.outputs) scope.values[o] = {};
    return {};
  }
  PropagateNumbers(context);
  PropagateDimensions(context);
  Bind(node, scope, context.outputs(), first_new);
  if (!scope.outer) ReleaseInputs(node, scope, context.outputs());
  return {};
}

// Kernels that the node put into another layout are not kept as the file has them: another reader's Stored reads them again.
void Builder::ReleaseInputs(const NodeProto& node, const Scope& scope, const std::vector<Binding>& outputs) {
  for (const Binding& b : outputs) {
    kept_.insert(b.value.id);
    for (const Value v : b.items) kept_.insert(v.id);
  }
  for (const std::string_view input : node.inputs) {
    const TensorProto* t = FindStored(&scope, input);
    const auto it = t ? stored_.find(t) : stored_.end();
    if (it != stored_.end() && !kept_.contains(it->second.id) && ReleaseUnread(it->second)) stored_.erase(it);
  }
}

// What the pattern's other nodes made is read by nobody then, and goes.
Status Builder::RunFused(const NodeProto& node, Scope& scope, const std::string& place, std::string_view op, std::string_view input, bool tanh) {
  OCTET_ASSIGN(const Binding x, Lookup(scope, input));
  NodeProto fused;
  fused.name = node.name;
  fused.op = op;
  fused.outputs = node.outputs;
  AttributeProto& approximate = fused.attributes.emplace_back();
  approximate.name = "approximate";
  approximate.s = tanh ? "tanh" : "none";
  NodeContext context(*this, scope, fused, place, kNewest, {x});
  const size_t first_new = graph().tensors().size();
  OCTET_TRY(RunRule(context, op));
  Bind(node, scope, context.outputs(), first_new);
  return {};
}

Status Builder::RunRule(NodeContext& context, std::string_view name) {
  const NodeRule* own = FindNodeRule(name, context.version());
  if (ComputeNumbers(context)) return {};
  Status status = own ? own->convert(context) : context.ApplyOperatorRule();
  OCTET_TRY(context.TakeTrouble());
  OCTET_TRY(std::move(status));
  for (int i = 0; i < context.num_outputs(); ++i) {
    const bool made = static_cast<size_t>(i) < context.outputs().size() && context.outputs()[static_cast<size_t>(i)];
    if (context.wants(i) && !made) return context.Fail(Format("no use of output %d", i), "one", "leave that output out");
  }
  return {};
}

Result<Value> Builder::RunAs(const NodeContext& context, NodeProto& node, std::vector<Value> inputs) {
  std::vector<Binding> bound;
  for (const Value v : inputs) bound.emplace_back(v);
  const int64_t version = VersionOf(*context.scope().opsets, "");
  NodeContext inner(*this, context.scope(), node, context.place(), version, std::move(bound));
  inner.InheritAttributes(context);
  Status status = RunRule(inner, RuleName(node));
  if (!status.ok()) {
    context.AdoptFinding(inner);
    return status;
  }
  return inner.outputs()[0].value;
}

void Builder::Declare(Scope& scope, const GraphProto& g) const {
  for (const ValueProto& v : g.values) scope.declared[v.name] = &v;
  for (const ValueProto& v : g.outputs) {
    scope.declared[v.name] = &v;
    scope.outputs.insert(v.name);
  }
}

// What the file says of a shape, where computing it gave nothing: dimensions that a reshape takes from data.
void Builder::Refine(const Scope& scope, std::string_view name, Value v) {
  const auto it = scope.declared.find(name);
  if (it == scope.declared.end() || !it->second->has_shape || it->second->dims.size() > kMaxRank) return;
  const graph::Tensor& t = graph().tensor(v.id);
  const auto rank = static_cast<int>(it->second->dims.size());
  const bool open = t.producer >= 0 && (t.type.shape.known() ? t.type.shape.rank() == 0 && rank > 0 : t.type.shape.rank() == rank);
  if (!open) return;
  Shape shape;
  for (const DimProto& d : it->second->dims) shape.push_back(d.value >= 0 && d.value <= INT32_MAX ? static_cast<int32_t>(d.value) : kUnknown);
  RefineShape(v, shape);
}

void Builder::Bind(const NodeProto& node, Scope& scope, const std::vector<Binding>& outputs, size_t first_new) {
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const std::string_view name = node.outputs[i];
    if (name.empty()) continue;
    scope.values[name] = i < outputs.size() ? outputs[i] : Binding{};
    const Value v = scope.values[name].value;  // The source's own name for what the node makes.
    if (!v || static_cast<size_t>(v.id) < first_new || graph().is_constant(v.id)) continue;
    graph().tensor(v.id).name = UniqueName(scope.prefix + Owned(name));
    Refine(scope, name, v);
  }
}

Status Builder::RunFunction(const FunctionProto& f, const NodeProto& node, Scope& scope, std::span<const Binding> inputs) {
  Scope inner;
  inner.function = &f;
  inner.prefix = PlaceOf(node, scope.prefix) + "/";
  inner.opsets = f.opsets.empty() ? scope.opsets : &f.opsets;
  inner.depth = scope.depth + 1;
  for (const AttributeProto& a : node.attributes) {
    const AttributeProto* value = a.ref.empty() ? &a : FunctionAttribute(scope, a.ref);
    if (value) inner.attributes[a.name] = value;
  }
  for (size_t i = 0; i < f.inputs.size(); ++i) inner.values[f.inputs[i]] = i < inputs.size() ? inputs[i] : Binding{};
  inner.outputs.insert(f.outputs.begin(), f.outputs.end());
  OCTET_TRY(RunNodes(f.nodes, inner));
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    Binding bound;
    if (i < f.outputs.size()) {
      OCTET_ASSIGN(bound, Lookup(inner, f.outputs[i]));
    }
    scope.values[node.outputs[i]] = std::move(bound);
  }
  return {};
}

Result<std::vector<Binding>> Builder::RunGraph(const GraphProto& g, Scope& outer, std::span<const Binding> inputs, const std::string& prefix) {
  Scope scope;
  scope.outer = &outer;
  scope.prefix = prefix;
  scope.opsets = outer.opsets;
  scope.depth = outer.depth + 1;
  for (const TensorProto& t : g.initializers) scope.stored[t.name] = &t;
  if (g.inputs.size() < inputs.size())
    return Error(Code::kInvalidModel, "'%s' takes %zu inputs and is given %zu", prefix.c_str(), g.inputs.size(), inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) scope.values[g.inputs[i].name] = inputs[i];
  Declare(scope, g);
  OCTET_TRY(RunNodes(g.nodes, scope));
  std::vector<Binding> outputs;
  for (const ValueProto& o : g.outputs) {
    OCTET_ASSIGN(Binding bound, Lookup(scope, o.name));
    outputs.push_back(std::move(bound));
  }
  return outputs;
}

}  // namespace octet::importers::onnx
