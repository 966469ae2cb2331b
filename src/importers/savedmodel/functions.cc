// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/functions.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "importers/savedmodel/known_ops.h"

namespace octet::importers::savedmodel {
namespace {

constexpr int kMaxDepth = 128;                // Of calls in calls.
constexpr size_t kMaxNodes = 1 << 20, kMaxFrames = 1 << 17;
constexpr int kMaxAliases = 1 << 14;          // Identities and calls on the way to one tensor.

constexpr std::string_view kAliases[] = {"Identity", "StopGradient", "GuaranteeConst", "PreventGradient", "CheckNumerics", "EnsureShape", "Snapshot",
                                         "IdentityN", "PlaceholderWithDefault", "RefIdentity", "CheckNumericsV2", "Print"};

constexpr std::string_view kCalls[] = {"PartitionedCall", "StatefulPartitionedCall"};

// TensorFlow 1's branches read variables behind a Switch of their handle.
bool ChoosesHandle(const NodeDef& n) {
  constexpr int64_t kTfResource = 20;
  data::WireField type;
  return n.op == "Switch" && n.Get("T").Find(Attribute::kType, &type) && type.as_int() == kTfResource;
}

template <class List> bool In(const List& list, std::string_view name) { return std::ranges::find(list, name) != std::end(list); }

// Ops with more than one named output. All others count their outputs by index alone.
struct Outputs {
  std::string_view op;
  std::vector<std::string_view> names;
};
const Outputs* NamedOutputs(std::string_view op) {
  static const std::vector<Outputs> kOutputs = {
      {"TopKV2", {"values", "indices"}},
      {"TopK", {"values", "indices"}},
      {"Unique", {"y", "idx"}},
      {"UniqueV2", {"y", "idx"}},
      {"UniqueWithCounts", {"y", "idx", "count"}},
      {"ListDiff", {"out", "idx"}},
      {"FusedBatchNorm", {"y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"}},
      {"FusedBatchNormV2", {"y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"}},
      {"FusedBatchNormV3", {"y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3"}},
      {"MaxPoolWithArgmax", {"output", "argmax"}},
      {"Switch", {"output_false", "output_true"}},
      {"RefSwitch", {"output_false", "output_true"}},
      {"Merge", {"output", "value_index"}},
      {"StatelessRandomGetKeyCounter", {"key", "counter"}},
      {"NonMaxSuppressionV4", {"selected_indices", "valid_outputs"}},
      {"NonMaxSuppressionV5", {"selected_indices", "selected_scores", "valid_outputs"}},
      {"CombinedNonMaxSuppression", {"nmsed_boxes", "nmsed_scores", "nmsed_classes", "valid_detections"}},
      {"SparseFillEmptyRows", {"output_indices", "output_values", "empty_row_indicator", "reverse_index_map"}},
      {"SparseReshape", {"output_indices", "output_shape"}},
      {"SparseReorder", {"output_indices", "output_values"}},
      {"SparseConcat", {"output_indices", "output_values", "output_shape"}},
      {"SparseSlice", {"output_indices", "output_values", "output_shape"}},
      {"SparseCross", {"output_indices", "output_values", "output_shape"}},
      {"StringSplit", {"indices", "values", "shape"}},
      {"StringSplitV2", {"indices", "values", "shape"}},
      {"TensorListPopBack", {"input_handle", "tensor"}},
      {"TensorListConcat", {"tensor", "lengths"}},
      {"TensorListConcatV2", {"tensor", "lengths"}},
      {"TensorArrayV3", {"handle", "flow"}},
      {"TensorArrayConcatV3", {"value", "lengths"}},
      {"RaggedGather", {"output_nested_splits", "output_dense_values"}},
      {"CTCGreedyDecoder", {"decoded_indices", "decoded_values", "decoded_shape", "log_probability"}},
      {"Svd", {"s", "u", "v"}},
      {"LogMatrixDeterminant", {"sign", "log_abs_determinant"}},
      {"SoftmaxCrossEntropyWithLogits", {"loss", "backprop"}},
      {"SparseSoftmaxCrossEntropyWithLogits", {"loss", "backprop"}},
      {"QuantizeV2", {"output", "output_min", "output_max"}},
      {"Lu", {"lu", "p"}},
      {"CTCBeamSearchDecoder", {"decoded_indices", "decoded_values", "decoded_shape", "log_probability"}},
      {"SparseSplit", {"output_indices", "output_values", "output_shape"}},
      {"UnicodeDecode", {"row_splits", "char_values"}},
      {"StringNGrams", {"ngrams", "ngrams_splits"}},
      {"Qr", {"q", "r"}},
      {"SelfAdjointEigV2", {"e", "v"}},
      {"LookupTableExportV2", {"keys", "values"}},
  };
  const auto it = std::ranges::find(kOutputs, op, &Outputs::op);
  return it == kOutputs.end() ? nullptr : &*it;
}

struct TensorName {
  std::string_view node, output;
  int64_t index = 0;
};
// "node", "node:1" (main graph) or "node:output:1" (function).
TensorName Parse(std::string_view text) {
  TensorName name;
  const size_t colon = text.find(':');
  name.node = text.substr(0, colon);
  if (colon == std::string_view::npos) return name;
  const size_t last = text.rfind(':');
  if (last != colon) name.output = text.substr(colon + 1, last - colon - 1);
  const std::string_view digits = text.substr(last + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), name.index);
  return name;
}

Status Missing(const GraphDef& graph, std::string_view function, std::string_view tensor) {
  return Error(Code::kInvalidModel, "'%s': %s%.*s reads '%.*s', which does not exist", graph.path().c_str(), function.empty() ? "the graph" : "function ",
               static_cast<int>(function.size()), function.data(), static_cast<int>(tensor.size()), tensor.data());
}

}  // namespace

