// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "base/strings.h"
#include "runtime/foreign_op.h"
#include "runtime/plan_rows.h"
#include "runtime/table_fusion.h"

namespace octet::runtime {
namespace {

// A fold may grow its inputs this much (weights stored small are dequantized once), or be this small.
constexpr int32_t kLargestDimension = 1 << 26;  // Of a computed tensor: kernels make tables per row and column.
constexpr size_t kReadAhead = 64;                 // Vector kernels may read (never write) this far behind a tensor.
constexpr uint64_t kFoldGrowth = 8, kFoldBytes = 1u << 20;

uint64_t BytesOf(const TensorType& t) {
  uint64_t bytes = 0;
  return CheckedBytes(t.dtype, t.shape, &bytes) ? bytes : 0;
}

// Zero as a real number, in bytes: the zero point, where there is one.
int ZeroOf(const TensorType& t) { return t.dtype == DType::kI8 || t.dtype == DType::kU8 ? t.quant.zero0() : 0; }

// Whether operand i is one whose value decides shapes; the last one of a definition may repeat.
bool IsShape(const tflite::OperatorInfo& op, size_t i) {
  const std::span<const ops::Operand> operands = op.op->inputs;
  return !operands.empty() && operands[std::min(i, operands.size() - 1)].role == ops::Role::kShape;
}

}  // namespace

// What a lens shows of the node's surroundings.
enum class Values {
  kKnown,    // Constants and what was folded: infer while planning.
  kPrepare,  // Also the interpreter's resources.
  kShape,    // Also computed operands with Role::kShape: prepare builds on them.
  kAll,      // Also everything else that is there: infer may count data.
};

// The lens over one node: types as they are now, constants where values are known.
class Plan::NodeLens {
 public:
  // together: the node as it works on a strip of so many rows; 0: on all.
  NodeLens(const Plan& plan, int node, Values values, int64_t together = 0) : NodeLens(plan, plan.graph_.operators[node], node, values, together) {}
  const ops::OpView& view() const { return view_; }

 private:
  NodeLens(const Plan& plan, const tflite::OperatorInfo& op, int node, Values values, int64_t together)
      : strips_(together > 0 ? op.inputs.size() + op.outputs.size() : 0), types_(op.inputs.size() + op.outputs.size() + op.intermediates.size()),
        constants_(op.inputs.size()) {
    const int64_t rows = together > 0 ? RowsOf(plan.tensors_[op.outputs[0]].type.shape) : 0;
    size_t next = 0;
    const auto add = [&](int32_t t) {
      const TensorType& type = plan.tensors_[t].type;
      const bool cut = together > 0 && RowsOf(type.shape) == rows;
      if (cut) strips_[next] = {type.dtype, StripOf(type.shape, together), type.quant};
      types_[next] = cut ? &strips_[next] : &type;
      ++next;
      return cut;
    };
    for (size_t i = 0; i < op.inputs.size(); ++i) {
      const int32_t t = op.inputs[i];
      if (t < 0) {
        ++next;
        continue;
      }
      const TensorState& s = plan.tensors_[t];
      const bool cut = add(t);  // Of a constant that is cut, no strip may stand for the others.
      const bool computed = s.data && (values == Values::kAll || (values == Values::kShape && IsShape(op, i)));
      constants_[i] = computed || (s.known() && !cut) ? s.data : nullptr;
    }
    for (int32_t t : op.outputs) add(t);
    for (int32_t t : op.intermediates) types_[next++] = t < 0 ? nullptr : &plan.tensors_[t].type;
    for (int32_t g : ops::CalledSubgraphs(op.op->attrs, op.attributes.data())) callees_.push_back(&plan.context_.callee(g));
    if (op.outputs.empty()) place_ = plan.PlaceOf(node);
    const std::span<const TensorType* const> types = types_;
    view_ = {op.op, op.outputs.empty() ? place_ : plan.graph_.tensors[op.outputs[0]].name, types.first(op.inputs.size()),
             types.subspan(op.inputs.size(), op.outputs.size()), constants_, op.attributes.data(), types.subspan(op.inputs.size() + op.outputs.size()),
             callees_, values == Values::kKnown ? nullptr : &plan.context_.resources, op.custom_options};
  }

