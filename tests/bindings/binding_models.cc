// SPDX-License-Identifier: Apache-2.0
// Writes the small models that the tests of the bindings run. Usage: octet_binding_models FOLDER
#include <cstdio>

#include "base/file.h"
#include "tests/model_builder.h"
#include "tflite_abi/registration.h"

namespace octet::test {
namespace {

bool Write(const std::string& path, const graph::Model& model) {
  auto bytes = exporter::Export(model);
  return bytes.ok() && WriteFile(path, *bytes).ok();
}

// total = left + right, both [?, 4]; with a signature.
graph::Model Add() {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{kUnknown, 4}, {}}), y = b.Input("y", {DType::kF32, Shape{1, 4}, {}});
  b.g().outputs = {b.Node("add", "sum", {x, y})};
  b.model.signatures = {{"serve", {{"left", x}, {"right", y}}, {{"total", b.g().outputs[0]}}, 0}};
  return std::move(b.model);
}

// Two entry points, a subgraph each: plus, of subgraph 0, and minus.
graph::Model Two() {
  Builder b;
  for (int i = 0; i < 2; ++i) {
    if (i == 1) b.model.subgraphs.emplace_back();
    graph::Graph& g = b.model.subgraphs[static_cast<size_t>(i)];
    const TensorType type{DType::kF32, Shape{1, 4}, {}};
    const char* name = i == 0 ? "plus" : "minus";
    const auto x = g.AddTensor("x", type), y = g.AddTensor("y", type), out = g.AddTensor(name, type);
    g.inputs = {x, y};
    const ops::OpDef& def = *ops::Find(i == 0 ? "add" : "sub");
    g.AddNode(def, graph::Attributes(def.attrs), {x, y}, {out}, name);
    g.outputs = {out};
    b.model.signatures.push_back({name, {{"left", x}, {"right", y}}, {{"result", out}}, i});
  }
  return std::move(b.model);
}

// [2, 3] of any type becomes [1, 2, 1, 3].
graph::Model Reshape(DType dtype, Quant quant = {}) {
  Builder b;
  const TensorType type{dtype, Shape{2, 3}, quant};
  const auto x = b.Input("x", type);
  const auto shape = b.Constant<int32_t>("shape", Shape{4}, {1, 2, 1, 3});
  b.g().outputs = {b.Node("reshape", "y", {x, shape}, type)};
  return std::move(b.model);
}

// Where its six inputs are true: as many rows as there are.
graph::Model Where() {
  Builder b;
  const auto x = b.Input("x", {DType::kBool, Shape{6}, {}});
  b.g().outputs = {b.Node("where", "indices", {x}, {DType::kI64, {}, {}})};
  return std::move(b.model);
}

// Minutes of work in small steps, for those who cancel.
graph::Model Slow() {
  Builder b;
  auto x = b.Input("x", {DType::kF32, Shape{1 << 18}, {}});
  for (int i = 0; i < 4000; ++i) x = b.Node(i % 2 ? "sin" : "exp", "s" + std::to_string(i), {x});
  b.g().outputs = {x};
  return std::move(b.model);
}

// y = x through the custom operator "Twice", which the tests bring along.
graph::Model Custom() {
  (void)tflite_abi::RegisterOps({{"Twice", {}}}).ok();
  Builder b;
  const TensorType type{DType::kF32, Shape{2, 2}, {}};
  const auto x = b.Input("x", type), y = b.g().AddTensor("y", type);
  const ops::OpDef& def = *ops::Find(ops::BuiltinCode::kCustom, "Twice");
  b.g().AddNode(def, graph::Attributes(def.attrs), {x}, {y}, "y");
  b.g().outputs = {y};
  return std::move(b.model);
}

bool WriteAll(const std::string& folder) {
  const Quant quant{{0.5f}, {3}};
  return Write(folder + "/add.tflite", Add()) && Write(folder + "/two.tflite", Two()) && Write(folder + "/where.tflite", Where()) &&
         Write(folder + "/slow.tflite", Slow()) && Write(folder + "/custom.tflite", Custom()) && Write(folder + "/f32.tflite", Reshape(DType::kF32)) &&
         Write(folder + "/i32.tflite", Reshape(DType::kI32)) && Write(folder + "/i64.tflite", Reshape(DType::kI64)) &&
         Write(folder + "/i16.tflite", Reshape(DType::kI16)) && Write(folder + "/bool.tflite", Reshape(DType::kBool)) &&
         Write(folder + "/i8.tflite", Reshape(DType::kI8, quant)) && Write(folder + "/u8.tflite", Reshape(DType::kU8)) &&
         Write(folder + "/string.tflite", Reshape(DType::kString));
}

}  // namespace
}  // namespace octet::test

int main(int argc, char** argv) {
  if (argc == 2 && octet::test::WriteAll(argv[1])) return 0;
  std::fprintf(stderr, "usage: octet_binding_models FOLDER (that is there)\n");
  return 1;
}