int64_t OutputIndex(std::string_view op, std::string_view name, int64_t index) {
  const Outputs* outputs = name.empty() ? nullptr : NamedOutputs(op);
  if (!outputs) return index;
  const auto it = std::ranges::find(outputs->names, name);
  return it == outputs->names.end() ? -1 : it - outputs->names.begin() + index;
}

bool HasSideEffect(std::string_view op) {
  return (op.starts_with("Assign") && op.find("Variable") != std::string_view::npos) || op.starts_with("ResourceScatter") ||
         op == "ResourceStridedSliceAssign" || op == "Assign" || op == "AssignAdd" || op == "AssignSub" || op.starts_with("ResourceApply") ||
         op.starts_with("LookupTableInsert");
}

const NodeDef* Functions::FindNode(int32_t frame, std::string_view name) const {
  const FunctionDef& f = *frames_[static_cast<size_t>(frame)].function;
  const auto it = f.by_name.find(name);
  return it == f.by_name.end() ? nullptr : &f.nodes[it->second];
}

namespace {

// A function that an operator computes whole: its call stays a node, for which there is a rule (layers/selection.cc). Of several images the
// function's own body serves.
bool IsOperator(const FunctionDef& f) {
  return f.implements == "non_max_suppression_padded_v2" && f.inputs.size() == 8 && f.outputs.size() == 2 && f.first_rank == 2;
}

}  // namespace

Result<const FunctionDef*> Functions::Callee(const NodeDef& node) {
  if (In(kCalls, node.op)) {
    OCTET_ASSIGN(const FunctionDef* callee, graph_.Function(node.Function("f")));
    return callee && IsOperator(*callee) ? nullptr : callee;
  }
  return graph_.HasFunction(node.op) ? graph_.Function(node.op) : Result<const FunctionDef*>(static_cast<const FunctionDef*>(nullptr));
}

Result<const OpSchema*> Functions::Schema(std::string_view op) {
  const Bytes message = graph_.Op(op);
  if (message.empty()) return KnownOp(op);
  auto known = schemas_.find(op);
  if (known == schemas_.end()) {
    OCTET_ASSIGN(OpSchema schema, ReadOpSchema(message));
    known = schemas_.emplace(op, std::move(schema)).first;
  }
  return &std::as_const(known->second);
}

Result<int32_t> Functions::OpenRegion(const FunctionDef& function, std::vector<Edge> arguments) {
  if (frames_.size() >= kMaxFrames) return Error(Code::kInvalidModel, "the model calls more than %zu functions", kMaxFrames);
  const auto region = static_cast<int32_t>(regions_.size());
  regions_.push_back(static_cast<int32_t>(frames_.size()));
  arguments.resize(function.inputs.size());
  frames_.push_back({&function, -1, nullptr, region, 0, std::move(arguments), {}, {}});
  return region;
}