  std::string place_;                     // Only of nodes without outputs.
  std::vector<TensorType> strips_;        // By operand, of those that are cut.
  std::vector<const TensorType*> types_;  // Of inputs, outputs and intermediates.
  std::vector<const std::byte*> constants_;
  std::vector<ops::Callee*> callees_;
  ops::OpView view_;
};

class Plan::NodePrepare : public ops::Prepare {
 public:
  NodePrepare(Plan& plan, int node, const ops::OpView& op, Parameters& parameters, int threads)
      : Prepare(op, ThisCpu(), threads), plan_(plan), node_(node), parameters_(parameters) {}

  void Workspace(size_t bytes) override { workspace = std::max<uint64_t>(workspace, bytes); }
  Result<const std::byte*> Pack(int i, std::string_view format, uint64_t parameters, size_t bytes,
                                void (*fill)(std::byte*, const void*), const void* context) override {
    const TensorState& t = plan_.tensors_[plan_.graph_.operators[node_].inputs[i]];
    // Tensors of different shapes may share a constant.
    const std::string form = std::string(format) + ' ' + op.in(i)->shape.text();
    if (t.home == Home::kConstant) return plan_.context_.model->Pack({t.data, t.bytes}, form, parameters, bytes, fill, context);
    OCTET_ASSIGN(std::byte* const own, plan_.folded_.Take(bytes + kReadAhead));  // Not in the file: this plan's alone.
    fill(own, context);
    return static_cast<const std::byte*>(own);
  }
  void SetRun(ops::RunFn r, const void* p) override {
    run = r;
    params = p;
  }
  void Keep(void* object, void (*free)(void*)) override { parameters_.kept.push_back({object, free}); }
  void* Allocate(size_t bytes, size_t /*alignment*/) override {
    return parameters_.Take(bytes);
  }

  uint64_t workspace = 0;
  ops::RunFn run = nullptr;
  const void* params = nullptr;

