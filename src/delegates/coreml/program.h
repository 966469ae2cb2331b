// SPDX-License-Identifier: Apache-2.0
// An ML Program in the making: Core ML's model specification (Model.proto, MIL.proto of coremltools; their field numbers
// are the interface) with its file of weights. Opset CoreML7: macOS 14, iOS 17, the first with 8-bit activations.
#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "delegates/coreml/wire_writer.h"

namespace octet::coreml {

enum class Type : uint32_t { kBool = 1, kString = 2, kF16 = 10, kF32 = 11, kI8 = 21, kI32 = 23, kU8 = 31 };  // MIL's numbers.
using Dims = std::vector<int64_t>;

// A value of the program: what an operation gives, a constant, or an input.
struct Var {
  std::string name;
  Type type = Type::kF32;
  Dims dims;
};
struct Argument {
  std::string_view parameter;
  std::vector<Var> values;  // One, or a list.
};

struct Affine {  // real = scale * (q - zero_point): one, or one per slice of the axis.
  std::vector<float> scales;
  std::vector<int32_t> zero_points;
  int64_t axis = 0;
};

class Program {
 public:
  // `real`: what is computed in. `dry` only asks whether operations can be written; weights are not looked at.
  Program(Type real, bool dry) : real_(real), dry_(dry) {}

  Type real() const { return real_; }
  bool dry() const { return dry_; }
  void SetPlace(std::string_view layer);  // Names of what follows begin with it.

  Var Input(const std::string& name, Type type, const Dims& dims);
  // The value becomes an output under this name.
  void Output(const std::string& name, const Var& value);
  Var Apply(std::string_view operation, const std::vector<Argument>& arguments, Type type, const Dims& dims);

  // Parameters and small constants; equal ones are one.
  Var Text(std::string_view text);
  Var Bool(bool value);
  Var Int(int64_t value);
  Var Ints(const std::vector<int64_t>& values);
  Var IntTensor(std::span<const int32_t> values, const Dims& dims);
  Var BoolTensor(std::span<const uint8_t> values, const Dims& dims);
  Var Real(Type type, float value);
  Var Reals(Type type, std::span<const float> values);
  Var ZeroPoint(Type type, int32_t value);
  // Tensors in the file of weights: of the program's real type; 8-bit integers that become that type when they are loaded.
  Var Weights(std::span<const float> values, const Dims& dims);
  Var QuantizedWeights(Type stored, std::string_view bytes, const Dims& dims, const Affine& affine);

  // The specification (model.mlmodel) and its weights (weights/weight.bin; empty: there are none).
  std::string Specification() const;
  const std::string& weights() const { return blob_; }

 private:
  std::string NewName();
  Var Constant(Type type, const Dims& dims, const WireWriter& value);
  void Emit(std::string_view operation, const WireWriter& middle, const Var& result, const WireWriter& attributes);
  uint64_t AppendBlob(uint32_t code, std::string_view bytes);  // Where it begins.

  const Type real_;
  const bool dry_;
  std::string place_ = "v";
  int count_ = 0;
  std::map<std::string, Var> constants_;  // By their serialized value.
  WireWriter operations_, inputs_, outputs_, input_features_, output_features_;  // Repeated fields, as they stand in their messages.
  std::string blob_;
  uint32_t blobs_ = 0;
};

}  // namespace octet::coreml
