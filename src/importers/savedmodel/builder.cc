// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/builder.h"

#include <algorithm>
#include <cstring>

#include "base/float16.h"
#include "base/strings.h"
#include "importers/lowerings/tensorflow_op.h"
#include "importers/savedmodel/complex.h"
#include "importers/savedmodel/flex.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

using data::WireField;

// Half and double precision as floats.
std::vector<std::byte> ToFloats(DType from, Bytes bytes) {
  const size_t width = from == DType::kF64 ? 8 : 2, count = bytes.size() / width;
  std::vector<std::byte> out(4 * count);
  for (size_t i = 0; i < count; ++i) {
    float f = 0;
    if (from == DType::kF64) {
      double d;
      std::memcpy(&d, bytes.data() + 8 * i, 8);
      f = static_cast<float>(d);
    } else {
      uint16_t h;
      std::memcpy(&h, bytes.data() + 2 * i, 2);
      f = from == DType::kF16 ? F16ToF32(h) : BF16ToF32(h);
    }
    std::memcpy(out.data() + 4 * i, &f, 4);
  }
  return out;
}

bool IsReduced(DType t) { return t == DType::kF16 || t == DType::kBF16 || t == DType::kF64; }

constexpr std::string_view kHandles[] = {"VarHandleOp", "VariableV2", "Variable", "HashTableV2", "HashTable", "MutableHashTableV2"};

}  // namespace

Value Builder::AddInput(const std::string& name, const TensorType& type) {
  const Value v{graph().AddTensor(UniqueName(name), type)};
  graph().inputs.push_back(v.id);
  return v;
}

void Builder::SetArgument(size_t i, Value v) { slots_[{Edge::kArgument, static_cast<int32_t>(i)}].value = v; }

void Builder::ReportFailure(const Edge& edge) {
  const auto failure = At(edge).failure;
  if (!failure) return;
  for (const Finding& finding : *failure)
    if (session_.found.emplace(finding.place, finding.kind).second) session_.findings.push_back(finding);
}

const FlatNode* Builder::Handle(const Edge& edge) {
  if (edge.node < 0) return nullptr;
  const FlatNode& n = functions().node(edge.node);
  return n.def && std::ranges::find(kHandles, n.def->op) != std::end(kHandles) ? &n : nullptr;
}

Value Builder::ValueOf(const Edge& edge) {
  Slot& slot = At(edge);
  if (slot.value) return released_.contains(slot.value.id) ? Again(slot) : slot.value;
  if (edge.node >= 0 && !functions().node(edge.node).def) {
    const Captured& c = session_.captured[functions().node(edge.node).captured];
    return slot.value = Constant(c.type, *c.bytes, UniqueName("constant"));
  }
  if (!slot.partial || !slot.partial->known()) return {};
  Partial p = *slot.partial;
  p.dtype = ComputeType(p.dtype);
  const std::string name = edge.node >= 0 && functions().node(edge.node).def ? std::string(functions().NameOf(edge.node)) : "constant";
  return slot.value = Constant({p.dtype, p.shape, {}}, p.bytes(), UniqueName(name));
}

const Partial* Builder::PartialOf(const Edge& edge) {
  Slot& slot = At(edge);
  if (slot.partial) return &*slot.partial;
  if (edge.node >= 0 && !functions().node(edge.node).def) slot.partial = session_.captured[functions().node(edge.node).captured].partial;
  if (!slot.partial && slot.value) {
    const graph::Tensor& t = graph().tensor(slot.value.id);
    if (t.constant) slot.partial = Partial::FromBytes(t.type.dtype, t.type.shape, t.constant->data());
  }
  return slot.partial ? &*slot.partial : nullptr;
}

Result<const Partial*> Builder::PartialAhead(const Edge& edge) {
  const NodeDef* def = edge.node >= 0 ? functions().node(edge.node).def : nullptr;
  if (def && def->op == "Const" && !PartialOf(edge)) OCTET_TRY(ReadConstant(edge.node));
  return PartialOf(edge);
}