 private:
  Plan& plan_;
  const int node_;
  Parameters& parameters_;
};

// Without memory for what it computes with, the process ends, as operator new would end it: sizes that files decide are bounded.
std::byte* Plan::Parameters::Take(size_t bytes) {
  const Result<std::byte*> part = memory.Take(bytes);
  if (!part.ok()) std::abort();
  return *part;
}

void Plan::Parameters::Clear() {
  for (const Object& k : kept) k.free(k.object);
  kept.clear();
  memory.Clear();
}

Plan::Plan(Context& context, int subgraph, Use use)
    : context_(context), use_(use), graph_(context.model->view().subgraphs()[static_cast<size_t>(subgraph)]), options_(context.options),
      own_(graph_.tensors.size()) {
  last_reader_.assign(graph_.tensors.size(), -1);
  fused_.assign(graph_.operators.size(), false);
  const int end = static_cast<int>(graph_.operators.size());
  for (int i = 0; i < end; ++i) {
    for (int32_t t : graph_.operators[i].inputs)
      if (t >= 0) last_reader_[t] = i;
    for (int32_t t : graph_.operators[i].outputs) last_reader_[t] = std::max(last_reader_[t], i);
  }
  // Inputs stay readable for the next run, outputs until they are read.
  for (int32_t t : graph_.inputs) last_reader_[t] = end;
  for (int32_t t : graph_.outputs) {
    last_reader_[t] = end;
    const auto at = std::ranges::find(graph_.inputs, t);
    input_of_.push_back(at == graph_.inputs.end() ? -1 : static_cast<int>(at - graph_.inputs.begin()));
  }
}

std::string Plan::PlaceOf(int node) const {
  const tflite::OperatorInfo& op = graph_.operators[node];
  return op.outputs.empty() ? Format("#%d", node) : std::string(graph_.tensors[op.outputs[0]].name);
}

Status Plan::Reset() {
  segments_.clear();
  steps_.clear();
  parameters_.Clear();
  folded_.Clear();
  patches_.clear();
  caller_outputs_.clear();
  caller_aliases_.clear();
  externals_.clear();
  refusals_.clear();
  failures_.clear();
  last_use_ = last_reader_;
  position_.resize(graph_.operators.size());
  std::iota(position_.begin(), position_.end(), 0);
  alias_of_.assign(graph_.tensors.size(), -1);
  std::vector<TensorState> fresh(graph_.tensors.size());
  for (size_t i = 0; i < fresh.size(); ++i) {
    const tflite::TensorInfo& t = graph_.tensors[i];
    fresh[i].type = t.type;
    if (t.has_constant) fresh[i].home = Home::kConstant;
    if (t.has_constant) fresh[i].data = const_cast<std::byte*>(t.constant.data());
    fresh[i].bytes = t.constant.size();
    if (t.has_constant && t.type.dtype == DType::kString) OCTET_TRY(SetStrings(t, fresh[i]));
  }
  if (use_ == Use::kCalled)
    for (int32_t t : graph_.inputs) fresh[static_cast<size_t>(t)].home = Home::kCaller;
  tensors_ = std::move(fresh);
  return {};
}

// A constant of strings: references into the file.
Status Plan::SetStrings(const tflite::TensorInfo& info, TensorState& t) {
  t.bytes = BytesOf(t.type);
  OCTET_ASSIGN(t.data, folded_.Take(t.bytes));
  if (!info.constant.empty()) ReadStrings(info.constant, reinterpret_cast<StringRef*>(t.data));
  return {};
}

// Inputs and variables, whose shapes nothing computed: a kernel reads what its operand's shape says.
Status Plan::CheckGiven(int32_t tensor) const {
  const TensorType& t = tensors_[tensor].type;
  uint64_t bytes = 0;
  if (CheckedBytes(t.dtype, t.shape, &bytes)) return CheckLimit(bytes);
  return Error(Code::kOutOfMemory, "tensor '%s' of %s is too large", std::string(graph_.tensors[tensor].name).c_str(), t.shape.text().c_str());
}

Status Plan::SetVariables() {
  size_t next = 0;
  uint64_t all = 0;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!graph_.tensors[i].is_variable) continue;
    TensorState& t = tensors_[i];
    OCTET_TRY(CheckGiven(static_cast<int32_t>(i)));
    t.home = Home::kVariable;
    t.bytes = BytesOf(t.type);
    OCTET_TRY(CheckLimit(all += t.bytes));
    if (next == variables_.size()) variables_.emplace_back();
    AlignedBuffer& memory = variables_[next++];
    const bool kept = memory.bytes() == std::max<uint64_t>(t.bytes, 1);
    if (!kept) {
      OCTET_ASSIGN(memory, AlignedBuffer::Make(std::max<uint64_t>(t.bytes, 1)));
    }
    t.data = memory.data();
    if (!kept && ZeroOf(t.type) != 0) std::memset(t.data, ZeroOf(t.type), t.bytes);  // New memory is zero, and stays untouched.
  }
  return {};
}

void Plan::ResetVariables() {
  for (const TensorState& t : tensors_)
    if (t.home == Home::kVariable) std::memset(t.data, ZeroOf(t.type), t.bytes);
}

// Everything up to the first cut.
Status Plan::PlanStart(std::span<const Shape> input_shapes) {
  OCTET_TRY(Reset());
  for (size_t i = 0; i < graph_.inputs.size(); ++i) tensors_[graph_.inputs[i]].type.shape = input_shapes[i];
  for (int32_t t : graph_.inputs) OCTET_TRY(CheckGiven(t));
  OCTET_TRY(SetVariables());
  return PlanSegment(0, false);
}

