// SPDX-License-Identifier: Apache-2.0
// QuantizeLinear, DequantizeLinear and the operators on quantized numbers. The latter are written as
// dequantize -> float operator -> quantize, as the former come in files: a pass (lower-quantized) then makes the integer
// operator of both. Constants become floats that remember their grid (TensorType::quant), so that the integers come
// back exactly. Unsigned activations become signed, q - 128, wherever only such operators read them.
#include <algorithm>
#include <cmath>

#include "importers/onnx/builder.h"
#include "importers/onnx/layers/image.h"
#include "importers/onnx/layers/matrix.h"

namespace octet::importers::onnx {
namespace {

// scale and zero point as constants; one entry, or one per slice of axis.
struct Grid {
  std::vector<float> scale;
  std::vector<int64_t> zero;
  DType dtype = DType::kU8;
  int axis = 0;
  bool narrow = false;  // 4-bit numbers, as bytes.
};

Result<Grid> ReadGrid(NodeContext& c, Value scale, Value zero, int64_t axis, int rank) {
  Grid g;
  g.scale = c.FloatsOf(scale);
  if (g.scale.empty()) return c.Fail("a constant scale", "a computed one", "");
  g.zero.assign(g.scale.size(), 0);
  if (zero) {
    const auto z = c.IntsOf(zero);
    if (!z || z->empty()) return c.Fail("a constant zero point", "a computed one", "");
    for (size_t i = 0; i < g.zero.size(); ++i) g.zero[i] = (*z)[i < z->size() ? i : 0];
    g.dtype = c.type(zero).dtype;
    g.narrow = c.builder().IsNarrow(zero);
  }
  if (g.scale.size() > 1) {
    OCTET_ASSIGN(g.axis, c.Axis(axis, rank));
  }
  for (const float s : g.scale)
    if (!(s > 0) || !std::isfinite(s)) return c.Fail("positive scales", std::to_string(s), "check the model");
  return g;
}

int64_t Lowest(DType t, bool narrow = false) {
  return narrow ? (t == DType::kI8 ? -8 : 0) : t == DType::kI8 ? -128 : t == DType::kI16 ? -32768 : t == DType::kI32 ? INT32_MIN : 0;
}
int64_t Highest(DType t, bool narrow = false) {
  return narrow ? (t == DType::kI8 ? 7 : 15) : t == DType::kI8 ? 127 : t == DType::kI16 ? 32767 : t == DType::kI32 ? INT32_MAX : t == DType::kU16 ? 65535 : 255;
}

// As the .tflite has it: unsigned bytes shifted into the signed.
Quant SignedQuant(const Grid& g) {
  Quant q;
  q.scale = g.scale;
  for (const int64_t z : g.zero) q.zero_point.push_back(static_cast<int32_t>(g.dtype == DType::kU8 ? z - 128 : z));
  q.axis = g.axis;
  return q;
}

// scale * (q - zero), with the grid kept.
Result<Value> FromConstant(NodeContext& c, Value q, const Grid& g) {
  const Shape s = c.shape(q);
  const auto ints = c.IntsOf(q);
  if (!ints) return c.Fail("whole numbers", std::string(NumpyName(c.type(q).dtype)), "check the model");
  const int64_t inner = g.scale.size() > 1 ? s.elements(g.axis + 1, s.rank()) : 1;
  std::vector<float> v;
  v.reserve(ints->size());
  for (size_t i = 0; i < ints->size(); ++i) {
    const size_t k = g.scale.size() > 1 ? static_cast<size_t>(static_cast<int64_t>(i) / inner % s[g.axis]) % g.scale.size() : 0;
    v.push_back(static_cast<float>((*ints)[i] - g.zero[k]) * g.scale[k]);
  }
  Grid own = g;
  own.dtype = c.type(q).dtype;
  TensorType type{DType::kF32, s, {}};
  if (own.dtype == DType::kI8 || own.dtype == DType::kU8 || own.dtype == DType::kI32) type.quant = SignedQuant(own);
  return c.Constant(type, std::as_bytes(std::span<const float>(v)));
}

// What may read quantized numbers as they are.
bool KeepsQuantized(const NodeProto& n) {
  static constexpr std::string_view kOps[] = {"DequantizeLinear", "QLinearConv", "QLinearMatMul", "MaxPool", "Reshape", "Transpose", "Flatten", "Squeeze",
                                              "Unsqueeze", "Slice", "Gather", "Identity", "Split", "Expand", "Shape"};
  return n.domain.empty() ? std::ranges::find(kOps, n.op) != std::end(kOps) : n.op.starts_with("QLinear") || n.op == "QGemm" || n.op == "DequantizeLinear";
}

// The type of a quantized result: signed unless somebody reads the bytes themselves.
DType ResultType(NodeContext& c, int output, DType wanted) {
  if (wanted != DType::kU8) return wanted;
  const std::string_view name = c.node().outputs[static_cast<size_t>(output)];
  return c.builder().AllReaders(c.scope(), name, KeepsQuantized) ? DType::kI8 : DType::kU8;
}

Result<Value> Quantized(NodeContext& c, Value x, const Grid& g) {
  const DType t = ResultType(c, 0, g.dtype);
  Quant quant = SignedQuant(g);
  if (t == DType::kU8)
    for (int32_t& z : quant.zero_point) z += 128;
  return c.EmitAs("quantize", std::span(&x, 1), nullptr, {t, c.shape(x), quant});
}

// The operators have int8 and uint8 with one scale, int16 around zero; everything else in floats:
// clamp(round(x / scale) + zero) as numbers of the wanted type.
bool OperatorFits(const Grid& g) {
  if (g.scale.size() != 1 || g.narrow) return false;
  return g.dtype == DType::kI8 || g.dtype == DType::kU8 || (g.dtype == DType::kI16 && g.zero[0] == 0);
}

// [n] against axis `g.axis` of a value of `rank`.
Value Spread(NodeContext& c, const std::vector<float>& v, const Grid& g, int rank) {
  if (v.size() == 1) return c.Scalar(v[0]);
  Shape s{static_cast<int32_t>(v.size())};
  for (int i = g.axis + 1; i < rank; ++i) s.push_back(1);
  return c.Constant<float>(s, v);
}

Result<Value> RoundedFloats(NodeContext& c, Value x, const Grid& g) {
  std::vector<float> zero(g.zero.begin(), g.zero.end());
  OCTET_ASSIGN(Value v, c.Emit("div", {x, Spread(c, g.scale, g, c.rank(x))}));
  OCTET_ASSIGN(v, c.Emit("round", {v}));
  OCTET_ASSIGN(v, c.Emit("add", {v, Spread(c, zero, g, c.rank(x))}));
  OCTET_ASSIGN(v, c.Emit("maximum", {v, c.Scalar(static_cast<float>(Lowest(g.dtype, g.narrow)))}));
  return c.Emit("minimum", {v, c.Scalar(static_cast<float>(Highest(g.dtype, g.narrow)))});
}

Result<Value> DequantizedFloats(NodeContext& c, Value q, const Grid& g) {
  std::vector<float> zero(g.zero.begin(), g.zero.end());
  OCTET_ASSIGN(Value v, c.Cast(q, DType::kF32));
  if (std::ranges::any_of(zero, [](float z) { return z != 0; })) {
    OCTET_ASSIGN(v, c.Emit("sub", {v, Spread(c, zero, g, c.rank(q))}));
  }
  return c.Emit("mul", {v, Spread(c, g.scale, g, c.rank(q))});
}

DType OutputType(const NodeContext& c, const Grid& g, Value zero) {
  if (zero || !c.Has("output_dtype")) return g.dtype;
  const DType t = ComputeType(static_cast<int32_t>(c.Int("output_dtype", kUint8)));
  return t == DType::kNone ? DType::kU8 : t;
}

// Blocks of `size` along an axis have a scale (and a zero point) each.
struct Blocks {
  int axis = 0;
  int64_t size = 0;
  // Of element i of a value of shape s: the entry of [.., s[axis]/size, ..].
  size_t Entry(const Shape& s, int64_t i) const {
    const int64_t inner = s.elements(axis + 1, s.rank()), count = (s[axis] + size - 1) / size;
    return static_cast<size_t>((i / inner / s[axis] * count + i / inner % s[axis] / size) * inner + i % inner);
  }
};

Result<Blocks> ReadBlocks(NodeContext& c, Value x) {
  Blocks b{0, c.Int("block_size", 0)};
  const Shape s = c.shape(x), scales = c.shape(c.Input(1));
  OCTET_ASSIGN(b.axis, c.Axis(c.Int("axis", 1), s.rank()));
  bool fits = c.IsSmall(s, c.is_constant(x) ? int64_t{1} << 31 : 1 << 26) && scales.known() && scales.rank() == s.rank() && b.size > 0 && b.size <= INT32_MAX;
  for (int i = 0; i < s.rank() && fits; ++i) fits = scales[i] == (i == b.axis ? (s[i] + b.size - 1) / b.size : s[i]);
  return fits ? Result<Blocks>(b) : c.Fail("a scale for every block", s.text() + " and " + scales.text(), "check the model");
}

// Scales or zero points, one for every element: constants, which runtimes need not spread.
Value SpreadBlocks(NodeContext& c, const std::vector<float>& v, const Shape& s, const Blocks& b) {
  std::vector<float> out(static_cast<size_t>(s.elements()));
  for (size_t i = 0; i < out.size(); ++i) out[i] = v[b.Entry(s, static_cast<int64_t>(i))];
  return c.Constant<float>(s, out);
}

// Scale and zero point of every element, as floats.
struct Affine {
  Value scale, zero;
  DType dtype = DType::kU8;
  bool narrow = false;
};

Result<Affine> ReadBlockwise(NodeContext& c, Value x) {
  OCTET_ASSIGN(const Blocks b, ReadBlocks(c, x));
  const std::vector<float> scale = c.FloatsOf(c.Input(1));
  std::vector<float> zero = c.Input(2) ? c.FloatsOf(c.Input(2)) : std::vector<float>(scale.size(), 0.0f);
  if (scale.empty() || zero.size() != scale.size()) return c.Fail("constant scales and zero points of blocks", "computed ones", "");
  const Shape s = c.shape(x);
  return Affine{SpreadBlocks(c, scale, s, b), SpreadBlocks(c, zero, s, b), c.Input(2) ? c.type(c.Input(2)).dtype : DType::kU8,
                c.Input(2) && c.builder().IsNarrow(c.Input(2))};
}

// One scale that the model computes, as dynamic quantization written out does.
Result<Affine> ReadComputed(NodeContext& c) {
  Affine a;
  OCTET_ASSIGN(a.scale, c.Cast(c.Input(1), DType::kF32));
  if (c.rank(a.scale) > 1 || (c.rank(a.scale) == 1 && c.shape(a.scale)[0] != 1)) return c.Fail("one scale where it is computed", c.shape(a.scale).text(), "");
  a.zero = c.Scalar(0);
  if (c.Input(2)) {
    a.dtype = c.type(c.Input(2)).dtype;
    OCTET_ASSIGN(a.zero, c.Cast(c.Input(2), DType::kF32));
  }
  return a;
}

bool IsSimple(NodeContext& c) { return c.Int("block_size", 0) == 0 && c.is_constant(c.Input(1)) && (!c.Input(2) || c.is_constant(c.Input(2))); }

Result<Affine> ReadAffine(NodeContext& c, Value x) { return c.Int("block_size", 0) != 0 ? ReadBlockwise(c, x) : ReadComputed(c); }

Result<Value> AffineQuantized(NodeContext& c, Value x, const Affine& a) {
  OCTET_ASSIGN(Value v, c.Emit("div", {x, a.scale}));
  OCTET_ASSIGN(v, c.Emit("round", {v}));
  OCTET_ASSIGN(v, c.Emit("add", {v, a.zero}));
  OCTET_ASSIGN(v, c.Emit("maximum", {v, c.Scalar(static_cast<float>(Lowest(a.dtype, a.narrow)))}));
  OCTET_ASSIGN(v, c.Emit("minimum", {v, c.Scalar(static_cast<float>(Highest(a.dtype, a.narrow)))}));
  return c.Cast(v, a.dtype);
}

Status ConvertQuantize(NodeContext& c) {
  const Value x = c.Input(0), zero = c.Input(2);
  if (!IsSimple(c)) {
    OCTET_ASSIGN(Affine a, ReadAffine(c, x));
    if (!zero && c.Has("output_dtype")) a.dtype = OutputType(c, {}, zero);
    OCTET_ASSIGN(const Value f, c.Cast(x, DType::kF32));
    return Set(c, AffineQuantized(c, f, a));
  }
  OCTET_ASSIGN(Grid g, ReadGrid(c, c.Input(1), zero, c.Int("axis", 1), c.rank(x)));
  g.dtype = OutputType(c, g, zero);
  OCTET_ASSIGN(const Value f, c.Cast(x, DType::kF32));
  if (OperatorFits(g) && !c.is_constant(f)) return Set(c, Quantized(c, f, g));
  OCTET_ASSIGN(Value v, RoundedFloats(c, f, g));
  if (v && g.dtype == DType::kU16) {  // No operator has these; they stay floats until dequantized.
    if (!c.builder().AllReaders(c.scope(), c.node().outputs[0], KeepsQuantized))
      return c.Fail("int8, uint8 or int16", "uint16", "quantize activations to 8 bits");
    c.SetOutput(0, v);
    return {};
  }
  if (g.dtype != DType::kI32 && g.dtype != DType::kI8) {
    OCTET_ASSIGN(v, c.Cast(v, DType::kI32));
  }
  return Set(c, c.Cast(v, g.dtype));
}

bool SameGrid(const Quant& q, const Grid& g, DType dtype) {
  if (q.scale != g.scale || q.zero_point.size() != g.zero.size()) return false;
  const int32_t shift = g.dtype == DType::kU8 && dtype == DType::kI8 ? 128 : 0;
  for (size_t i = 0; i < g.zero.size(); ++i)
    if (q.zero_point[i] + shift != g.zero[i]) return false;
  return true;
}

Result<Value> Dequantized(NodeContext& c, Value q, const Grid& grid) {
  if (c.is_constant(q) && c.type(q).dtype != DType::kF32) return FromConstant(c, q, grid);  // uint16 is kept as floats.
  Grid g = grid;
  const DType t = c.type(q).dtype;
  if (c.type(q).quant.empty() && (t == DType::kI8 || t == DType::kU8) && g.scale.size() == 1)
    c.builder().SetQuant(q, Quant::PerTensor(g.scale[0], static_cast<int32_t>(g.zero[0])));
  if (t != DType::kF32 && SameGrid(c.type(q).quant, g, t)) return c.EmitAs("dequantize", std::span(&q, 1), nullptr, {DType::kF32, c.shape(q), {}});
  if (t == DType::kI8 && g.dtype == DType::kU8 && !c.type(q).quant.empty())
    for (int64_t& z : g.zero) z -= 128;
  return DequantizedFloats(c, q, g);
}

Status ConvertDequantize(NodeContext& c) {
  const Value q = c.Input(0);
  if (!IsSimple(c)) {
    OCTET_ASSIGN(const Affine a, ReadAffine(c, q));
    OCTET_ASSIGN(Value v, c.Cast(q, DType::kF32));
    OCTET_ASSIGN(v, c.Emit("sub", {v, a.zero}));
    return Set(c, c.Emit("mul", {v, a.scale}));
  }
  OCTET_ASSIGN(Grid g, ReadGrid(c, c.Input(1), c.Input(2), c.Int("axis", 1), c.rank(q)));
  if (!c.Input(2)) g.dtype = c.type(q).dtype;
  return Set(c, Dequantized(c, q, g));
}

// ------------------------------------------------------------------------ QLinear operators

Result<Value> DequantizedAt(NodeContext& c, int x, int scale, int zero, int64_t axis = 0) {
  OCTET_ASSIGN(Grid g, ReadGrid(c, c.Input(scale), c.Input(zero), axis, c.rank(c.Input(x))));
  if (!c.Input(zero)) g.dtype = c.type(c.Input(x)).dtype;
  return Dequantized(c, c.Input(x), g);
}

Status QuantizedOutput(NodeContext& c, Value y, int scale, int zero) {
  OCTET_ASSIGN(const Grid g, ReadGrid(c, c.Input(scale), c.Input(zero), 0, c.rank(y)));
  if (!OperatorFits(g)) return c.Fail("int8 or uint8 results with one scale", "others", "");
  return Set(c, Quantized(c, y, g));
}

// Runs the rule of the float operator on these inputs.
Result<Value> RunFloat(NodeContext& c, std::string_view op, std::vector<Value> inputs) {
  NodeProto node;
  node.name = c.node().name;
  node.op = op;
  node.outputs = {c.node().outputs.empty() ? std::string_view() : c.node().outputs[0]};
  return c.builder().RunAs(c, node, std::move(inputs));
}

Status ConvertQLinearConv(NodeContext& c) {
  OCTET_ASSIGN(const Value x, DequantizedAt(c, 0, 1, 2));
  OCTET_ASSIGN(const Value w, DequantizedAt(c, 3, 4, 5));
  Value bias;
  if (c.Input(8)) {  // int32, scale s_x * s_w.
    const std::vector<float> sx = c.FloatsOf(c.Input(1));
    Grid g{c.FloatsOf(c.Input(4)), {}, DType::kI32, 0};
    for (float& s : g.scale) s *= sx.empty() ? 1.0f : sx[0];
    g.zero.assign(g.scale.size(), 0);
    OCTET_ASSIGN(bias, Dequantized(c, c.Input(8), g));
  }
  OCTET_ASSIGN(const Value y, RunFloat(c, "Conv", {x, w, bias}));
  return QuantizedOutput(c, y, 6, 7);
}

Status ConvertQLinearMatMul(NodeContext& c) {
  OCTET_ASSIGN(const Value a, DequantizedAt(c, 0, 1, 2, c.rank(c.Input(0)) - 2));
  OCTET_ASSIGN(const Value b, DequantizedAt(c, 3, 4, 5, c.rank(c.Input(3)) - 1));
  OCTET_ASSIGN(const Value y, MatMul(c, a, b));
  return QuantizedOutput(c, y, 6, 7);
}

// A, a_scale, a_zero, B, b_scale, b_zero, C (int32, scale s_a * s_b), y_scale, y_zero; without the latter in floats.
Status ConvertQGemm(NodeContext& c) {
  OCTET_ASSIGN(const Value a, DequantizedAt(c, 0, 1, 2));
  OCTET_ASSIGN(const Value b, DequantizedAt(c, 3, 4, 5, c.Bool("transB", false) ? 0 : 1));
  Value bias;
  if (c.Input(6)) {
    const std::vector<float> sa = c.FloatsOf(c.Input(1));
    Grid g{c.FloatsOf(c.Input(4)), {}, DType::kI32, c.rank(c.Input(6)) - 1};
    for (float& s : g.scale) s *= sa.empty() ? 1.0f : sa[0];
    g.zero.assign(g.scale.size(), 0);
    OCTET_ASSIGN(bias, Dequantized(c, c.Input(6), g));
  }
  OCTET_ASSIGN(const Value y, RunFloat(c, "Gemm", {a, b, bias}));
  return c.Input(7) ? QuantizedOutput(c, y, 7, 8) : Set(c, y);
}

// a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero.
Status Binary(NodeContext& c, std::string_view op) {
  OCTET_ASSIGN(const Value a, DequantizedAt(c, 0, 1, 2));
  OCTET_ASSIGN(const Value b, DequantizedAt(c, 3, 4, 5));
  OCTET_ASSIGN(const Value y, c.Emit(op, {a, b}));
  return QuantizedOutput(c, y, 6, 7);
}
Status ConvertQLinearAdd(NodeContext& c) { return Binary(c, "add"); }
Status ConvertQLinearMul(NodeContext& c) { return Binary(c, "mul"); }

// x, x_scale, x_zero, y_scale, y_zero, by the rule of the operator of the same name.
template <size_t N> Status Unary(NodeContext& c, const char (&op)[N]) {
  OCTET_ASSIGN(const Value x, DequantizedAt(c, 0, 1, 2));
  OCTET_ASSIGN(Value y, RunFloat(c, op, {x}));
  return QuantizedOutput(c, y, 3, 4);
}
Status ConvertQLinearSigmoid(NodeContext& c) { return Unary(c, "Sigmoid"); }
Status ConvertQLinearLeakyRelu(NodeContext& c) { return Unary(c, "LeakyRelu"); }
Status ConvertQLinearAveragePool(NodeContext& c) { return Unary(c, "AveragePool"); }
Status ConvertQLinearGlobalAveragePool(NodeContext& c) { return Unary(c, "GlobalAveragePool"); }
Status ConvertQLinearSoftmax(NodeContext& c) { return Unary(c, "Softmax"); }

// y_scale, y_zero, then x, scale, zero for every part.
Status ConvertQLinearConcat(NodeContext& c) {
  std::vector<Value> parts;
  for (int i = 2; i + 1 < c.num_inputs(); i += 3) {
    OCTET_ASSIGN(const Value v, DequantizedAt(c, i, i + 1, i + 2));
    parts.push_back(v);
  }
  if (parts.empty()) return c.Fail("parts", "none", "check the model");
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", 0), c.rank(parts[0])));
  OCTET_ASSIGN(const Value y, c.Make("concatenation", parts, {{"axis", axis}}));
  return QuantizedOutput(c, y, 0, 1);
}

// ------------------------------------------------------- integers without scales, in floats
// Sums of products of bytes are whole numbers below 2^24 up to 258 terms of the largest size; floats hold those.

Result<Value> Centered(NodeContext& c, Value q, Value zero, int axis_from_end) {
  OCTET_ASSIGN(Value v, c.Cast(q, DType::kF32));
  if (!zero) return v;
  if (const auto z = c.IntsOf(zero); z && std::ranges::all_of(*z, [](int64_t i) { return i == 0; })) return v;
  OCTET_ASSIGN(Value f, c.Cast(zero, DType::kF32));
  const Shape s = c.shape(f);
  if (s.rank() == 1 && s[0] != 1 && axis_from_end > 1) {
    Shape wide{s[0]};
    for (int i = 1; i < axis_from_end; ++i) wide.push_back(1);
    OCTET_ASSIGN(f, c.Reshape(f, wide));
  }
  return c.Emit("sub", {v, f});
}

Status ConvertMatMulInteger(NodeContext& c) {
  OCTET_ASSIGN(const Value a, Centered(c, c.Input(0), c.Input(2), 2));
  OCTET_ASSIGN(const Value b, Centered(c, c.Input(1), c.Input(3), 1));
  OCTET_ASSIGN(const Value y, MatMul(c, a, b));
  return Set(c, c.Cast(y, DType::kI32));
}

Status ConvertConvInteger(NodeContext& c) {
  OCTET_ASSIGN(const Value x, Centered(c, c.Input(0), c.Input(2), 1));
  OCTET_ASSIGN(const Value w, Centered(c, c.Input(1), c.Input(3), c.rank(c.Input(1))));
  OCTET_ASSIGN(const Value y, RunFloat(c, "Conv", {x, w}));
  return Set(c, c.Cast(y, DType::kI32));
}

// scale = (max(x, 0) - min(x, 0)) / 255, zero = round(-min / scale), q = clamp(round(x / scale) + zero, 0, 255)
Status ConvertDynamicQuantize(NodeContext& c) {
  const Value x = c.Input(0);
  std::vector<int32_t> axes;
  for (int i = 0; i < c.rank(x); ++i) axes.push_back(i);
  OCTET_ASSIGN(Value most, c.Make("reduce_max", {x, c.Vector(axes)}));
  OCTET_ASSIGN(most, c.Emit("maximum", {most, c.Scalar(0)}));
  OCTET_ASSIGN(Value least, c.Make("reduce_min", {x, c.Vector(axes)}));
  OCTET_ASSIGN(least, c.Emit("minimum", {least, c.Scalar(0)}));
  OCTET_ASSIGN(Value scale, c.Emit("sub", {most, least}));
  OCTET_ASSIGN(scale, c.Emit("div", {scale, c.Scalar(255)}));
  OCTET_ASSIGN(Value zero, c.Emit("sub", {c.Scalar(0), least}));
  OCTET_ASSIGN(zero, c.Emit("div", {zero, scale}));
  OCTET_ASSIGN(zero, c.Emit("round", {zero}));
  OCTET_ASSIGN(Value q, c.Emit("div", {x, scale}));
  OCTET_ASSIGN(q, c.Emit("round", {q}));
  OCTET_ASSIGN(q, c.Emit("add", {q, zero}));
  OCTET_ASSIGN(q, c.Emit("maximum", {q, c.Scalar(0)}));
  OCTET_ASSIGN(q, c.Emit("minimum", {q, c.Scalar(255)}));
  OCTET_ASSIGN(q, c.Cast(q, DType::kU8));
  OCTET_ASSIGN(zero, c.Cast(zero, DType::kU8));
  c.SetOutput(0, q);
  c.SetOutput(1, scale);
  c.SetOutput(2, zero);
  return {};
}

constexpr NodeRule kRules[] = {
    {"QuantizeLinear", 0, ConvertQuantize}, {"DequantizeLinear", 0, ConvertDequantize},
    {"com.microsoft.QuantizeLinear", 0, ConvertQuantize}, {"com.microsoft.DequantizeLinear", 0, ConvertDequantize},
    {"QLinearConv", 0, ConvertQLinearConv}, {"QLinearMatMul", 0, ConvertQLinearMatMul}, {"com.microsoft.QGemm", 0, ConvertQGemm},
    {"com.microsoft.QLinearAdd", 0, ConvertQLinearAdd}, {"com.microsoft.QLinearMul", 0, ConvertQLinearMul},
    {"com.microsoft.QLinearSigmoid", 0, ConvertQLinearSigmoid}, {"com.microsoft.QLinearLeakyRelu", 0, ConvertQLinearLeakyRelu},
    {"com.microsoft.QLinearAveragePool", 0, ConvertQLinearAveragePool}, {"com.microsoft.QLinearGlobalAveragePool", 0, ConvertQLinearGlobalAveragePool},
    {"com.microsoft.QLinearSoftmax", 0, ConvertQLinearSoftmax}, {"com.microsoft.QLinearConcat", 0, ConvertQLinearConcat},
    {"MatMulInteger", 0, ConvertMatMulInteger}, {"ConvInteger", 0, ConvertConvInteger}, {"DynamicQuantizeLinear", 0, ConvertDynamicQuantize}};

}  // namespace

const std::span<const NodeRule> kQuantizationRules = kRules;

}  // namespace octet::importers::onnx
