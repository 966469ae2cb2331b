// SPDX-License-Identifier: Apache-2.0
#include "runtime/op_library.h"

#include <algorithm>
#include <deque>
#include <set>

#include "base/library.h"
#include "octet/custom_op.h"
#include "ops/op_def.h"

namespace octet::runtime {
namespace {

static_assert(OCTET_CUSTOM_OP_MAX_RANK == kMaxRank);
constexpr size_t kErrorBytes = 400;
constexpr ops::Operand kInputs[] = {{.name = "inputs", .type = 'X', .arity = ops::Arity::kOptional}, {.name = "more", .type = 'Y', .arity = ops::Arity::kMany}};
constexpr ops::Operand kOutputs[] = {{.name = "outputs", .type = 'Z', .arity = ops::Arity::kMany}};
constexpr ops::TypeRow kTypes[] = {{""}};

OctetCustomTensor Describe(const TensorType* type, const std::byte* data) {
  OctetCustomTensor t{};
  t.type = -1;
  if (!type) return t;
  t.type = static_cast<int32_t>(type->dtype);
  t.rank = type->shape.rank();
  std::ranges::copy(type->shape.dims(), t.dims);
  uint64_t bytes = 0;
  if (CheckedBytes(type->dtype, type->shape, &bytes)) t.bytes = bytes;
  t.data = data;
  t.scales = type->quant.scale.data();
  t.zero_points = type->quant.zero_point.data();
  t.num_scales = static_cast<int32_t>(type->quant.scale.size());
  t.quantized_dimension = type->quant.axis;
  return t;
}

// A node in the ABI's words, with all that it points to.
struct Node {
  explicit Node(const ops::OpView& op) {
    for (int i = 0; i < op.num_inputs(); ++i) inputs.push_back(Describe(op.in(i), op.constants[i]));
    for (int i = 0; i < op.num_outputs(); ++i) outputs.push_back(Describe(op.out(i), nullptr));
    for (const std::byte b : op.custom_options) options.push_back(std::to_integer<uint8_t>(b));
    node = {inputs.data(), static_cast<int32_t>(inputs.size()), outputs.data(), static_cast<int32_t>(outputs.size()), options.data(), options.size()};
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  std::vector<OctetCustomTensor> inputs, outputs;
  std::vector<uint8_t> options;
  OctetCustomNode node;
};

const OctetCustomOp& CustomOf(const ops::OpView& op) { return *static_cast<const OctetCustomOp*>(op.def->self); }

Status Infer(const ops::OpView& op, std::span<ops::OutputType> out) {
  for (const TensorType* t : op.inputs) {
    if (!t || t->shape.known()) continue;
    for (ops::OutputType& o : out) o.dynamic = true;
    return {};
  }
  const Node node(op);
  std::vector<OctetCustomShape> shapes(out.size());
  for (size_t i = 0; i < out.size(); ++i) shapes[i].type = static_cast<int32_t>(out[i].dtype);
  char error[kErrorBytes] = {};
  const int answer = CustomOf(op).infer(&node.node, shapes.data(), error, sizeof error);
  error[sizeof error - 1] = 0;
  if (answer == OCTET_CUSTOM_LATER) {
    for (ops::OutputType& o : out) o.dynamic = true;
    return {};
  }
  if (answer != OCTET_CUSTOM_OK) return op.Fail(Code::kInvalidArgument, "%s", error[0] ? error : "its library refused the shapes");
  for (size_t i = 0; i < out.size(); ++i) {
    const OctetCustomShape& s = shapes[i];
    if (s.rank < 0 || s.rank > kMaxRank || s.type < 0 || s.type > static_cast<int32_t>(DType::kU4) ||
        std::any_of(s.dims, s.dims + s.rank, [](int32_t d) { return d < 0; }))
      return op.Fail(Code::kInvalidArgument, "its library gave output %zu no valid type and shape", i);
    out[i].dtype = static_cast<DType>(s.type);
    out[i].shape = Shape(std::span(s.dims, static_cast<size_t>(s.rank)));
  }
  return {};
}

// What run needs; freed with the plan.
struct Prepared {
  explicit Prepared(const ops::OpView& op) : custom(CustomOf(op)), node(op) {}
  ~Prepared() {
    if (custom.destroy && state) custom.destroy(state);
  }
  const OctetCustomOp& custom;
  Node node;
  void* state = nullptr;
};
struct Params {
  Prepared* prepared;
};

Status Run(const void* params, const ops::Run& run) {
  const Prepared& p = *static_cast<const Params*>(params)->prepared;
  char error[kErrorBytes] = {};
  const int answer = p.custom.run(p.state, &p.node.node, reinterpret_cast<const void* const*>(run.in), reinterpret_cast<void* const*>(run.out),
                                  run.workspace, error, sizeof error);
  error[sizeof error - 1] = 0;
  return answer == OCTET_CUSTOM_OK ? Status() : Error(Code::kInvalidArgument, "%s: %s", p.custom.name, error[0] ? error : "its library failed");
}

Status PrepareCustom(ops::Prepare& p) {
  auto* params = p.Params<Params>();
  params->prepared = new Prepared(p.op);
  p.Keep(params->prepared, [](void* object) { delete static_cast<Prepared*>(object); });
  Prepared& prepared = *params->prepared;
  size_t workspace = 0;
  char error[kErrorBytes] = {};
  if (prepared.custom.prepare && prepared.custom.prepare(&prepared.node.node, &prepared.state, &workspace, error, sizeof error) != OCTET_CUSTOM_OK) {
    error[sizeof error - 1] = 0;
    return p.op.Fail(Code::kInvalidArgument, "%s", error[0] ? error : "its library refused to prepare it");
  }
  p.Workspace(workspace);
  p.SetRun(Run, params);
  return {};
}
constexpr ops::Variant kVariants[] = {{.name = "custom", .prepare = PrepareCustom}};
constexpr ops::OpKernel kKernel = {.variants = kVariants};

}  // namespace

Status LoadOps(const std::string& path) {
  static std::set<const OctetCustomOp*> loaded;  // A library named twice is loaded once.
  static std::deque<ops::OpDef> defs;            // For the rest of the process.
  OCTET_ASSIGN(void* const function, LoadFunction(path, "octet_custom_ops", "library of custom operators"));
  size_t count = 0;
  const OctetCustomOp* list = reinterpret_cast<OctetCustomOpsFn>(function)(OCTET_CUSTOM_OP_VERSION, &count);
  if (!list) return Error(Code::kUnsupported, "'%s' does not know version %u of octet's custom operators", path.c_str(), OCTET_CUSTOM_OP_VERSION);
  for (size_t i = 0; i < count; ++i) {
    const OctetCustomOp& op = list[i];
    if (!op.name || !op.infer || !op.run) return Error(Code::kInvalidArgument, "'%s': operator %zu lacks a name, infer or run", path.c_str(), i);
    if (!loaded.insert(&op).second) continue;
    ops::OpDef& def = defs.emplace_back();
    def.name = def.custom_name = op.name;
    def.code = ops::BuiltinCode::kCustom;
    def.inputs = kInputs;
    def.outputs = kOutputs;
    def.types = kTypes;
    def.traits = ops::kSideEffects;
    def.infer = Infer;
    def.self = &op;
    OCTET_TRY(ops::Register(&def, &kKernel));
  }
  return {};
}

}  // namespace octet::runtime