Status Plan::Build(std::span<const Shape> input_shapes) {
  built_ = false;
  slow_.clear();
  OCTET_TRY(PlanStart(input_shapes));
  bool slow = false;
  OCTET_TRY(RefuseSlowParts(&slow));
  if (slow) OCTET_TRY(PlanStart(input_shapes));
  known_outputs_.clear();
  for (int32_t t : graph_.outputs) known_outputs_.push_back(tensors_[t].home != Home::kNone);
  built_for_.assign(input_shapes.begin(), input_shapes.end());
  built_ = true;
  return {};
}

Status Plan::BuildFor(std::span<const Shape> shapes) {
  if (built_ && std::ranges::equal(shapes, built_for_)) return {};
  OCTET_TRY(context_.SpendPlanning(graph_.operators.size()));
  return Build(shapes);
}

// Sizes may come from data: nothing is allocated for, or computed with, what cannot be.
Status Plan::CheckComputed(const ops::OpView& op, const TensorType& t) const {
  uint64_t bytes = 0;
  const bool sized = BitsOf(t.dtype) == 0 || (CheckedBytes(t.dtype, t.shape, &bytes) && bytes <= options_.memory_limit_bytes);
  const bool sane = std::ranges::all_of(t.shape.dims(), [](int32_t d) { return d <= kLargestDimension; });
  return sized && sane ? Status() : op.Fail(Code::kOutOfMemory, "its output of %s is beyond the memory limit of %llu bytes", t.shape.text().c_str(),
                                            static_cast<unsigned long long>(options_.memory_limit_bytes));
}

Status Plan::InferNode(int node, bool with_data, bool* dynamic) {
  const tflite::OperatorInfo& op = graph_.operators[node];
  const NodeLens lens(*this, node, with_data ? Values::kAll : Values::kKnown);
  std::vector<ops::OutputType> types(op.outputs.size());
  OCTET_TRY(ops::CheckAndInfer(lens.view(), types));
  *dynamic = false;
  for (size_t i = 0; i < types.size(); ++i) {
    TensorState& t = tensors_[op.outputs[i]];
    // LiteRT's kernels set the type of their outputs, whatever the file declares; only memory that exists
    // before anything runs has the declared one.
    const tflite::TensorInfo& declared = graph_.tensors[op.outputs[i]];
    if (types[i].dtype != t.type.dtype && !declared.is_variable && !declared.has_constant) t.type.dtype = types[i].dtype;
    if (types[i].dtype != t.type.dtype)
      return lens.view().Fail(Code::kInvalidModel, "output %zu is declared %s but computes as %s", i, std::string(NumpyName(t.type.dtype)).c_str(),
                              std::string(NumpyName(types[i].dtype)).c_str());
    if (declared.is_variable && (types[i].dynamic || !(types[i].shape == t.type.shape)))
      return lens.view().Fail(Code::kInvalidModel, "output %zu is a variable of %s but computes as %s", i, t.type.shape.text().c_str(),
                              types[i].dynamic ? "whatever the data says" : types[i].shape.text().c_str());
    *dynamic |= types[i].dynamic || !types[i].shape.known();
    if (!types[i].dynamic) t.type.shape = types[i].shape;
    if (!*dynamic) OCTET_TRY(CheckComputed(lens.view(), t.type));
  }
  if (*dynamic && with_data && !(op.op->traits & ops::kSizesOutputs))
    return lens.view().Fail(Code::kUnsupported, "the size of its output depends on the values it computes");
  return {};
}

bool Plan::Foldable(int node) const {
  const tflite::OperatorInfo& op = graph_.operators[node];
  if (op.op->traits & (ops::kSideEffects | ops::kRandom)) return false;
  uint64_t in = 0, out = 0;
  const bool shape_only = op.op->code == ops::BuiltinCode::kShape || op.op->code == ops::BuiltinCode::kRank;
  for (int32_t t : op.inputs) {
    if (t < 0) continue;
    if (!tensors_[t].known() && !shape_only) return false;
    in += tensors_[t].bytes;
  }
  for (int32_t t : op.outputs) {
    const DType type = tensors_[t].type.dtype;  // New strings belong to a run.
    if (BitsOf(type) == 0 || (type == DType::kString && !(op.op->traits & ops::kMovesBytes))) return false;
    out += BytesOf(tensors_[t].type);
  }
  return out <= std::max(in * kFoldGrowth, kFoldBytes);
}