int32_t Functions::AddCaptured(size_t index) {
  nodes_.emplace_back().captured = index;
  expanded_.push_back(true);
  return static_cast<int32_t>(nodes_.size()) - 1;
}

Result<int32_t> Functions::FrameOf(int32_t frame, const NodeDef& call, const FunctionDef& callee) {
  Frame& outer = frames_[static_cast<size_t>(frame)];
  if (const auto it = outer.callees.find(&call); it != outer.callees.end()) return it->second;
  if (outer.depth >= kMaxDepth)
    return Error(Code::kInvalidModel, "function calls nest deeper than %d at '%.*s'", kMaxDepth, static_cast<int>(call.name.size()), call.name.data());
  if (frames_.size() >= kMaxFrames) return Error(Code::kInvalidModel, "the model calls more than %zu functions", kMaxFrames);
  const auto id = static_cast<int32_t>(frames_.size());
  outer.callees[&call] = id;
  frames_.push_back({&callee, frame, &call, outer.region, outer.depth + 1, {}, {}, {}});
  return id;
}

Result<int32_t> Functions::NodeOf(int32_t frame, const NodeDef& def) {
  Frame& f = frames_[static_cast<size_t>(frame)];
  const auto [it, added] = f.nodes.emplace(&def, static_cast<int32_t>(nodes_.size()));
  if (!added) return it->second;
  if (nodes_.size() >= kMaxNodes) return Error(Code::kInvalidModel, "the model has more than %zu nodes", kMaxNodes);
  FlatNode& node = nodes_.emplace_back();
  node.def = &def;
  node.frame = frame;
  node.region = f.region;
  expanded_.push_back(false);
  return it->second;
}

Result<Edge> Functions::Resolve(int32_t frame, std::string_view tensor) {
  for (int step = 0; step < kMaxAliases; ++step) {
    Frame& f = frames_[static_cast<size_t>(frame)];
    const TensorName name = Parse(tensor);
    if (const auto arg = f.function->args.find(name.node); arg != f.function->args.end() && tensor.find(':') == std::string_view::npos) {
      if (f.parent < 0) {
        const Edge bound = f.arguments[arg->second];
        return bound ? bound : Edge{Edge::kArgument, static_cast<int32_t>(arg->second)};
      }
      if (arg->second >= f.call->inputs.size()) return Missing(graph_, f.function->name, tensor);
      tensor = f.call->inputs[arg->second];
      frame = f.parent;
      continue;
    }
    if (frame == 0)
      if (const auto input = inputs_.find(name.node); input != inputs_.end()) return Edge{Edge::kArgument, input->second};
    const NodeDef* def = FindNode(frame, name.node);
    if (!def) return Missing(graph_, f.function->name, tensor);
    if (In(kAliases, def->op) || ChoosesHandle(*def)) {
      const size_t i = def->op == "IdentityN" ? static_cast<size_t>(std::max<int64_t>(0, name.index)) : 0;
      if (i >= def->inputs.size()) return Missing(graph_, f.function->name, tensor);
      for (const std::string_view input : def->inputs)
        if (input.starts_with('^')) OCTET_TRY(AddControlRoot(frame, input.substr(1), f.region));
      tensor = def->inputs[i];
      continue;
    }
    OCTET_ASSIGN(const FunctionDef* callee, Callee(*def));
    if (callee) {
      // In the main graph outputs are numbered, in bodies "call:output:k" is: both count through.
      size_t k = static_cast<size_t>(std::max<int64_t>(0, name.index));
      if (!In(kCalls, def->op) && !name.output.empty())
        k = static_cast<size_t>(std::ranges::find(callee->outputs, name.output, &ArgDef::name) - callee->outputs.begin());
      if (k >= callee->outputs.size() || !callee->ret.contains(callee->outputs[k].name)) return Missing(graph_, f.function->name, tensor);
      OCTET_TRY(AddControlRoot(frame, def->name, f.region));
      OCTET_ASSIGN(frame, FrameOf(frame, *def, *callee));
      tensor = callee->ret.at(callee->outputs[k].name);
      continue;
    }
    OCTET_ASSIGN(const int32_t node, NodeOf(frame, *def));
    int64_t output = OutputIndex(def->op, name.output, name.index);
    if (!name.output.empty() && !NamedOutputs(def->op)) {
      OCTET_ASSIGN(const OpSchema* const schema, Schema(def->op));
      if (schema && !schema->outputs.empty() && !schema->outputs[0].name.empty()) output = OutputIndex(*def, *schema, name.output) + name.index;
    }
    if (output < 0 || output > (1 << 16)) return Missing(graph_, f.function->name, tensor);
    return Edge{node, static_cast<int32_t>(output)};
  }
  return Error(Code::kInvalidModel, "'%s': the graph's calls lead in a circle", graph_.path().c_str());
}

