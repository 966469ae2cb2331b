// SPDX-License-Identifier: Apache-2.0
#include "delegates/nnapi/operators.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace octet::delegates::nnapi {
namespace {

// What follows the node's tensors: its attributes, in NNAPI's order, as INT32 unless said otherwise.
struct Operation {
  std::string_view op;
  OperationCode code;
  int tensors;  // Inputs that are tensors; 0: all of them.
  std::vector<std::string_view> scalars = {};
};

// "padding" becomes NNAPI's number; "=0" is a constant; "?" a boolean; "~" a float.
const std::vector<Operation>& Operations() {
  static const auto& list = *new std::vector<Operation>{
      {"add", kAdd, 2, {"fused_activation_function"}},
      {"sub", kSub, 2, {"fused_activation_function"}},
      {"mul", kMul, 2, {"fused_activation_function"}},
      {"div", kDiv, 2, {"fused_activation_function"}},
      {"conv_2d", kConv, 3, {"padding", "stride_w", "stride_h", "fused_activation_function", "?nchw", "dilation_w_factor", "dilation_h_factor"}},
      {"depthwise_conv_2d", kDepthwiseConv, 3,
       {"padding", "stride_w", "stride_h", "depth_multiplier", "fused_activation_function", "?nchw", "dilation_w_factor", "dilation_h_factor"}},
      {"fully_connected", kFullyConnected, 3, {"fused_activation_function"}},
      {"average_pool_2d", kAveragePool, 1, {"padding", "stride_w", "stride_h", "filter_width", "filter_height", "fused_activation_function"}},
      {"max_pool_2d", kMaxPool, 1, {"padding", "stride_w", "stride_h", "filter_width", "filter_height", "fused_activation_function"}},
      {"concatenation", kConcatenation, 0, {"axis"}},
      {"reshape", kReshape, 1, {"=shape"}},
      {"softmax", kSoftmax, 1, {"~beta"}},
      {"relu", kRelu, 1},
      {"relu_n1_to_1", kRelu1, 1},
      {"relu6", kRelu6, 1},
      {"logistic", kLogistic, 1},
      {"tanh", kTanh, 1},
  };
  return list;
}

const Operation* Find(const OctetDelegateNode& node) {
  for (const Operation& o : Operations())
    if (o.op == node.op) return &o;
  return nullptr;
}

const OctetDelegateAttribute* Attribute(const OctetDelegateNode& node, std::string_view name) {
  for (int32_t i = 0; i < node.num_attributes; ++i)
    if (name == node.attributes[i].name) return &node.attributes[i];
  return nullptr;
}

int64_t IntOf(const OctetDelegateNode& node, std::string_view name) {
  const OctetDelegateAttribute* a = Attribute(node, name);
  return a ? a->value : 0;
}

enum : int32_t { kF32 = 0, kI32 = 2, kU8 = 3, kI8 = 9 };  // Of the .tflite schema.

bool IsQuantized(int32_t type) { return type == kU8 || type == kI8; }

int32_t CodeOf(const OctetDelegateTensor& t) {
  switch (t.type) {
    case kF32: return kTensorFloat32;
    case kI32: return kTensorInt32;
    case kU8: return kTensorQuant8Asymm;
    default: return t.num_scales > 1 ? kTensorQuant8SymmPerChannel : kTensorQuant8AsymmSigned;
  }
}

std::vector<uint32_t> DimsOf(const OctetDelegateTensor& t) { return {t.dims, t.dims + std::max(0, t.rank)}; }

Status Check(int answer, const char* what) { return answer == 0 ? Status() : Error(Code::kDelegate, "NNAPI refuses %s: error %d", what, answer); }

}  // namespace

const char* WhyNot(const OctetDelegateGraph& graph, const OctetDelegateNode& node) {
  const Operation* o = Find(node);
  if (!o) return "NNAPI has no such operation, or octet does not map it";
  const OctetDelegateTensor& x = graph.tensors[node.inputs[0]];
  const OctetDelegateTensor& y = graph.tensors[node.outputs[0]];
  if (x.type != kF32 && !IsQuantized(x.type)) return "only float32 and 8-bit integers";
  if (y.type != x.type) return "its output has another type";
  for (int32_t i = 0; i < node.num_inputs; ++i) {
    if (node.inputs[i] < 0) continue;
    const OctetDelegateTensor& t = graph.tensors[node.inputs[i]];
    if (t.type != kF32 && t.type != kI32 && !IsQuantized(t.type)) return "an operand's type";
    if (IsQuantized(t.type) != IsQuantized(x.type) && t.type != kI32) return "weights of another form than the activations";
    if (IsQuantized(t.type) && t.num_scales == 0) return "an operand without scales";
    if (t.num_scales > 1 && !t.data) return "a computed operand with a scale per channel";
    if (t.rank < 1 || t.rank > 4) return "NNAPI has one to four dimensions";
  }
  if (o->tensors == 3 && !graph.tensors[node.inputs[1]].data) return "weights that are computed";
  if (IntOf(node, "fused_activation_function") > 3) return "its fused activation";
  if (IntOf(node, "keep_num_dims") || IntOf(node, "weights_format")) return "how its weights or shapes are laid out";
  return nullptr;
}

Result<uint32_t> Builder::Add(const ANeuralNetworksOperandType& type) {
  OCTET_TRY(Check(api_.AddOperand(model_, &type), "an operand"));
  return count_++;
}

