// SPDX-License-Identifier: Apache-2.0
#include "delegates/coreml/lowering.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/float16.h"

namespace octet::coreml {
namespace {

constexpr int kMostDims = 5;  // Of Core ML's arrays.

Dims DimsOf(const OctetDelegateTensor& t) { return {t.dims, t.dims + std::max(0, t.rank)}; }

Dims AsImage(const Dims& dims) {
  Dims four(dims.size() < 4 ? 4 - dims.size() : 0, 1);
  four.insert(four.end(), dims.begin(), dims.end());
  return four;
}

// The elements in another order of dimensions.
std::string PermutedBytes(const char* data, size_t element, const Dims& dims, const std::vector<int64_t>& order) {
  const size_t rank = dims.size();
  std::vector<size_t> strides(rank, element), at(rank, 0);
  for (size_t i = rank; i-- > 1;) strides[i - 1] = strides[i] * static_cast<size_t>(dims[i]);
  std::string out(static_cast<size_t>(CountOf(dims)) * element, '\0');
  size_t from = 0;
  for (size_t to = 0; to < out.size(); to += element) {
    std::memcpy(out.data() + to, data + from, element);
    for (size_t i = rank; i-- > 0;) {
      const auto axis = static_cast<size_t>(order[i]);
      from += strides[axis];
      if (++at[i] < static_cast<size_t>(dims[axis])) break;
      from -= strides[axis] * at[i];
      at[i] = 0;
    }
  }
  return out;
}

std::vector<float> FloatsOf(const OctetDelegateTensor& t, const std::string& bytes) {
  std::vector<float> values(bytes.size() / (t.type == kF16 ? 2 : 4));
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t half = 0;
    if (t.type == kF16) std::memcpy(&half, bytes.data() + 2 * i, 2);
    else std::memcpy(&values[i], bytes.data() + 4 * i, 4);
    if (t.type == kF16) values[i] = F16ToF32(half);
  }
  return values;
}

Status CheckTensor(const OctetDelegateTensor& t) {
  if (t.rank > kMostDims) return Refuse("more than five dimensions");
  if (t.data) return t.block_size > 0 ? Refuse("weights in blocks") : Status();
  if (t.rank < 1) return Refuse("a scalar that is computed");
  for (int32_t i = 0; i < t.rank; ++i)
    if (t.dims[i] < 1) return Refuse("an empty tensor");
  if (IsQuantized(t.type)) return t.num_scales == 1 ? Status() : Refuse("8-bit integers without one scale");
  return t.type == kF32 || t.type == kF16 || t.type == kI32 || t.type == kBool ? Status() : Refuse("a type that Core ML does not have");
}

LowerFn FindEntry(std::string_view op) {
  for (const std::span<const Entry> table : {ProductEntries(), ElementEntries(), MoveEntries(), ReduceEntries()})
    for (const Entry& e : table)
      if (e.op == op) return e.lower;
  return nullptr;
}

}  // namespace

int64_t CountOf(const Dims& dims) {
  int64_t count = 1;
  for (const int64_t d : dims) count *= d;
  return count;
}

Dims Permuted(const Dims& dims, const std::vector<int64_t>& order) {
  Dims out;
  for (const int64_t axis : order) out.push_back(dims[static_cast<size_t>(axis)]);
  return out;
}

Dims Node::in_dims(int i) const { return DimsOf(input(i)); }
Dims Node::out_dims(int i) const { return DimsOf(output(i)); }

int64_t Node::Int(std::string_view name) const { return delegates::IntAttribute(raw_, name); }
double Node::Real(std::string_view name) const { return delegates::RealAttribute(raw_, name); }