Result<Edge> Functions::RegionOutput(int32_t region, size_t i) {
  const int32_t frame = FrameOfRegion(region);
  const FunctionDef& f = FunctionOf(region);
  if (i >= f.outputs.size() || !f.ret.contains(f.outputs[i].name))
    return Error(Code::kInvalidModel, "function '%.*s' has no output %zu", static_cast<int>(f.name.size()), f.name.data(), i);
  return Resolve(frame, f.ret.at(f.outputs[i].name));
}

// ----------------------------------------------------------------------------- side effects

Result<bool> Functions::HasEffects(const FunctionDef& function, int depth) {
  if (const auto it = has_effects_.find(&function); it != has_effects_.end()) return it->second;
  if (depth > kMaxDepth) return false;
  has_effects_[&function] = false;  // Functions that call each other in a circle end here.
  bool effects = false;
  for (const NodeDef& node : function.nodes) {
    effects |= HasSideEffect(node.op);
    OCTET_ASSIGN(const FunctionDef* callee, Callee(node));
    if (!callee && (node.op == "While" || node.op == "If")) {
      for (const char* key : {"body", "then_branch", "else_branch"}) {
        OCTET_ASSIGN(const FunctionDef* branch, graph_.Function(node.Function(key)));
        if (!branch) continue;
        OCTET_ASSIGN(const bool inside, HasEffects(*branch, depth + 1));
        effects |= inside;
      }
    }
    if (!callee) continue;
    OCTET_ASSIGN(const bool inside, HasEffects(*callee, depth + 1));
    effects |= inside;
  }
  return has_effects_[&function] = effects;
}

Status Functions::AddControlRoot(int32_t frame, std::string_view name, int32_t region) {
  std::vector<int32_t> found;
  OCTET_TRY(FindEffects(frame, name, false, &found));
  for (const int32_t id : found)
    if (std::ranges::find(roots_[region], id) == roots_[region].end()) roots_[region].push_back(id);
  return {};
}

namespace {
constexpr std::string_view kReads[] = {"ReadVariableOp", "ResourceGather", "ResourceGatherNd"};
}  // namespace

// Follows control inputs (through calls, into what they run) to nodes with side effects; where a write asks, also to reads, which it must not overtake.
Status Functions::FindEffects(int32_t frame, std::string_view name, bool reads, std::vector<int32_t>* found) {
  OCTET_ASSIGN(const bool any, HasEffects(*frames_[static_cast<size_t>(frame)].function, 0));
  if (!any) return {};
  std::vector<std::pair<int32_t, std::string_view>> stack = {{frame, name}};
  std::set<std::pair<int32_t, std::string_view>> seen;
  while (!stack.empty()) {
    const auto [at, node_name] = stack.back();
    stack.pop_back();
    if (!seen.emplace(at, node_name).second) continue;
    const NodeDef* def = FindNode(at, node_name);
    if (!def) continue;
    OCTET_ASSIGN(const FunctionDef* callee, Callee(*def));
    bool effect = HasSideEffect(def->op) || (reads && In(kReads, def->op));
    for (const char* key : {"body", "then_branch", "else_branch"}) {
      if (def->op != "While" && def->op != "If") break;
      OCTET_ASSIGN(const FunctionDef* branch, graph_.Function(def->Function(key)));
      if (!branch) continue;
      OCTET_ASSIGN(const bool inside, HasEffects(*branch, 0));
      effect |= inside;
    }
    if (effect) {
      OCTET_ASSIGN(const int32_t id, NodeOf(at, *def));
      if (std::ranges::find(*found, id) == found->end()) found->push_back(id);
      continue;
    }
    for (const std::string_view input : def->inputs)
      if (input.starts_with('^')) stack.emplace_back(at, input.substr(1));
    if (!callee) continue;
    OCTET_ASSIGN(const bool inside, HasEffects(*callee, 0));
    if (!inside && !reads) continue;
    OCTET_ASSIGN(const int32_t inner, FrameOf(at, *def, *callee));
    for (const std::string_view end : callee->control_ret) stack.emplace_back(inner, end);
  }
  std::ranges::sort(*found);
  return {};
}