Result<uint32_t> Builder::Tensor(int32_t index) {
  const auto at = operand_of_.find(index);
  if (at != operand_of_.end()) return at->second;
  const OctetDelegateTensor& t = graph_.tensors[index];
  const std::vector<uint32_t> dims = DimsOf(t);
  const bool per_channel = t.num_scales > 1 && t.type != kI32;
  ANeuralNetworksOperandType type{CodeOf(t), static_cast<uint32_t>(dims.size()), dims.data(), 0, 0};
  if (t.num_scales == 1) type.scale = t.scales[0], type.zero_point = t.type == kI32 ? 0 : t.zero_points[0];
  OCTET_ASSIGN(const uint32_t operand, Add(type));
  if (per_channel) {
    const ANeuralNetworksSymmPerChannelQuantParams params{static_cast<uint32_t>(t.quantized_dimension), static_cast<uint32_t>(t.num_scales), t.scales};
    OCTET_TRY(Check(api_.SetPerChannel ? api_.SetPerChannel(model_, static_cast<int32_t>(operand), &params) : -1, "scales per channel"));
  }
  if (t.data) OCTET_TRY(Check(api_.SetValue(model_, static_cast<int32_t>(operand), t.data, t.bytes), "a constant"));
  operand_of_[index] = operand;
  return operand;
}

Result<uint32_t> Builder::Value(int32_t type, const void* value, size_t bytes) {
  OCTET_ASSIGN(const uint32_t operand, Add({type, 0, nullptr, 0, 0}));
  OCTET_TRY(Check(api_.SetValue(model_, static_cast<int32_t>(operand), value, bytes), "a scalar"));
  return operand;
}

Result<uint32_t> Builder::Int(int64_t value) {
  const auto number = static_cast<int32_t>(value);
  return Value(kInt32, &number, sizeof number);
}

// NNAPI's products always have a bias.
Result<uint32_t> Builder::ZeroBias(const OctetDelegateNode& node) {
  const OctetDelegateTensor& y = graph_.tensors[node.outputs[0]];
  const OctetDelegateTensor& x = graph_.tensors[node.inputs[0]];
  const OctetDelegateTensor& w = graph_.tensors[node.inputs[1]];
  const auto channels = static_cast<uint32_t>(y.dims[y.rank - 1]);
  const bool real = x.type == kF32;
  const float scale = real || w.num_scales > 1 ? 0 : x.scales[0] * w.scales[0];
  OCTET_ASSIGN(const uint32_t operand, Add({real ? kTensorFloat32 : kTensorInt32, 1, &channels, scale, 0}));
  const std::vector<char>& zeros = values_.emplace_back(channels * sizeof(int32_t));
  OCTET_TRY(Check(api_.SetValue(model_, static_cast<int32_t>(operand), zeros.data(), zeros.size()), "a bias"));
  return operand;
}

Status Builder::AddAll(const OctetDelegateNode& node, std::vector<uint32_t>* in) {
  const Operation& o = *Find(node);
  const int tensors = o.tensors > 0 ? o.tensors : node.num_inputs;
  for (int i = 0; i < tensors; ++i) {
    const bool there = i < node.num_inputs && node.inputs[i] >= 0;
    OCTET_ASSIGN(const uint32_t operand, there ? Tensor(node.inputs[i]) : ZeroBias(node));
    in->push_back(operand);
  }
  const OctetDelegateTensor& y = graph_.tensors[node.outputs[0]];
  for (const std::string_view name : o.scalars) {
    uint32_t operand = 0;
    if (name == "=shape") {
      const auto rank = static_cast<uint32_t>(y.rank);
      OCTET_ASSIGN(operand, Add({kTensorInt32, 1, &rank, 0, 0}));
      std::vector<char>& dims = values_.emplace_back(rank * sizeof(int32_t));
      std::memcpy(dims.data(), y.dims, dims.size());
      OCTET_TRY(Check(api_.SetValue(model_, static_cast<int32_t>(operand), dims.data(), dims.size()), "a shape"));
    } else if (name == "~beta") {
      const auto* beta = Attribute(node, "beta");
      const float value = beta ? static_cast<float>(beta->real) : 1;
      OCTET_ASSIGN(operand, Value(kFloat32, &value, sizeof value));
    } else if (name == "?nchw") {
      const uint8_t no = 0;
      OCTET_ASSIGN(operand, Value(kBool, &no, sizeof no));
    } else {
      int64_t value = IntOf(node, name) + (name == "padding" ? 1 : 0);  // SAME is 1 there.
      if (name == "axis" && value < 0) value += y.rank;
      OCTET_ASSIGN(operand, Int(value));
    }
    in->push_back(operand);
  }
  return {};
}

Status Builder::AddNode(const OctetDelegateNode& node) {
  std::vector<uint32_t> in;
  OCTET_TRY(AddAll(node, &in));
  OCTET_ASSIGN(const uint32_t out, Tensor(node.outputs[0]));
  return Check(api_.AddOperation(model_, Find(node)->code, static_cast<uint32_t>(in.size()), in.data(), 1, &out), node.op);
}

Status Builder::Identify(const std::vector<int32_t>& inputs, const std::vector<int32_t>& outputs) {
  std::vector<uint32_t> in, out;
  for (int32_t t : inputs) in.push_back(operand_of_.at(t));
  for (int32_t t : outputs) out.push_back(operand_of_.at(t));
  return Check(api_.IdentifyEnds(model_, static_cast<uint32_t>(in.size()), in.data(), static_cast<uint32_t>(out.size()), out.data()), "the model's ends");
}

}  // namespace octet::delegates::nnapi