Result<std::vector<int64_t>> Node::Constants(int i) const {
  if (!has(i) || !input(i).data) return Refuse("indices or sizes that are computed");
  const OctetDelegateTensor& t = input(i);
  if (t.type != kI32 && t.type != kI64) return Refuse("the type of its indices");
  std::vector<int64_t> values(static_cast<size_t>(CountOf(DimsOf(t))));
  for (size_t k = 0; k < values.size(); ++k) {
    int32_t narrow = 0;
    if (t.type == kI32) std::memcpy(&narrow, static_cast<const char*>(t.data) + 4 * k, 4);
    else std::memcpy(&values[k], static_cast<const char*>(t.data) + 8 * k, 8);
    if (t.type == kI32) values[k] = narrow;
  }
  return values;
}

Type Lowering::TypeOf(const OctetDelegateTensor& t) const { return t.type == kI32 ? Type::kI32 : t.type == kBool ? Type::kBool : p.real(); }

Status Lowering::Add(const OctetDelegateNode& raw) {
  const LowerFn lower = raw.custom_name ? nullptr : FindEntry(raw.op);
  if (!lower) return Refuse("Core ML has no such operation, or octet does not map it");
  for (int32_t i = 0; i < raw.num_inputs; ++i)
    if (raw.inputs[i] >= 0) OCTET_TRY(CheckTensor(graph_.tensors[raw.inputs[i]]));
  for (int32_t i = 0; i < raw.num_outputs; ++i) OCTET_TRY(CheckTensor(graph_.tensors[raw.outputs[i]]));
  p.SetPlace(graph_.tensors[raw.outputs[0]].name);
  return lower(*this, Node(graph_, raw));
}

// Arrays that cross are float32, float16 or int32; narrower integers travel as int32.
Status Lowering::AddInput(int32_t tensor, const std::string& name) {
  const OctetDelegateTensor& t = graph_.tensors[tensor];
  const Dims dims = DimsOf(t);
  const Type crossing = t.type == kF32 ? Type::kF32 : t.type == kF16 ? Type::kF16 : Type::kI32;
  const Type inside = IsQuantized(t.type) ? (t.type == kI8 ? Type::kI8 : Type::kU8) : TypeOf(t);
  Var v = p.Input(name, crossing, dims);
  p.SetPlace(name);
  const char* const dtype = inside == Type::kF16   ? "fp16"
                            : inside == Type::kF32 ? "fp32"
                            : inside == Type::kI8  ? "int8"
                            : inside == Type::kU8  ? "uint8"
                                                   : "bool";
  if (inside != crossing) v = p.Apply("cast", {{"x", {v}}, {"dtype", {p.Text(dtype)}}}, inside, dims);
  values_[tensor].in[0] = IsQuantized(t.type) ? Dequantized(t, v) : v;
  return {};
}

Status Lowering::AddOutput(int32_t tensor, const std::string& name) {
  const OctetDelegateTensor& t = graph_.tensors[tensor];
  OCTET_ASSIGN(Var v, Get(tensor));
  p.SetPlace(name);
  if (IsQuantized(t.type)) v = values_[tensor].integers ? *values_[tensor].integers : Quantized(t, v);
  const Type crossing = t.type == kF32 ? Type::kF32 : t.type == kF16 ? Type::kF16 : Type::kI32;
  const char* const dtype = crossing == Type::kF32 ? "fp32" : crossing == Type::kF16 ? "fp16" : "int32";
  if (v.type != crossing) v = p.Apply("cast", {{"x", {v}}, {"dtype", {p.Text(dtype)}}}, crossing, v.dims);
  p.Output(name, v);
  return {};
}

// A scale that half precision cannot hold stays float32.
Var Lowering::Dequantized(const OctetDelegateTensor& t, const Var& integers) {
  constexpr float kLeastHalf = 0x1p-14f;
  const Type type = t.scales[0] < kLeastHalf ? Type::kF32 : p.real();
  const Var v = p.Apply(
      "dequantize",
      {{"input", {integers}}, {"scale", {p.Real(type, t.scales[0])}}, {"zero_point", {p.ZeroPoint(integers.type, t.zero_points ? t.zero_points[0] : 0)}}}, type,
      integers.dims);
  return type == p.real() ? v : p.Apply("cast", {{"x", {v}}, {"dtype", {p.Text("fp16")}}}, p.real(), v.dims);
}

