// SPDX-License-Identifier: Apache-2.0
#include "delegates/coreml/program.h"

#include <cctype>
#include <cstring>

#include "base/float16.h"

namespace octet::coreml {
namespace {

constexpr int kSpecificationVersion = 8;  // Of opset CoreML7.
constexpr std::string_view kOpset = "CoreML7";

// ValueType: 1 tensorType { 1 dataType, 2 rank, 3 dimensions { 1 constant { 1 size } } }.
WireWriter TypeOf(Type type, const Dims& dims) {
  WireWriter tensor, value;
  tensor.Varint(1, static_cast<uint64_t>(type));
  if (!dims.empty()) tensor.Varint(2, dims.size());
  for (const int64_t size : dims) {
    WireWriter constant, dimension;
    constant.Varint(1, static_cast<uint64_t>(size));
    dimension.Message(1, constant);
    tensor.Message(3, dimension);
  }
  value.Message(1, tensor);
  return value;
}

// NamedValueType: 1 name, 2 type.
WireWriter Named(const Var& v) {
  WireWriter named;
  named.Bytes(1, v.name);
  named.Message(2, TypeOf(v.type, v.dims));
  return named;
}

// Value: 2 type, 3 immediateValue { 1 tensor { `field` { 1 values } } }. Fields of TensorValue: 1 floats, 2 ints, 3 bools, 4 strings, 7 bytes.
WireWriter Immediate(Type type, const Dims& dims, uint32_t field, std::string_view values) {
  WireWriter list, tensor, immediate, value;
  list.Bytes(1, values);
  tensor.Message(field, list);
  immediate.Message(1, tensor);
  value.Message(2, TypeOf(type, dims));
  value.Message(3, immediate);
  return value;
}

// Value: 5 blobFileValue { 1 fileName, 2 offset }.
WireWriter InFile(Type type, const Dims& dims, uint64_t offset) {
  WireWriter file, value;
  file.Bytes(1, "@model_path/weights/weight.bin");
  file.Varint(2, offset);
  value.Message(2, TypeOf(type, dims));
  value.Message(5, file);
  return value;
}

// Operation: 5 attributes { 1 key, 2 value }.
void AddAttribute(WireWriter* operation, std::string_view key, const WireWriter& value) {
  WireWriter entry;
  entry.Bytes(1, key);
  entry.Message(2, value);
  operation->Message(5, entry);
}

std::string BytesOf(Type type, std::span<const float> values) {
  std::string bytes;
  for (const float v : values) {
    const uint16_t half = F32ToF16(v);
    if (type == Type::kF16) bytes.append(reinterpret_cast<const char*>(&half), sizeof half);
    else bytes.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  return bytes;
}

WireWriter RealValue(Type type, const Dims& dims, std::span<const float> values) {
  return Immediate(type, dims, type == Type::kF16 ? 7 : 1, BytesOf(type, values));
}

WireWriter ZeroPointValue(Type type, const Dims& dims, std::span<const int32_t> values) {
  std::string bytes;
  for (const int32_t v : values) bytes += static_cast<char>(v);
  return Immediate(type, dims, 7, bytes);
}

WireWriter IntValue(const Dims& dims, std::span<const int64_t> values) {
  WireWriter packed;
  for (const int64_t v : values) packed.Number(static_cast<uint64_t>(v));
  return Immediate(Type::kI32, dims, 2, packed.bytes());
}

// FeatureDescription: 1 name, 3 type { 5 multiArrayType { 1 shape, 2 dataType } }. A scalar is an array of one.
WireWriter Feature(const Var& v) {
  constexpr uint64_t kFloat16 = 65552, kFloat32 = 65568, kInt32 = 131104;
  WireWriter shape, array, type, feature;
  for (const int64_t size : v.dims) shape.Number(static_cast<uint64_t>(size));
  array.Bytes(1, shape.bytes());
  array.Varint(2, v.type == Type::kF16 ? kFloat16 : v.type == Type::kI32 ? kInt32 : kFloat32);
  type.Message(5, array);
  feature.Bytes(1, v.name);
  feature.Message(3, type);
  return feature;
}

}  // namespace

// MIL's names are identifiers.
void Program::SetPlace(std::string_view layer) {
  constexpr size_t kLongest = 64;
  place_ = layer.empty() || std::isdigit(static_cast<unsigned char>(layer[0])) ? "v_" : "";
  for (const char c : layer.substr(0, kLongest)) place_ += std::isalnum(static_cast<unsigned char>(c)) && static_cast<unsigned char>(c) < 128 ? c : '_';
}

std::string Program::NewName() { return place_ + "_" + std::to_string(count_++); }

Var Program::Input(const std::string& name, Type type, const Dims& dims) {
  Var v{name, type, dims};
  inputs_.Message(1, Named(v));
  input_features_.Message(1, Feature(v));
  return v;
}

void Program::Output(const std::string& name, const Var& value) {
  const Var v{name, value.type, value.dims};
  WireWriter binding, argument, entry, middle;
  binding.Bytes(1, value.name);
  argument.Message(1, binding);
  entry.Bytes(1, "x");
  entry.Message(2, argument);
  middle.Message(2, entry);
  Emit("identity", middle, v, {});
  outputs_.Bytes(2, name);
  output_features_.Message(10, Feature(v));
}

// Operation: 1 type, 2 inputs { 1 key, 2 value { 1 arguments { 1 name } } }, 3 outputs, 5 attributes.
void Program::Emit(std::string_view operation, const WireWriter& middle, const Var& result, const WireWriter& attributes) {
  if (dry_) return;
  WireWriter op;
  op.Bytes(1, operation);
  WireWriter all;
  all.Message(3, Named(result));
  AddAttribute(&all, "name", Immediate(Type::kString, {}, 4, result.name));
  operations_.Bytes(3, op.bytes() + middle.bytes() + all.bytes() + attributes.bytes());
}

Var Program::Apply(std::string_view operation, const std::vector<Argument>& arguments, Type type, const Dims& dims) {
  Var result{NewName(), type, dims};
  WireWriter middle;
  for (const Argument& a : arguments) {
    WireWriter argument, entry;
    for (const Var& v : a.values) {
      WireWriter binding;
      binding.Bytes(1, v.name);
      argument.Message(1, binding);
    }
    entry.Bytes(1, a.parameter);
    entry.Message(2, argument);
    middle.Message(2, entry);
  }
  Emit(operation, middle, result, {});
  return result;
}

Var Program::Constant(Type type, const Dims& dims, const WireWriter& value) {
  const auto [at, is_new] = constants_.try_emplace(value.bytes());
  if (!is_new) return at->second;
  at->second = {"c_" + std::to_string(count_++), type, dims};
  WireWriter attributes;
  AddAttribute(&attributes, "val", value);
  Emit("const", {}, at->second, attributes);
  return at->second;
}

Var Program::Text(std::string_view text) { return Constant(Type::kString, {}, Immediate(Type::kString, {}, 4, text)); }
Var Program::Bool(bool value) { return Constant(Type::kBool, {}, Immediate(Type::kBool, {}, 3, std::string(1, value ? '\1' : '\0'))); }
Var Program::Int(int64_t value) { return Constant(Type::kI32, {}, IntValue({}, {&value, 1})); }
Var Program::Ints(const std::vector<int64_t>& values) {
  const Dims dims = {static_cast<int64_t>(values.size())};
  return Constant(Type::kI32, dims, IntValue(dims, values));
}
Var Program::IntTensor(std::span<const int32_t> values, const Dims& dims) {
  return Constant(Type::kI32, dims, IntValue(dims, std::vector<int64_t>(values.begin(), values.end())));
}
Var Program::BoolTensor(std::span<const uint8_t> values, const Dims& dims) {
  std::string bytes;
  for (const uint8_t v : values) bytes += v != 0 ? '\1' : '\0';
  return Constant(Type::kBool, dims, Immediate(Type::kBool, dims, 3, bytes));
}
Var Program::Real(Type type, float value) { return Constant(type, {}, RealValue(type, {}, {&value, 1})); }
Var Program::Reals(Type type, std::span<const float> values) {
  const Dims dims = {static_cast<int64_t>(values.size())};
  return Constant(type, dims, RealValue(type, dims, values));
}
Var Program::ZeroPoint(Type type, int32_t value) { return Constant(type, {}, ZeroPointValue(type, {}, {&value, 1})); }

// The file: 64 bytes { u32 count, u32 version 2 }, then per tensor 64 bytes { u32 0xDEADBEEF, u32 type, u64 bytes, u64 where } and
// its bytes, both at multiples of 64.
uint64_t Program::AppendBlob(uint32_t code, std::string_view bytes) {
  constexpr size_t kAlignment = 64;
  constexpr uint32_t kVersion = 2, kSentinel = 0xDEADBEEF;
  const auto put = [&](size_t at, auto value) { std::memcpy(blob_.data() + at, &value, sizeof value); };
  blob_.resize(blob_.empty() ? kAlignment : (blob_.size() + kAlignment - 1) / kAlignment * kAlignment);
  const size_t at = blob_.size();
  put(0, ++blobs_);
  put(4, kVersion);
  blob_.resize(at + kAlignment);
  put(at, kSentinel);
  put(at + 4, code);
  put(at + 8, static_cast<uint64_t>(bytes.size()));
  put(at + 16, static_cast<uint64_t>(at + kAlignment));
  blob_ += bytes;
  return at;
}

Var Program::Weights(std::span<const float> values, const Dims& dims) {
  Var v{NewName(), real_, dims};
  if (dry_) return v;
  constexpr uint32_t kFloat16 = 1, kFloat32 = 2;
  WireWriter attributes;
  AddAttribute(&attributes, "val", InFile(real_, dims, AppendBlob(real_ == Type::kF16 ? kFloat16 : kFloat32, BytesOf(real_, values))));
  Emit("const", {}, v, attributes);
  return v;
}

Var Program::QuantizedWeights(Type stored, std::string_view bytes, const Dims& dims, const Affine& affine) {
  Var v{NewName(), real_, dims};
  if (dry_) return v;
  constexpr uint32_t kUInt8 = 3, kInt8 = 4;
  const Dims vector = affine.scales.size() == 1 ? Dims() : Dims{static_cast<int64_t>(affine.scales.size())};
  WireWriter attributes;
  AddAttribute(&attributes, "quantized_data", InFile(stored, dims, AppendBlob(stored == Type::kU8 ? kUInt8 : kInt8, bytes)));
  AddAttribute(&attributes, "zero_point", ZeroPointValue(stored, vector, affine.zero_points));
  AddAttribute(&attributes, "scale", RealValue(real_, vector, affine.scales));
  AddAttribute(&attributes, "axis", IntValue({}, {&affine.axis, 1}));
  Emit("constexpr_affine_dequantize", {}, v, attributes);
  return v;
}

// Model: 1 specificationVersion, 2 description { 1 input, 10 output }, 502 mlProgram { 1 version, 2 functions { 1 key,
// 2 value { 1 inputs, 2 opset, 3 block_specializations { 1 key, 2 value { 2 outputs, 3 operations } } } } }.
std::string Program::Specification() const {
  WireWriter block, opset, main, functions, program, model;
  opset.Bytes(1, kOpset);
  opset.Bytes(2, outputs_.bytes() + operations_.bytes());
  WireWriter function;
  function.Bytes(2, kOpset);
  function.Message(3, opset);
  main.Bytes(1, "main");
  main.Bytes(2, inputs_.bytes() + function.bytes());
  program.Varint(1, 1);
  program.Message(2, main);
  model.Varint(1, kSpecificationVersion);
  model.Bytes(2, input_features_.bytes() + output_features_.bytes());
  model.Message(502, program);
  return model.bytes();
}

}  // namespace octet::coreml