Status Plan::Fold(int node) {
  for (int32_t t : graph_.operators[node].outputs) {
    TensorState& s = tensors_[t];
    s.bytes = BytesOf(s.type);
    OCTET_ASSIGN(s.data, folded_.Take(s.bytes + kReadAhead));
  }
  Step step;
  OCTET_TRY(Prepare(node, step, nullptr));
  OCTET_ASSIGN(const AlignedBuffer scratch, AlignedBuffer::Make(step.workspace_bytes));
  std::vector<std::byte*> in, out;
  BindOperands(node, &in, &out);
  OCTET_TRY(step.run(step.params, {in.data(), out.data(), scratch.data(), &planning_pool_}));
  for (int32_t t : graph_.operators[node].outputs) tensors_[t].home = Home::kFolded;
  return {};
}

// Whether the node sums up every row to one element: whether a strip's output would be one column, too, its inference says.
bool Plan::ReducesRows(int node) const {
  const tflite::OperatorInfo& op = graph_.operators[node];
  constexpr int64_t kStrip = 2;
  if (!(op.op->traits & ops::kHomogeneous) || (op.op->traits & ops::kMovesBytes) || op.inputs.size() != 2 || op.outputs.size() != 1) return false;
  if (op.inputs[0] < 0 || op.inputs[1] < 0) return false;
  const TensorState &in = tensors_[op.inputs[0]], &axes = tensors_[op.inputs[1]];
  const Shape& out = tensors_[op.outputs[0]].type.shape;
  if (op.op->inputs.size() != 2 || op.op->inputs[1].role != ops::Role::kShape || !axes.known()) return false;
  if (out.rank() < 2 || in.type.shape.rank() != out.rank() || in.type.shape.back() == 1 || out.back() != 1) return false;
  const NodeLens strip(*this, node, Values::kKnown, kStrip);
  ops::OutputType type;
  return op.op->infer(strip.view(), {&type, 1}).ok() && !type.dynamic && type.shape == StripOf(out, kStrip);
}

// Inputs with as many rows as the output are taken row by row, those with one row (what is broadcast) as a whole.
int64_t Plan::RowsOfNode(int node) const {
  const tflite::OperatorInfo& op = graph_.operators[node];
  constexpr uint32_t kNot = ops::kSideEffects | ops::kRandom | ops::kSizesOutputs | ops::kAliases;
  if (op.outputs.size() != 1 || op.inputs.empty() || (op.op->traits & kNot) || graph_.tensors[op.outputs[0]].is_variable) return 0;
  if (std::ranges::any_of(op.inputs, [](int32_t t) { return t < 0; })) return 0;
  const int64_t rows = RowsOf(tensors_[op.outputs[0]].type.shape);
  const auto by_rows = [&](int32_t t) { return RowsOf(tensors_[t].type.shape) == rows && CutsIntoRows(tensors_[t].type); };
  if (rows < 2 || !by_rows(op.outputs[0])) return 0;
  if (by_rows(op.inputs[0]) && ReducesRows(node)) return rows;
  if (!(op.op->traits & ops::kElementwise)) return 0;
  for (int32_t t : op.inputs) {
    const Shape& shape = tensors_[t].type.shape;
    const bool broadcast = RowsOf(shape) == 1 && (shape.elements() == 1 || op.inputs.size() == 2) && BitsOf(tensors_[t].type.dtype) >= 8;
    if (!by_rows(t) && !broadcast) return 0;
  }
  return rows;
}