Var Lowering::Quantized(const OctetDelegateTensor& t, const Var& real) {
  const Type type = t.type == kI8 ? Type::kI8 : Type::kU8;
  const Var wide = real.type == Type::kF32 ? real : p.Apply("cast", {{"x", {real}}, {"dtype", {p.Text("fp32")}}}, Type::kF32, real.dims);
  return p.Apply("quantize", {{"input", {wide}}, {"scale", {p.Real(Type::kF32, t.scales[0])}}, {"zero_point", {p.ZeroPoint(type, t.zero_points ? t.zero_points[0] : 0)}}, {"output_dtype", {p.Text(type == Type::kI8 ? "int8" : "uint8")}}}, type, real.dims);
}

Result<Var> Lowering::Weights(int32_t tensor, const Dims& dims, const std::vector<int64_t>& order) {
  const OctetDelegateTensor& t = graph_.tensors[tensor];
  if (!t.data) return Refuse("weights that are computed");
  if (t.type != kF32 && t.type != kF16 && !IsQuantized(t.type)) return Refuse("the type of its weights");
  if (IsQuantized(t.type) && t.num_scales < 1) return Refuse("8-bit integers without scales");
  const Dims permuted = Permuted(dims, order);
  if (p.dry()) return Var{"", p.real(), permuted};
  const size_t element = t.type == kF32 ? 4 : t.type == kF16 ? 2 : 1;
  const std::string bytes = PermutedBytes(static_cast<const char*>(t.data), element, dims, order);
  if (!IsQuantized(t.type)) return p.Weights(FloatsOf(t, bytes), permuted);
  const auto count = static_cast<size_t>(t.num_scales);
  Affine affine{std::vector<float>(t.scales, t.scales + count), std::vector<int32_t>(count, 0), 0};
  if (t.zero_points) affine.zero_points.assign(t.zero_points, t.zero_points + count);
  const auto leading = static_cast<int64_t>(dims.size()) - t.rank;  // Dimensions of 1 that the caller put in front.
  for (size_t i = 0; count > 1 && i < order.size(); ++i)
    if (order[i] == t.quantized_dimension + leading) affine.axis = static_cast<int64_t>(i);
  return p.QuantizedWeights(t.type == kI8 ? Type::kI8 : Type::kU8, bytes, permuted, affine);
}

Result<Var> Lowering::Scalar(const OctetDelegateTensor& t) {
  const auto* bytes = static_cast<const char*>(t.data);
  if (IsQuantized(t.type) && t.num_scales == 1) {
    const int step = t.type == kI8 ? static_cast<signed char>(*bytes) : static_cast<unsigned char>(*bytes);
    return p.Real(p.real(), t.scales[0] * static_cast<float>(step - (t.zero_points ? t.zero_points[0] : 0)));
  }
  if (t.type != kF32 && t.type != kF16) return Refuse("the type of a scalar");
  return p.Real(p.real(), FloatsOf(t, std::string(bytes, t.type == kF16 ? 2 : 4))[0]);
}