int32_t Builder::Capture(const Edge& edge) {
  const Partial* known = PartialOf(edge);
  const Value v = At(edge).value || (known && known->known()) ? ValueOf(edge) : Value{};
  if (!v || !graph().tensor(v.id).constant) return -1;
  const graph::Tensor& t = graph().tensor(v.id);
  session_.captured.push_back({t.type, t.constant, known ? std::optional(*known) : std::nullopt});
  return functions().AddCaptured(session_.captured.size() - 1);
}

const TensorList* Builder::ListOf(const Edge& edge) {
  const Slot& slot = At(edge);
  return slot.list ? &*slot.list : nullptr;
}

int32_t Builder::AddSubgraph(graph::Graph g) {
  session_.subgraphs.push_back(std::move(g));
  return static_cast<int32_t>(session_.subgraphs.size());
}

int32_t Builder::CloseSubgraph() {
  (void)Construction::CloseSubgraph();
  graph::Graph g = std::move(model_.subgraphs.back());
  model_.subgraphs.pop_back();
  return AddSubgraph(std::move(g));
}

// The region's graph and the model's subgraphs are one model for so long.
Status Builder::Link() {
  graph::Model all;
  all.subgraphs.push_back(std::move(model_.main()));
  std::ranges::move(session_.subgraphs, std::back_inserter(all.subgraphs));
  Status status = graph::LinkCallees(all);
  model_.main() = std::move(all.subgraphs[0]);
  std::ranges::move(all.subgraphs.begin() + 1, all.subgraphs.end(), session_.subgraphs.begin());
  return status;
}

Result<Value> Builder::Variable(const FlatNode& handle, const NodeContext& c) {
  const std::string name(handle.def->name);
  const std::string& stored = session_.KeyOf(handle.def->name);
  const Variables::Entry* entry = session_.variables.Find(stored);
  if (!entry) return c.Fail("a variable with a stored value", "'" + name + "' without one", "save the model again, after its variables were initialised");
  const DType dtype = DTypeFromTf(entry->type);
  if (dtype == DType::kNone || BitsOf(dtype) == 0) return c.Fail("numbers in a variable", "'" + name + "' of another type", "");
  OCTET_ASSIGN(Captured value, ReadVariable(session_, stored, name));
  return Constant(value.type, std::move(value.bytes), UniqueName(name));
}

Result<Captured> ReadVariable(Session& session, const std::string& key, const std::string& name) {
  const auto known = session.values.find(key);
  if (known != session.values.end())
    if (graph::Buffer bytes = known->second.bytes.lock()) return Captured{known->second.type, std::move(bytes), std::nullopt};
  const Variables::Entry* entry = session.variables.Find(key);
  OCTET_ASSIGN(const Bytes bytes, session.variables.Read(key));
  const DType dtype = DTypeFromTf(entry->type);
  OCTET_ASSIGN(const Shape shape, ToShape(entry->shape, name));
  uint64_t size = 0;
  if (!CheckedBytes(dtype, shape, &size) || size != bytes.size())
    return Error(Code::kInvalidModel, "variable '%s': %zu bytes do not make %s; copy the model again", name.c_str(), bytes.size(), shape.text().c_str());
  Captured value{{ComputeType(dtype), shape, {}}, nullptr, std::nullopt};
  value.bytes = IsReduced(dtype) ? graph::MakeBuffer(ToFloats(dtype, bytes)) : graph::MakeBuffer(bytes, session.variables.FileOf(*entry));
  session.variables.Release(bytes);
  session.values[key] = {value.type, value.bytes};
  return value;
}

// ---------------------------------------------------------------------------------- running

Status Builder::Run(const std::vector<Edge>& outputs) {
  OCTET_ASSIGN(const std::vector<int32_t> order, functions().Order(region_, outputs));
  for (const int32_t id : order) OCTET_TRY(RunNode(id));
  return {};
}

