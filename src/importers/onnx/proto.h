// SPDX-License-Identifier: Apache-2.0
// An ONNX file as it is written: names and bytes are views into the mapped file, nothing is interpreted.
// Field numbers are those of onnx.proto (github.com/onnx/onnx), versions IR 3 to 13.
#pragma once
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "data/wire.h"

namespace octet::importers::onnx {

struct GraphProto;

// TensorProto.DataType.
enum ElementType : int32_t {
  kFloat = 1, kUint8 = 2, kInt8 = 3, kUint16 = 4, kInt16 = 5, kInt32 = 6, kInt64 = 7, kString = 8, kBool = 9,
  kFloat16 = 10, kDouble = 11, kUint32 = 12, kUint64 = 13, kComplex64 = 14, kComplex128 = 15, kBfloat16 = 16,
  kUint4 = 21, kInt4 = 22
};

struct TensorProto {
  std::string_view name;
  int32_t type = 0;
  std::vector<int64_t> dims;
  bool has_raw = false;
  std::span<const std::byte> raw;
  std::vector<data::WireField> typed;  // Occurrences of float_data, int32_data and their kin.
  bool external = false;
  std::string_view location;
  int64_t offset = 0, length = -1;  // -1: to the end of the file.
};

struct AttributeProto {
  std::string_view name, ref, s;  // `ref`: the name of the enclosing function's attribute.
  int32_t type = 0;
  float f = 0;
  int64_t i = 0;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string_view> strings;
  std::unique_ptr<TensorProto> t;
  std::unique_ptr<GraphProto> g;
};

struct NodeProto {
  std::string_view name, op, domain;
  std::vector<std::string_view> inputs, outputs;  // Empty text: left out.
  std::vector<AttributeProto> attributes;
};

struct DimProto {
  int64_t value = -1;  // -1: unknown, or a symbol.
  std::string_view symbol;
};

struct ValueProto {
  std::string_view name;
  int32_t type = 0;  // 0: not a tensor.
  bool has_shape = false;
  std::vector<DimProto> dims;
};

struct GraphProto {
  std::string_view name;
  std::vector<NodeProto> nodes;
  std::vector<TensorProto> initializers;
  std::vector<ValueProto> inputs, outputs, values;
  bool has_sparse = false;
};

struct FunctionProto {
  std::string_view name, domain;
  std::vector<std::string_view> inputs, outputs, attributes;
  std::vector<AttributeProto> defaults;
  std::vector<NodeProto> nodes;
  std::map<std::string_view, int64_t> opsets;
};

struct ModelProto {
  int64_t ir_version = 0;
  std::string_view producer;
  std::map<std::string_view, int64_t> opsets;  // By domain; "" is ai.onnx.
  GraphProto graph;
  std::vector<FunctionProto> functions;
};

// Whether the bytes begin as an ONNX file does: protobuf has no magic number, so a few fields are read.
bool LooksLikeModel(std::span<const std::byte> bytes);

Result<ModelProto> ParseModel(std::span<const std::byte> bytes);

}  // namespace octet::importers::onnx