// -------------------------------------------------------------------------------- the order

Status Functions::Expand(int32_t id) {
  if (expanded_[static_cast<size_t>(id)]) return {};
  expanded_[static_cast<size_t>(id)] = true;
  const NodeDef& def = *nodes_[static_cast<size_t>(id)].def;
  const int32_t frame = nodes_[static_cast<size_t>(id)].frame;
  for (const std::string_view input : def.inputs) {
    if (input.starts_with('^')) {
      std::vector<int32_t> found;
      OCTET_TRY(FindEffects(frame, input.substr(1), HasSideEffect(def.op), &found));
      for (const int32_t effect : found)
        if (effect != id) nodes_[static_cast<size_t>(id)].after.push_back(effect);
      continue;
    }
    OCTET_ASSIGN(const Edge edge, Resolve(frame, input));
    nodes_[static_cast<size_t>(id)].inputs.push_back(edge);
    MarkRead(edge);
    if (edge.node >= 0) nodes_[static_cast<size_t>(edge.node)].readers.push_back(id);
  }
  return {};
}

Result<std::vector<int32_t>> Functions::Order(int32_t region, const std::vector<Edge>& outputs) {
  enum : uint8_t { kNew, kOpen, kDone };
  std::vector<uint8_t> state;
  std::vector<int32_t> order;
  std::vector<std::pair<int32_t, size_t>> stack;
  const auto visit = [&](int32_t id) -> Status {
    state.resize(nodes_.size(), kNew);
    if (id < 0 || !nodes_[static_cast<size_t>(id)].def || nodes_[static_cast<size_t>(id)].region != region || state[static_cast<size_t>(id)] != kNew) return {};
    stack.emplace_back(id, 0);
    while (!stack.empty()) {
      const auto [top, next] = stack.back();
      state.resize(nodes_.size(), kNew);
      if (next == 0) {
        state[static_cast<size_t>(top)] = kOpen;
        OCTET_TRY(Expand(top));
        state.resize(nodes_.size(), kNew);
      }
      const FlatNode& n = nodes_[static_cast<size_t>(top)];
      if (next < n.inputs.size() + n.after.size()) {
        ++stack.back().second;
        const int32_t child = next < n.after.size() ? n.after[next] : n.inputs[next - n.after.size()].node;
        // What lies outside the region is its builder's to know.
        if (child < 0 || !nodes_[static_cast<size_t>(child)].def || nodes_[static_cast<size_t>(child)].region != region) continue;
        if (state[static_cast<size_t>(child)] == kDone) continue;
        if (state[static_cast<size_t>(child)] == kOpen)
          return Error(Code::kInvalidModel, "'%s': node '%.*s' depends on itself", graph_.path().c_str(), static_cast<int>(n.def->name.size()),
                       n.def->name.data());
        stack.emplace_back(child, 0);
        continue;
      }
      state[static_cast<size_t>(top)] = kDone;
      order.push_back(top);
      stack.pop_back();
    }
    return {};
  };
  std::ranges::for_each(outputs, [&](const Edge& edge) { MarkRead(edge); });
  const std::vector<int32_t> roots = roots_[region];
  for (const int32_t root : roots) OCTET_TRY(visit(root));
  for (const Edge& edge : outputs) OCTET_TRY(visit(edge.node));
  for (size_t i = 0; i < roots_[region].size(); ++i) OCTET_TRY(visit(roots_[region][i]));  // Found on the way.
  return order;
}

}  // namespace octet::importers::savedmodel