Result<Var> Lowering::Constant(int32_t tensor, Form form) {
  const OctetDelegateTensor& t = graph_.tensors[tensor];
  Dims dims = form == Form::kImage ? AsImage(DimsOf(t)) : DimsOf(t);
  std::vector<int64_t> order = kToImage;
  if (form == Form::kFile) {
    order.resize(dims.size());
    std::iota(order.begin(), order.end(), int64_t{0});
  }
  const bool whole = t.type == kI32 || t.type == kBool;
  if (!whole && t.rank > 0) return Weights(tensor, dims, order);
  if (!whole) return Scalar(t);
  const std::string bytes = PermutedBytes(static_cast<const char*>(t.data), t.type == kI32 ? 4 : 1, dims, order);
  const Dims permuted = Permuted(dims, order);
  if (t.type == kBool) return p.BoolTensor({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, permuted);
  std::vector<int32_t> ints(bytes.size() / 4);
  std::memcpy(ints.data(), bytes.data(), bytes.size());
  return p.IntTensor(ints, permuted);
}

Result<Var> Lowering::Get(int32_t tensor, Form form) {
  const OctetDelegateTensor& t = graph_.tensors[tensor];
  if (form == Form::kImage && t.rank > 4) return Refuse("more than four dimensions");
  std::optional<Var>& there = values_[tensor].in[static_cast<size_t>(form)];
  if (there) return *there;
  std::optional<Var>& other = values_[tensor].in[form == Form::kFile ? 1 : 0];
  if (t.data) {
    OCTET_ASSIGN(there, Constant(tensor, form));
  } else if (other) {
    there = form == Form::kFile ? Transpose(*other, kToFile) : Transpose(Reshape(*other, AsImage(other->dims)), kToImage);
  } else if (p.dry()) {  // A question about one node only.
    const Dims dims = form == Form::kFile ? DimsOf(t) : Permuted(AsImage(DimsOf(t)), kToImage);
    there = Var{"", TypeOf(t), dims};
  } else {
    return Error(Code::kInvalidModel, "tensor '%s' is not there", t.name);
  }
  return *there;
}

Form Lowering::FormOf(const Node& n) const {
  if (n.output().rank != 4) return Form::kFile;
  for (int i = 0; i < n.num_inputs(); ++i) {
    const auto at = n.has(i) ? values_.find(n.in(i)) : values_.end();
    if (at != values_.end() && !n.input(i).data && at->second.in[1]) return Form::kImage;
  }
  return Form::kFile;
}

Dims Lowering::OutDims(const Node& n, Form form) const { return form == Form::kImage ? Permuted(n.out_dims(), kToImage) : n.out_dims(); }

Status Lowering::Set(const Node& n, int output, Var value, Form form) {
  const OctetDelegateTensor& t = n.output(output);
  Forms& forms = values_[n.out(output)];
  const auto at = static_cast<size_t>(form);
  if (!IsQuantized(t.type)) {
    forms.in[at] = std::move(value);
    return {};
  }
  const Var integers = Quantized(t, value);
  if (form == Form::kFile) forms.integers = integers;
  forms.in[at] = Dequantized(t, integers);
  return {};
}

Status Lowering::SetActivated(const Node& n, const Var& value, Form form) {
  enum { kNone = 0, kRelu = 1, kReluN1To1 = 2, kRelu6 = 3, kTanh = 4 };
  const int64_t activation = n.Int("fused_activation_function");
  if (activation != kNone && value.type == Type::kI32) return Refuse("an activation of integers");
  switch (activation) {
    case kNone: return Set(n, 0, value, form);
    case kRelu: return Set(n, 0, Unary("relu", value), form);
    case kReluN1To1: return Set(n, 0, Clip(value, -1, 1), form);
    case kRelu6: return Set(n, 0, Unary("relu6", value), form);
    case kTanh: return Set(n, 0, Unary("tanh", value), form);
    default: return Refuse("its fused activation");
  }
}

Var Lowering::Reshape(const Var& x, const Dims& dims) { return x.dims == dims ? x : p.Apply("reshape", {{"x", {x}}, {"shape", {p.Ints(dims)}}}, x.type, dims); }
Var Lowering::Transpose(const Var& x, const std::vector<int64_t>& order) {
  return p.Apply("transpose", {{"x", {x}}, {"perm", {p.Ints(order)}}}, x.type, Permuted(x.dims, order));
}
Var Lowering::Clip(const Var& x, float low, float high) {
  return p.Apply("clip", {{"x", {x}}, {"alpha", {p.Real(x.type, low)}}, {"beta", {p.Real(x.type, high)}}}, x.type, x.dims);
}

}  // namespace octet::coreml
