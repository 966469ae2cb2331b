// SPDX-License-Identifier: Apache-2.0
// A model of one operator whose types, shapes, attributes and values come from a string of bytes: what passes
// the checks is exported, planned and run. Used by a fuzz target and, with random bytes, by a test.
#pragma once
#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "exporter/exporter.h"
#include "graph/graph.h"
#include "runtime/interpreter.h"

namespace octet::fuzz {

class Bytes {
 public:
  explicit Bytes(std::span<const uint8_t> bytes) : left_(bytes) {}
  uint8_t Next() {  // Zeros behind the end.
    if (left_.empty()) return 0;
    const uint8_t b = left_[0];
    left_ = left_.subspan(1);
    return b;
  }
  // Mostly small, now and then extreme.
  int64_t Integer() {
    const uint8_t b = Next();
    constexpr int64_t kExtremes[] = {-1, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1 << 16, 1000, -2};
    return b >= 248 ? kExtremes[b - 248] : b % 16 == 15 ? -static_cast<int64_t>(b % 5) : b % 7;
  }

 private:
  std::span<const uint8_t> left_;
};

// One of the types that a row allows for a variable: "T=f32|i8 I=i32".
inline DType PickType(std::string_view row, char variable, Bytes& in) {
  for (size_t at = 0; at < row.size(); at = std::min(row.find(' ', at), row.size() - 1) + 1) {
    if (row[at] != variable) continue;
    const std::string_view list = row.substr(at + 2, std::min(row.find(' ', at), row.size()) - at - 2);
    std::vector<std::string_view> names;
    for (size_t b = 0; b <= list.size(); b = std::min(list.find('|', b), list.size()) + 1)
      names.push_back(list.substr(b, std::min(list.find('|', b), list.size()) - b));
    return DTypeFromName(names[in.Next() % names.size()]);
  }
  constexpr DType kAny[] = {DType::kF32, DType::kI8, DType::kI32, DType::kI64, DType::kU8, DType::kI16, DType::kBool, DType::kF16};
  return kAny[in.Next() % std::size(kAny)];
}

inline Shape PickShape(Bytes& in) {
  Shape shape;
  const int rank = in.Next() % 6;
  for (int i = 0; i < rank; ++i) {
    const uint8_t b = in.Next();
    shape.push_back(b == 255 ? 100000 : b % 6);
  }
  return shape;
}

inline void PickAttributes(const ops::OpDef& def, graph::Attributes& attrs, Bytes& in) {
  for (const ops::AttrRow& row : def.attrs.rows) {
    void* at = row.at(attrs.get());
    if (in.Next() % 4 == 0) continue;  // The default.
    switch (row.kind) {
      case ops::AttrKind::kBool: *static_cast<bool*>(at) = in.Next() & 1; break;
      case ops::AttrKind::kI8: *static_cast<int8_t*>(at) = static_cast<int8_t>(in.Integer()); break;
      case ops::AttrKind::kI32: *static_cast<int32_t*>(at) = static_cast<int32_t>(in.Integer()); break;
      case ops::AttrKind::kI64: *static_cast<int64_t*>(at) = in.Integer(); break;
      case ops::AttrKind::kF32: *static_cast<float*>(at) = static_cast<float>(in.Integer()) * 0.5f; break;
      case ops::AttrKind::kInts: {
        auto& list = *static_cast<ops::Ints*>(at);
        list.count = in.Next() % (kMaxRank + 1);
        for (int i = 0; i < list.count; ++i) list.v[i] = static_cast<int32_t>(in.Integer());
        break;
      }
      case ops::AttrKind::kLongs: {
        auto& list = *static_cast<ops::Longs*>(at);
        list.count = in.Next() % 9;
        for (int i = 0; i < list.count; ++i) list.v[i] = in.Integer();
        break;
      }
      case ops::AttrKind::kFloats: {
        std::vector<float> values(in.Next() % 5);
        for (float& v : values) v = static_cast<float>(in.Integer());
        *static_cast<ops::Floats*>(at) = attrs.Keep<ops::Floats>(values);
        break;
      }
      case ops::AttrKind::kText: *static_cast<ops::Text*>(at) = attrs.Keep<ops::Text>(std::string(in.Next() % 3, 'x')); break;
      case ops::AttrKind::kBytes: break;
      case ops::AttrKind::kSubgraph: *static_cast<ops::Subgraph*>(at) = static_cast<ops::Subgraph>(1 + in.Next() % 2); break;
      case ops::AttrKind::kSubgraphs: *static_cast<ops::Subgraphs*>(at) = attrs.Keep<ops::Subgraphs>(std::vector<int32_t>{1, 2}); break;
    }
  }
}

inline Quant PickQuant(DType type, Bytes& in) {
  if ((type != DType::kI8 && type != DType::kU8 && type != DType::kI16) || in.Next() % 8 == 0) return {};
  constexpr float kScales[] = {0.5f, 1.0f / 256, 0.01f, 3.0f, 1.0f / 32768, 0.0f, 1e30f, 1e-30f};
  return Quant::PerTensor(kScales[in.Next() % std::size(kScales)], type == DType::kI16 ? 0 : static_cast<int8_t>(in.Next()));
}

// A called subgraph over one float: x, or x + x.
inline graph::Graph Callee(bool doubles) {
  graph::Graph g;
  g.inputs = {g.AddTensor("x", {DType::kF32, {}, {}}), g.AddTensor("y", {DType::kF32, {}, {}})};
  const graph::TensorId out = g.AddTensor("z", {DType::kF32, {}, {}});
  const ops::OpDef& add = *ops::Find("add");
  g.AddNode(add, graph::Attributes(add.attrs), {g.inputs[0], doubles ? g.inputs[0] : g.inputs[1]}, {out}, "z");
  g.outputs = {out};
  return g;
}

inline graph::TensorId PickOperand(graph::Graph& g, const ops::Operand& operand, std::string_view row, Bytes& in) {
  const DType type = PickType(row, operand.type, in);
  const Shape shape = PickShape(in);
  const TensorType tensor{type, shape, PickQuant(type, in)};
  uint64_t bytes = 0;
  const bool small = CheckedBytes(type, shape, &bytes) && bytes <= 4096 && bytes > 0;
  const bool constant = small && type != DType::kString && type != DType::kResource && (in.Next() % 2 == 0 || operand.role == ops::Role::kShape);
  if (!constant) {
    const graph::TensorId t = g.AddTensor("in", tensor);
    g.inputs.push_back(t);
    return t;
  }
  std::vector<std::byte> values(bytes);
  const auto width = static_cast<size_t>(std::max(BitsOf(type) / 8, 1));
  for (size_t i = 0; i + width <= values.size(); i += width) {
    const int64_t v = in.Integer();
    const float real = static_cast<float>(v);
    std::memcpy(values.data() + i, type == DType::kF32 ? static_cast<const void*>(&real) : &v, std::min<size_t>(width, 4));
    if (width == 8 && type != DType::kC64) std::memcpy(values.data() + i, &v, 8);
  }
  return g.AddConstant("c", tensor, graph::MakeBuffer(values));
}

inline bool BuildOneOp(std::span<const uint8_t> bytes, graph::Model* model) {
  Bytes in(bytes);
  const auto defs = ops::Defs();
  const ops::OpDef& def = *defs[(in.Next() + 256u * in.Next()) % defs.size()];
  if (def.types.empty()) return false;
  const std::string_view row = def.types[in.Next() % def.types.size()].types;
  model->subgraphs.resize(1);
  graph::Graph& g = model->main();
  std::vector<graph::TensorId> inputs, outputs;
  for (const ops::Operand& operand : def.inputs) {
    const int count = operand.arity == ops::Arity::kMany ? in.Next() % 4 : 1;
    for (int i = 0; i < count; ++i) {
      const bool absent = operand.arity == ops::Arity::kOptional && in.Next() % 2;
      inputs.push_back(absent ? graph::kNoTensor : PickOperand(g, operand, row, in));
    }
  }
  for (const ops::Operand& operand : def.outputs) {
    const int count = operand.arity == ops::Arity::kMany ? 1 + in.Next() % 3 : 1;
    for (int i = 0; i < count; ++i) {
      const DType type = PickType(row, operand.type, in);
      outputs.push_back(g.AddTensor("out", {type, {}, PickQuant(type, in)}));
    }
  }
  graph::Attributes attrs(def.attrs);
  PickAttributes(def, attrs, in);
  const bool calls = !ops::CalledSubgraphs(def.attrs, attrs.get()).empty();
  const graph::NodeId node = g.AddNode(def, std::move(attrs), inputs, outputs, "node");
  if (!def.custom_name.empty())
    for (int i = in.Next() % 32; i > 0; --i) g.node(node).custom_options.push_back(static_cast<std::byte>(in.Next()));
  g.outputs = outputs;
  if (calls) {
    model->subgraphs.push_back(Callee(false));
    model->subgraphs.push_back(Callee(true));
  }
  return graph::InferModel(*model).ok();
}

// Whether it came as far as running.
inline bool RunOneOp(std::span<const uint8_t> bytes) {
  graph::Model model;
  if (!BuildOneOp(bytes, &model)) return false;
  const auto file = exporter::Export(model);
  if (!file.ok()) return false;
  auto opened = runtime::Model::FromBytes(*file);
  if (!opened.ok()) return false;
  runtime::Options options;
  options.memory_limit_bytes = 16 << 20;
  options.max_calls = 1000;
  bool ran = false;
  for (const runtime::Kernels kernels : {runtime::Kernels::kReference, runtime::Kernels::kFast}) {
    options.kernels = kernels;
    auto interpreter = runtime::Interpreter::Create(*opened, options);
    if (!interpreter.ok() || !(*interpreter)->Allocate().ok()) return ran;
    for (int i = 0; i < (*interpreter)->num_inputs(); ++i) {
      const runtime::TensorRef t = (*interpreter)->input(i);
      for (uint64_t k = 0; t.data && k < std::min<uint64_t>(t.bytes, 4096); ++k)
        t.data[k] = t.type->dtype == DType::kBool ? std::byte{k % 2 == 0} : static_cast<std::byte>(bytes[k % bytes.size()] % 5);
    }
    ran |= (*interpreter)->Invoke().ok();
  }
  return ran;
}

}  // namespace octet::fuzz