const ops::Variant* Plan::Choose(const ops::OpView& op) const {
  const std::span<const ops::Variant> variants = ops::KernelOf(*op.def).variants;
  if (variants.empty()) return nullptr;
  for (const ops::Variant& v : variants) {
    if (!v.prepare) continue;
    if (options_.kernels == Kernels::kReference && &v != &variants.back()) continue;
    if (!v.takes || v.takes(op, ThisCpu())) return &v;
  }
  return nullptr;
}

bool Plan::TakesOrder(int node, int operand, std::span<const int32_t> order) const {
  const NodeLens lens(*this, node, Values::kPrepare);
  const ops::Variant* const variant = Choose(lens.view());
  return variant && variant->takes_order && variant->takes_order(lens.view(), operand, order);
}

// A table over an image's bytes takes each row for itself.
std::optional<ops::RowWindow> Plan::RowWindowOf(const Step& step) const {
  const tflite::OperatorInfo& op = graph_.operators[step.node];
  if (step.part || step.group || step.ordered || op.outputs.size() != 1 || graph_.tensors[op.outputs[0]].is_variable) return {};
  const Shape& shape = tensors_[op.outputs[0]].type.shape;
  if (shape.rank() != 4 || shape[0] != 1) return {};
  if (step.source >= 0) return tensors_[step.source].type.shape == shape ? std::optional(ops::RowWindow()) : std::nullopt;
  const NodeLens lens(*this, step.node, Values::kPrepare);
  const ops::Variant* const variant = Choose(lens.view());
  return variant && variant->row_window ? variant->row_window(lens.view()) : std::nullopt;
}

// Outputs without elements need neither preparing nor a run; tables and loops over what else their shapes say can be endless.
bool Plan::ComputesNothing(int node) const {
  const tflite::OperatorInfo& op = graph_.operators[node];
  if (op.outputs.empty() || op.is_custom || (op.op->traits & (ops::kSideEffects | ops::kRandom))) return false;
  return std::ranges::all_of(op.outputs, [&](int32_t t) { return t < 0 || (!graph_.tensors[t].is_variable && tensors_[t].type.shape.elements() == 0); });
}

Status Plan::Prepare(int node, Step& step, Segment* cut, const Part& part) {
  const NodeLens lens(*this, node, cut ? Values::kShape : Values::kPrepare, part.strip_rows);
  step.node = node;
  step.variant = Choose(lens.view());
  if (!step.variant) return NoKernel(lens.view());
  if (!cut && ComputesNothing(node)) {
    step.run = [](const void*, const ops::Run&) { return Status(); };
    step.params = nullptr;
    step.workspace_bytes = 0;
    return {};
  }
  NodePrepare prepare(*this, node, lens.view(), cut ? cut->cut_parameters : parameters_, part.strip_rows + part.image_rows > 0 ? 1 : options_.threads);
  prepare.most_rows = part.image_rows;
  prepare.late_outputs = cut && cut->late;
  if (step.ordered) {
    std::ranges::copy(step.ordered->input_order, prepare.input_order);
    prepare.output_order = step.ordered->output_order;
  }
  OCTET_TRY(step.variant->prepare(prepare));
  step.run = prepare.run;
  step.params = prepare.params;
  step.workspace_bytes = prepare.workspace;
  return {};
}

Status Plan::PlanSegment(int first_node, bool with_data) {
  Segment& segment = segments_.emplace_back();
  segment.first_node = first_node;
  segment.first_step = steps_.size();
  const int end = static_cast<int>(graph_.operators.size());
  int node = first_node;
  for (; node < end; ++node) {
    bool dynamic = false;
    OCTET_TRY(InferNode(node, with_data && node == first_node, &dynamic));
    if (dynamic) break;
    if (Foldable(node)) {
      OCTET_TRY(Fold(node));
      continue;
    }
    Step& step = steps_.emplace_back();
    step.node = node;
  }
  segment.end_node = node;
  // A cut's own values are known only while running: it stays as it is.
  OCTET_TRY(DelegateSteps(segment, segment.first_step + (with_data ? 1 : 0)));
  OCTET_TRY(FuseTables(segment.first_step + (with_data ? 1 : 0)));
  FuseTransposes(segment, segment.first_step + (with_data ? 1 : 0));
  if (with_data) segment.cut_values = CutValues(first_node);
  OCTET_TRY(FuseRows(segment, segment.first_step + (with_data ? 1 : 0)));
  OCTET_TRY(FuseBands(segment, segment.first_step + (with_data ? 1 : 0)));
  for (size_t i = segment.first_step; i < steps_.size(); ++i) {
    const bool cut = with_data && steps_[i].node == first_node;
    if (!steps_[i].alone()) continue;
    OCTET_TRY(Prepare(steps_[i].node, steps_[i], cut ? &segment : nullptr));
  }
  OCTET_TRY(Place(segment));
  Bind(segment);
  return {};
}

