// SPDX-License-Identifier: Apache-2.0
// Stored tensors of an ONNX model: bytes in the file, typed lists, or files beside it.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/types.h"
#include "importers/onnx/proto.h"

namespace octet::importers::onnx {

// What octet computes with: all floats are f32 (their storage in the file may be f16, bf16 or f64), u64 is i64.
DType ComputeType(int32_t element_type);
// As declared: for a graph's inputs and outputs.
DType DeclaredType(int32_t element_type);
std::string_view TypeName(int32_t element_type);

struct StoredTensor {
  DType dtype = DType::kNone;
  Shape shape;
  std::vector<std::byte> bytes;  // Of dtype, dense.
};

class Tensors {
 public:
  // `folder`: of the model file; external data may not leave it.
  explicit Tensors(std::string folder) : folder_(std::move(folder)) {}
  Result<StoredTensor> Read(const TensorProto& t);
  // Hears which bytes of the model file were read: who has it mapped may give them back.
  using Done = std::function<void(std::span<const std::byte>)>;
  void OnRead(Done done) { done_ = std::move(done); }

 private:
  Result<std::span<const std::byte>> External(const TensorProto& t);

  std::string folder_;
  std::map<std::string, MappedFile> files_;
  Done done_;
};

}  // namespace octet::importers::onnx