Status Builder::RunNode(int32_t id) {
  const FlatNode& n = functions().node(id);
  if (Handle({id, 0}) && !FindNodeRule(n.def->op)) return {};  // Who reads it gives it a value; but a reference is its value.
  if (n.def->op == "Const") return ReadConstant(id);
  std::vector<std::optional<Partial>> known = Evaluated(id);
  for (size_t i = 0; i < known.size(); ++i)
    if (known[i]) At({id, static_cast<int32_t>(i)}).partial = known[i];
  const bool all = !known.empty() && std::ranges::all_of(known, [](const auto& p) { return p && p->known(); });
  if (all) return {};
  OCTET_TRY(RunRule(id));
  ReleaseInputs(id);
  return {};
}

// The value as the file has it is what this node gives.
void Builder::Stored(int32_t id, Value v) {
  if (v && graph().is_constant(v.id)) stored_[v.id] = id;
}

// Kernels that the node put into another layout are not kept as the file has them.
void Builder::ReleaseInputs(int32_t id) {
  for (const Edge& edge : functions().node(id).inputs) {
    const Value v = At(edge).value;
    const auto stored = v ? stored_.find(v.id) : stored_.end();
    if (stored == stored_.end() || At({id, 0}).value == v || !ReleaseUnread(v)) continue;
    released_.insert(*stored);
    stored_.erase(stored);
  }
}

// Reads a released value once more, for a second reader.
Value Builder::Again(Slot& slot) {
  const int32_t node = released_.at(slot.value.id);
  Slot& source = At({node, 0});
  if (released_.contains(source.value.id)) {
    source.value = {};
    const Status status = functions().node(node).def->op == "Const" ? ReadConstant(node) : RunRule(node);
    if (!status.ok()) return {};
  }
  return slot.value = source.value;
}

Status Builder::RunRule(int32_t id) {
  NodeContext c(*this, id);
  const NodeRule* own = FindNodeRule(c.kind());
  const ops::ImportRule* rule = own ? nullptr : ops::FindImport(ops::Source::kTensorFlow, c.kind(), 0);
  const size_t first_new = graph().tensors().size();
  const bool computed = !own && !rule && HasOwnKernel(c.kind());
  if (!own && !rule) (void)c.Inputs();  // Whether they failed, too.
  Status status = own                         ? Convert(c, *own)
                  : rule                      ? rule->convert(c)
                  : computed && !c.poisoned() ? AddFlex(c)
                                              : c.Fail("an op that octet has", std::string(c.kind()), std::string(AdviceInstead(c.kind())));
  if (status.ok() && c.lacks_input()) status = Error(Code::kInvalidModel, "it lacks an input");
  if (status.ok() && !c.poisoned()) return Take(id, c, first_new), Status();
  if (c.poisoned() && (own || rule || computed)) {  // What it reads is the finding.
    Fail(id, c, nullptr);
    if (HasSideEffect(c.kind())) ReportFailure({id, 0});  // No output asks for it.
    return {};
  }
  // What operators say of a node's types and shapes is about the model, not about the file's form.
  if (!status.ok() && status.code() != Code::kUnsupported && status.code() != Code::kInvalidModel) return status;
  Finding finding = c.finding() ? *c.finding()
                                : Finding{std::string(c.name()), std::string(c.kind()), c.place(), status.ok() ? "it has no output" : status.message(),
                                          std::string(AdviceInstead(c.kind()))};
  if (session_.flex && !c.poisoned()) {
    OCTET_ASSIGN(const bool kept, KeepAsFlex(id, &finding));
    if (kept) return {};
  }
  Fail(id, c, &finding);
  if (HasSideEffect(c.kind())) ReportFailure({id, 0});
  return {};
}

