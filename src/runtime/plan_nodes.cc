// SPDX-License-Identifier: Apache-2.0
// One node of a plan: what its outputs are, whether it is computed while planning, and which kernel computes it.
#include <algorithm>
#include <cstdlib>

#include "base/aligned_buffer.h"
#include "runtime/foreign_op.h"
#include "runtime/plan.h"
#include "runtime/plan_rows.h"

namespace octet::runtime {
namespace {

constexpr int32_t kLargestDimension = 1 << 26;  // Of a computed tensor: kernels make tables per row and column.
// A fold may grow its inputs this much (weights stored small are dequantized once), or be this small.
constexpr uint64_t kFoldGrowth = 8, kFoldBytes = 1u << 20;

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
  if (RowsOf(in.type.shape) != RowsOf(out)) return false;  // It sums up rows, too.
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

}  // namespace octet::runtime