Status Plan::FuseTables(size_t first_step) {
  if (options_.keep_all_tensors || options_.keep_all_nodes || options_.kernels == Kernels::kReference || first_step >= steps_.size()) return {};
  static constexpr ops::Variant kTable{.name = "table"};
  std::vector<int> nodes;
  for (size_t i = first_step; i < steps_.size(); ++i)
    if (!steps_[i].part) nodes.push_back(steps_[i].node);
  const TableFusion fusion(graph_, tensors_, nodes);
  for (size_t i = first_step; i < steps_.size(); ++i) {
    Step& step = steps_[i];
    if (!step.part) step.source = fusion.source(step.node);
    if (step.source < 0) continue;
    auto* table = new (parameters_.Take(sizeof(ops::TableParams))) ops::TableParams();
    const Shape& shape = tensors_[step.source].type.shape;
    table->count = shape.elements();
    table->row = shape.rank() == 4 ? shape.elements(2, 4) : 0;
    fusion.Fill(step.node, table->table.entry);
    kernels::FindPieces(&table->table);
    step.run = ops::RunTable;
    step.params = table;
    step.variant = &kTable;
    last_use_[step.source] = std::max(last_use_[step.source], PositionOf(step));
  }
  for (int n : nodes) fused_[n] = fusion.gone(n);
  steps_.erase(std::remove_if(steps_.begin() + static_cast<std::ptrdiff_t>(first_step), steps_.end(),
                              [&](const Step& s) { return fusion.gone(s.node); }), steps_.end());
  return {};
}

// One operator that sizes its outputs itself: a segment of its own.
Status Plan::PlanLate(int node) {
  Segment& segment = segments_.emplace_back();
  segment.first_node = node;
  segment.end_node = node + 1;
  segment.first_step = steps_.size();
  segment.late = true;
  Step& step = steps_.emplace_back();
  for (int32_t t : graph_.operators[node].outputs) tensors_[t].home = Home::kOwn;
  segment.cut_values = CutValues(node);
  OCTET_TRY(Prepare(node, step, &segment));
  OCTET_TRY(Place(segment));
  Bind(segment);
  return {};
}

// The bytes of the computed operands that the node's kernel was prepared with.
std::vector<std::byte> Plan::CutValues(int node) const {
  std::vector<std::byte> values;
  const tflite::OperatorInfo& op = graph_.operators[node];
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    if (op.inputs[i] < 0 || !IsShape(op, i) || tensors_[op.inputs[i]].known()) continue;
    const TensorState& t = tensors_[op.inputs[i]];
    values.insert(values.end(), t.data, t.data + BytesOf(t.type));
  }
  return values;
}

// The shapes are those the segment was planned for, but values may differ: where a slice begins, an axis.
Status Plan::RenewCut(Segment& segment, bool* same) {
  std::vector<std::byte> values = CutValues(segment.first_node);
  if (values == segment.cut_values) return {};
  segment.cut_values = std::move(values);
  segment.cut_parameters.Clear();
  Step& step = steps_[segment.first_step];
  const uint64_t room = step.workspace_bytes;
  OCTET_TRY(Prepare(segment.first_node, step, &segment));
  *same = step.workspace_bytes <= room;
  return {};
}

}  // namespace octet::runtime