void Builder::Take(int32_t id, const NodeContext& c, size_t first_new) {
  Rename(id, c.outputs(), first_new);
  for (size_t i = 0; i < c.outputs().size(); ++i) At({id, static_cast<int32_t>(i)}).value = c.outputs()[i];
  CarrySymbols(id, c);
  if (c.kind() == "ReadVariableOp" && !c.outputs().empty()) Stored(id, c.outputs()[0]);
}

// The node as TensorFlow's own operator. False: not possible, and the finding says why.
Result<bool> Builder::KeepAsFlex(int32_t id, Finding* finding) {
  NodeContext c(*this, id);
  const size_t first_new = graph().tensors().size();
  Status status = AddFlex(c);
  if (!status.ok()) {
    if (status.code() != Code::kUnsupported) return status;
    if (c.finding()) finding->reason += "; as TensorFlow's own operator: " + c.finding()->reason;
    return false;
  }
  finding->flex = true;
  session_.flex->push_back(*finding);
  Take(id, c, first_new);
  return true;
}

void Builder::Fail(int32_t id, const NodeContext& c, const Finding* own) {
  constexpr size_t kMost = 1000;
  constexpr int32_t kOutputs = 16;  // As many as may be asked for.
  auto all = std::make_shared<std::vector<Finding>>();
  for (const Edge& edge : c.node().inputs) {
    const auto inner = At(edge).failure;
    for (size_t i = 0; inner && i < inner->size() && all->size() < kMost; ++i) {
      const Finding& f = (*inner)[i];
      if (std::ranges::none_of(*all, [&](const Finding& g) { return g.place == f.place && g.kind == f.kind; })) all->push_back(f);
    }
  }
  if (c.reasons()) all->insert(all->end(), c.reasons()->begin(), c.reasons()->end());
  if (own) all->push_back(*own);
  for (int32_t i = 0; i < kOutputs; ++i) At({id, i}).failure = all;
}

namespace {

// Ops whose first dimension is that of their first tensor.
constexpr std::string_view kKeepFirst[] = {"MatMul", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "MaxPool", "AvgPool", "Split", "SplitV", "ConcatV2",
                                           "BatchMatMulV2", "ExpandDims", "Squeeze", "Tile"};

}  // namespace

// An open dimension of a result that is surely some input's, too, is the same number.
void Builder::CarrySymbols(int32_t id, const NodeContext& c) {
  const std::string_view op = c.kind();
  const bool first = std::ranges::find(kKeepFirst, op) != std::end(kKeepFirst);
  for (const Value v : c.outputs()) {
    if (!v) continue;
    for (int axis = 0; axis < (first ? std::min(1, c.rank(v)) : c.rank(v)); ++axis) {
      if (c.shape(v)[axis] != kUnknown || symbols_.contains({v.id, axis})) continue;
      for (const Edge& edge : functions().node(id).inputs) {
        const Value x = At(edge).value;
        if (!x || c.rank(x) <= axis || c.shape(x)[axis] != kUnknown) continue;
        if (!first && (!IsElementwise(op) || c.rank(x) != c.rank(v))) continue;
        if (!symbols_.contains({v.id, axis})) SetSymbol(v, axis, SymbolOf(x, axis));
        if (first) break;
        Unite(SymbolOf(v, axis), SymbolOf(x, axis));
      }
    }
  }
  if (op != "Transpose" || c.outputs().empty() || !c.Known(1)) return;
  const Value x = At(functions().node(id).inputs[0]).value, y = c.outputs()[0];
  for (int axis = 0; x && axis < c.rank(y) && axis < static_cast<int>(c.Known(1)->v.size()); ++axis) {
    const int64_t from = c.Known(1)->v[static_cast<size_t>(axis)].i;
    if (from >= 0 && from < c.rank(x) && c.shape(x)[static_cast<int>(from)] == kUnknown) SetSymbol(y, axis, SymbolOf(x, static_cast<int>(from)));
  }
}

