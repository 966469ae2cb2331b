// SPDX-License-Identifier: Apache-2.0
#include "delegates/gpu/node.h"

#include <algorithm>
#include <cstring>

#include "base/thread_pool.h"

namespace octet::gpu {
namespace {

TensorType TypeOf(const OctetDelegateTensor& t) {
  TensorType type;
  type.dtype = static_cast<DType>(t.type);
  type.shape = Shape(std::span(t.dims, static_cast<size_t>(std::max(t.rank, 0))));
  const auto count = static_cast<size_t>(t.num_scales);
  type.quant = {std::vector<float>(t.scales, t.scales + count), std::vector<int32_t>(t.zero_points, t.zero_points + (t.zero_points ? count : 0)),
                t.quantized_dimension, t.block_size};
  return type;
}

}  // namespace

Node::Node(const OctetDelegateGraph& graph, int index) : raw_(graph.nodes[index]), index_(index) {
  const auto add = [&](int32_t t) -> const TensorType* { return t < 0 ? nullptr : &types_.emplace_back(TypeOf(graph.tensors[t])); };
  for (int i = 0; i < raw_.num_inputs; ++i) {
    inputs_.push_back(add(raw_.inputs[i]));
    constants_.push_back(raw_.inputs[i] < 0 ? nullptr : static_cast<const std::byte*>(graph.tensors[raw_.inputs[i]].data));
  }
  for (int i = 0; i < raw_.num_outputs; ++i) outputs_.push_back(add(raw_.outputs[i]));
  view_.def = raw_.custom_name ? nullptr : ops::Find(static_cast<ops::BuiltinCode>(raw_.code));
  if (!view_.def) return;
  FillAttributes();
  view_.place = raw_.num_outputs > 0 ? graph.tensors[raw_.outputs[0]].name : raw_.op;
  view_.inputs = inputs_;
  view_.outputs = outputs_;
  view_.constants = constants_;
  view_.attributes = attributes_.data();
}

int64_t Node::Int(std::string_view name) const { return delegates::IntAttribute(raw_, name); }
double Node::Real(std::string_view name) const { return delegates::RealAttribute(raw_, name); }

void Node::FillAttributes() {
  const ops::AttrLayout& layout = view_.def->attrs;
  attributes_.resize(layout.bytes / 8 + 1);
  if (layout.init) layout.init(attributes_.data());
  for (size_t i = 0; i < layout.rows.size() && static_cast<int>(i) < raw_.num_attributes; ++i) {  // In the rows' order.
    const OctetDelegateAttribute& a = raw_.attributes[i];
    void* const at = layout.rows[i].at(attributes_.data());
    const auto copy = [&](auto* list) {
      list->count = std::min<int32_t>(a.count, static_cast<int32_t>(list->v.size()));
      for (int32_t k = 0; k < list->count; ++k) list->v[static_cast<size_t>(k)] = static_cast<std::remove_reference_t<decltype(list->v[0])>>(a.ints[k]);
    };
    const auto refer = [&](auto* list, auto* data) {
      list->data = data;
      list->count = static_cast<uint32_t>(a.count);
    };
    switch (layout.rows[i].kind) {
      case ops::AttrKind::kBool: *static_cast<bool*>(at) = a.value != 0; break;
      case ops::AttrKind::kI8: *static_cast<int8_t*>(at) = static_cast<int8_t>(a.value); break;
      case ops::AttrKind::kI32:
      case ops::AttrKind::kSubgraph: *static_cast<int32_t*>(at) = static_cast<int32_t>(a.value); break;
      case ops::AttrKind::kI64: *static_cast<int64_t*>(at) = a.value; break;
      case ops::AttrKind::kF32: *static_cast<float*>(at) = static_cast<float>(a.real); break;
      case ops::AttrKind::kInts: copy(static_cast<ops::Ints*>(at)); break;
      case ops::AttrKind::kLongs: copy(static_cast<ops::Longs*>(at)); break;
      case ops::AttrKind::kFloats: refer(static_cast<ops::Floats*>(at), a.floats); break;
      case ops::AttrKind::kBytes: refer(static_cast<ops::Bytes*>(at), static_cast<const uint8_t*>(a.bytes)); break;
      case ops::AttrKind::kText: refer(static_cast<ops::Text*>(at), static_cast<const char*>(a.bytes)); break;
      case ops::AttrKind::kSubgraphs: break;  // Nodes that call others are nobody's but the CPU's.
    }
  }
}

Status Node::RunReference(std::span<const TensorType> in_types, std::span<std::byte* const> in, std::span<const TensorType> out_types,
                          std::span<std::byte* const> out) const {
  std::vector<const TensorType*> ins, outs;
  std::vector<const std::byte*> constants;
  std::vector<std::byte*> data;
  for (size_t i = 0; i < in_types.size(); ++i) {
    ins.push_back(inputs_[i] ? &in_types[i] : nullptr);
    constants.push_back(in[i] ? nullptr : constants_[i]);
    data.push_back(in[i] ? in[i] : const_cast<std::byte*>(constants_[i]));
  }
  for (const TensorType& t : out_types) outs.push_back(&t);
  ops::OpView view = view_;
  view.inputs = ins;
  view.outputs = outs;
  view.constants = constants;
  HostPrepare prepare(view);
  OCTET_TRY(ops::KernelOf(def()).variants.back().prepare(prepare));
  if (!prepare.run) return view_.Fail(Code::kUnsupported, "the reference kernel gave nothing to run");
  ThreadPool pool(1);
  return prepare.run(prepare.params, {data.data(), out.data(), reinterpret_cast<std::byte*>(prepare.workspace.data()), &pool});
}

HostPrepare::HostPrepare(const ops::OpView& op) : Prepare(op, ThisCpu(), 1) {}
void HostPrepare::Workspace(size_t bytes) { workspace.resize(std::max(workspace.size(), bytes / 8 + 8)); }
Result<const std::byte*> HostPrepare::Pack(int, std::string_view, uint64_t, size_t bytes, void (*fill)(std::byte*, const void*), const void* context) {
  auto* packed = static_cast<std::byte*>(Allocate(bytes, 64));
  fill(packed, context);
  return static_cast<const std::byte*>(packed);
}
void HostPrepare::SetRun(ops::RunFn r, const void* p) {
  run = r;
  params = p;
}
void* HostPrepare::Allocate(size_t bytes, size_t) { return arrays_.emplace_back(bytes / 8 + 1).data(); }

}  // namespace octet::gpu
