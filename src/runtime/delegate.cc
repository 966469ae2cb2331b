// SPDX-License-Identifier: Apache-2.0
#include "runtime/delegate.h"

#include <algorithm>
#include <cstring>

namespace octet::runtime {
namespace {

static_assert(OCTET_DELEGATE_MAX_RANK == kMaxRank);
constexpr size_t kErrorBytes = 400;

struct ErrorText {
  char text[kErrorBytes] = {};
  const char* c_str() {
    text[sizeof text - 1] = 0;
    return text;
  }
};

Status CheckFunctions(const OctetDelegate* d) {
  if (!d || !d->name) return Error(Code::kUnsupported, "the delegate does not know version %u of octet's interface", OCTET_DELEGATE_VERSION);
  if (d->version != OCTET_DELEGATE_VERSION || d->struct_size < sizeof(OctetDelegate))
    return Error(Code::kUnsupported,
                 "delegate '%s': expected version %u of octet's interface and a structure of %zu bytes, found version %u and %u bytes", d->name,
                 OCTET_DELEGATE_VERSION, sizeof(OctetDelegate), d->version, d->struct_size);
  if (!d->create || !d->takes || !d->prepare || !d->run || !d->release)
    return Error(Code::kInvalidArgument, "delegate '%s' lacks create, takes, prepare, run or release", d->name);
  return {};
}

}  // namespace

Status DelegateFailed(const Delegate& delegate, const char* what, const char* error) {
  return Error(Code::kDelegate, "delegate '%s': %s%s%s", delegate.name().c_str(), what, error[0] ? ": " : "", error);
}

Result<std::shared_ptr<const Delegate>> Delegate::Create(const OctetDelegate* functions, const Settings& settings) {
  OCTET_TRY(CheckFunctions(functions));
  std::vector<OctetDelegateOption> options;
  for (const auto& [key, value] : settings) options.push_back({key.c_str(), value.c_str()});
  void* self = nullptr;
  ErrorText error;
  if (functions->create(options.data(), options.size(), &self, error.text, sizeof error.text) != OCTET_DELEGATE_OK)
    return Error(Code::kDelegate, "delegate '%s' cannot be created: %s", functions->name, error.text[0] ? error.c_str() : "it does not say why");
  const auto free = [functions, self] {
    if (functions->destroy) functions->destroy(self);
  };
  return std::shared_ptr<const Delegate>(std::make_shared<Delegate>(functions, self, free, functions->name));
}

Delegate::Delegate(const OctetDelegate* functions, void* self, std::function<void()> free, std::string name)
    : functions_(functions), self_(self), free_(std::move(free)), name_(std::move(name)) {}

Delegate::~Delegate() {
  if (free_) free_();
}

OctetDelegateRates Delegate::rates() const {
  OctetDelegateRates rates{};
  if (functions_->rates) functions_->rates(self_, &rates);
  return rates;
}

DelegateGraph::DelegateGraph(const tflite::SubgraphInfo& subgraph, std::span<const TensorType* const> types, std::span<const std::byte* const> constants,
                             std::span<const int> nodes, std::span<const ops::Cost> costs, int threads, bool profile) {
  for (size_t i = 0; i < types.size(); ++i) {
    const TensorType& type = *types[i];
    OctetDelegateTensor& t = tensors_.emplace_back();
    const std::string_view name = subgraph.tensors[i].name;
    t.name = name.data() ? name.data() : "";  // Terminated in the file.
    t.type = static_cast<int32_t>(type.dtype);
    t.rank = type.shape.known() ? type.shape.rank() : -1;
    std::ranges::copy(type.shape.dims(), t.dims);
    uint64_t bytes = 0;
    if (CheckedBytes(type.dtype, type.shape, &bytes)) t.bytes = static_cast<size_t>(bytes);
    t.data = constants[i];
    t.scales = type.quant.scale.data();
    t.zero_points = type.quant.zero_point.data();
    t.num_scales = static_cast<int32_t>(type.quant.scale.size());
    t.quantized_dimension = type.quant.axis;
    t.block_size = type.quant.block_size;
  }
  for (size_t i = 0; i < nodes.size(); ++i) AddNode(subgraph.operators[static_cast<size_t>(nodes[i])], nodes[i], costs[i]);
  graph_ = {tensors_.data(), static_cast<int32_t>(tensors_.size()), nodes_.data(), static_cast<int32_t>(nodes_.size()),
            subgraph.inputs.data(), subgraph.outputs.data(), static_cast<int32_t>(subgraph.inputs.size()), static_cast<int32_t>(subgraph.outputs.size()),
            threads, profile ? 1 : 0};
}

void DelegateGraph::AddNode(const tflite::OperatorInfo& op, int index, const ops::Cost& cost) {
  OctetDelegateNode& n = nodes_.emplace_back();
  n.index = index;
  n.code = static_cast<int32_t>(op.op->code);
  n.version = op.version;
  n.op = op.op->name.data();  // Literals, or terminated where the operator is a library's.
  n.custom_name = op.op->code == ops::BuiltinCode::kCustom ? op.op->custom_name.data() : nullptr;
  n.inputs = op.inputs.data();
  n.outputs = op.outputs.data();
  n.num_inputs = static_cast<int32_t>(op.inputs.size());
  n.num_outputs = static_cast<int32_t>(op.outputs.size());
  std::vector<OctetDelegateAttribute>& attributes = attributes_.emplace_back();
  for (const ops::AttrRow& row : op.op->attrs.rows) attributes.push_back(ToAttribute(row, op.attributes.data()));
  n.attributes = attributes.data();
  n.num_attributes = static_cast<int32_t>(attributes.size());
  n.options = reinterpret_cast<const uint8_t*>(op.custom_options.data());
  n.options_bytes = op.custom_options.size();
  n.macs = cost.macs;
  n.bytes = cost.bytes;
}

OctetDelegateAttribute DelegateGraph::ToAttribute(const ops::AttrRow& row, const void* attributes) {
  const void* at = row.at(const_cast<void*>(attributes));
  OctetDelegateAttribute a{};
  a.name = row.name.data();
  const auto scalar = [&](int64_t value) { a.value = value; };
  const auto list = [&](const auto& values) {
    a.kind = OCTET_ATTRIBUTE_INTS;
    const std::vector<int64_t>& kept = ints_.emplace_back(values.begin(), values.end());
    a.ints = kept.data();
    a.count = static_cast<int32_t>(kept.size());
  };
  const auto bytes = [&](const void* data, uint32_t count) {
    a.kind = OCTET_ATTRIBUTE_BYTES;
    a.bytes = data;
    a.count = static_cast<int32_t>(count);
  };
  switch (row.kind) {
    case ops::AttrKind::kBool: scalar(*static_cast<const bool*>(at)); break;
    case ops::AttrKind::kI8: scalar(*static_cast<const int8_t*>(at)); break;
    case ops::AttrKind::kI32:
    case ops::AttrKind::kSubgraph: scalar(*static_cast<const int32_t*>(at)); break;
    case ops::AttrKind::kI64: scalar(*static_cast<const int64_t*>(at)); break;
    case ops::AttrKind::kF32:
      a.kind = OCTET_ATTRIBUTE_FLOAT;
      a.real = *static_cast<const float*>(at);
      break;
    case ops::AttrKind::kInts: list(static_cast<const ops::Ints*>(at)->span()); break;
    case ops::AttrKind::kLongs: list(static_cast<const ops::Longs*>(at)->span()); break;
    case ops::AttrKind::kSubgraphs: list(static_cast<const ops::Subgraphs*>(at)->span()); break;
    case ops::AttrKind::kFloats:
      a.kind = OCTET_ATTRIBUTE_FLOATS;
      a.floats = static_cast<const ops::Floats*>(at)->data;
      a.count = static_cast<int32_t>(static_cast<const ops::Floats*>(at)->count);
      break;
    case ops::AttrKind::kBytes: bytes(static_cast<const ops::Bytes*>(at)->data, static_cast<const ops::Bytes*>(at)->count); break;
    case ops::AttrKind::kText: bytes(static_cast<const ops::Text*>(at)->data, static_cast<const ops::Text*>(at)->count); break;
  }
  return a;
}

Result<std::unique_ptr<DelegateSession>> DelegateSession::Begin(const Delegate& delegate, std::shared_ptr<const DelegateGraph> graph) {
  std::unique_ptr<DelegateSession> session(new DelegateSession(delegate, std::move(graph)));
  const OctetDelegate& f = delegate.functions();
  session->session_ = delegate.self();
  if (!f.begin) return session;
  ErrorText error;
  void* begun = nullptr;
  if (f.begin(delegate.self(), &session->graph(), &begun, error.text, sizeof error.text) != OCTET_DELEGATE_OK)
    return DelegateFailed(delegate, "it refused the model", error.c_str());
  session->session_ = begun;
  session->begun_ = true;
  return session;
}

DelegateSession::~DelegateSession() {
  if (begun_ && delegate_.functions().end) delegate_.functions().end(session_);
}

std::string DelegateSession::WhyNot(int node) const {
  ErrorText reason;
  if (delegate_.functions().takes(session_, &graph(), node, reason.text, sizeof reason.text)) return {};
  return reason.text[0] ? reason.c_str() : "the delegate does not say why";
}

Result<void*> DelegateSession::Prepare(const OctetDelegatePart& part) const {
  ErrorText error;
  void* kernel = nullptr;
  if (delegate_.functions().prepare(session_, &graph(), &part, &kernel, error.text, sizeof error.text) != OCTET_DELEGATE_OK)
    return DelegateFailed(delegate_, "it failed to prepare its part", error.c_str());
  return kernel;
}

}  // namespace octet::runtime