// The node's own name for what it makes.
void Builder::Rename(int32_t id, const std::vector<Value>& outputs, size_t first_new) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Value v = outputs[i];
    if (!v || static_cast<size_t>(v.id) < first_new || graph().tensor(v.id).constant) continue;
    graph().tensor(v.id).name = UniqueName(std::string(functions().NameOf(id)) + (i > 0 ? ":" + std::to_string(i) : ""));
  }
}

Status Builder::ReadConstant(int32_t id) {
  const NodeDef& def = *functions().node(id).def;
  WireField field;
  if (!def.Get("value").Find(Attribute::kTensor, &field))
    return Error(Code::kInvalidModel, "constant '%.*s' has no value", static_cast<int>(def.name.size()), def.name.data());
  Slot& slot = At({id, 0});
  Result<TensorProto> tensor = ReadTensor(field.bytes, def.name);
  if (!tensor.ok()) {
    if (tensor.error().code() != Code::kUnsupported) return std::move(tensor).status();
    slot.failure = std::make_shared<std::vector<Finding>>(1, Finding{std::string(def.name), "Const", std::string(def.name), tensor.error().message(), ""});
    return {};
  }
  const DType dtype = DTypeFromTf(tensor->type);
  OCTET_ASSIGN(const Shape shape, ToShape(tensor->shape, def.name));
  if (dtype == DType::kString) {
    std::vector<StringRef> texts;
    for (const std::string& text : tensor->texts) texts.push_back({text.data(), static_cast<decltype(StringRef::size)>(text.size())});
    slot.value = Constant({dtype, shape, {}}, WriteStrings(texts), UniqueName(std::string(def.name)));
    return {};
  }
  slot.partial = Partial::FromBytes(dtype, shape, tensor->bytes.data());
  if (slot.partial) return {};
  if (IsReduced(dtype)) tensor->bytes = ToFloats(dtype, tensor->bytes);
  slot.value = Constant({ComputeType(dtype), shape, {}}, graph::MakeBuffer(std::move(tensor->bytes)), UniqueName(std::string(def.name)));
  Stored(id, slot.value);
  return {};
}

// ----------------------------------------------------------------------- what is known

Partial Builder::ShapeOf(const Edge& edge, DType dtype) {
  Partial p{dtype, {}, {}};
  const Slot& slot = At(edge);
  const Shape& shape = slot.value ? TypeOf(slot.value).shape : slot.partial->shape;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] != kUnknown) p.v.push_back(Number::Of(int64_t{shape[i]}));
    else p.v.push_back(Number::Symbol(SymbolOf(slot.value, i)));
  }
  p.shape = Shape{shape.rank()};
  return p;
}

std::vector<std::optional<Partial>> Builder::Evaluated(int32_t id) {
  const FlatNode& n = functions().node(id);
  const std::string_view op = n.def->op;
  std::vector<std::optional<Partial>> out;
  if (op == "Shape" || op == "ShapeN" || op == "Size" || op == "Rank") {
    WireField f;
    const DType dtype = n.def->Get("out_type").Find(Attribute::kType, &f) && f.as_int() == 9 ? DType::kI64 : DType::kI32;
    for (const Edge& edge : n.inputs) {
      const Value v = ValueOf(edge);
      if (!v && !At(edge).partial) return {};
      Partial p = ShapeOf(edge, dtype);
      if (op == "Rank") {
        p.v = {Number::Of(static_cast<int64_t>(p.v.size()))};
        p.shape = {};
      } else if (op == "Size") {
        int64_t count = 1;
        bool known = p.known();
        for (const Number& d : p.v) known = known && !__builtin_mul_overflow(count, d.i, &count);
        p.v = {known ? Number::Of(count) : Number()};
        p.shape = {};
      }
      out.emplace_back(std::move(p));
    }
    return out;
  }
  std::vector<const Partial*> inputs;
  for (const Edge& edge : n.inputs) inputs.push_back(Handle(edge) ? nullptr : PartialOf(edge));
  return Evaluate(*n.def, inputs);
}

}  // namespace octet::importers::savedmodel
