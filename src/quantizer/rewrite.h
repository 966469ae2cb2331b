// SPDX-License-Identifier: Apache-2.0
// A float graph and the ranges of its tensors -> an int8 graph by TensorFlow Lite's 8-bit rules, which the
// operators' definitions state (ops::QuantRow).
#pragma once
#include <map>
#include <set>

#include "quantizer/choose_params.h"

namespace octet::quantizer {

struct RewriteOptions {
  DType inputs = DType::kF32;     // Type of the model's inputs: kF32, kI8 or kU8 (kI16 with activations of 16 bits);
  DType outputs = DType::kF32;    // of its outputs.
  DType activation = DType::kI8;  // kI8, or kI16 (16x8: zero points 0, biases of 64 bits).
  bool per_tensor_weights = false;
  bool per_tensor_dense = false;  // Of dense layers only.
  bool OneScale(const Shape& weights) const { return per_tensor_weights || (per_tensor_dense && weights.rank() == 2); }
  // Nodes, by their first outputs: a layer's last tensor often has the layer's own name.
  std::set<std::string> int4;                     // Whose weights take 4 bits, where the operator has that form.
  std::map<std::string, std::string> keep_float;  // That stay float, and why.
  std::map<std::string, std::string> int16;       // The same for 16x8 within int8; what has no such form stays float.
};

struct FloatNode {  // Left out of int8.
  std::string place, op, reason;
  std::string tensor;              // Its first output.
  int64_t macs = 0, bytes = 0;     // Per inference, in float.
};

// Tensors, by the float names, that share one scale.
struct ScaleClass {
  std::vector<std::string> tensors;
  Quant quant;
  bool fixed = false;  // An operator's definition sets it.
};

struct Rewritten {
  graph::Model model;
  std::vector<ScaleClass> classes;     // Of what operators in int8 make or read.
  std::vector<FloatNode> float_nodes;  // Compute in float between the ends.
  std::vector<FloatNode> int16_nodes;  // Have activations of 16 bits in an int8 model.
};

// Quantized tensors keep the float tensor's name; where both exist (ends, float islands), the int8 one is
// called NAME + kInt8Suffix.
inline constexpr std::string_view kInt8Suffix = "/int8";

Result<Rewritten> RewriteToInt8(const graph::Model& model, const std::map<std::string, Range>& ranges, const RewriteOptions& options);

}  // namespace octet::quantizer
