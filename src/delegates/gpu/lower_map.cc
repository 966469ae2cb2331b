// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "delegates/gpu/lower.h"
#include "ops/quant_util.h"

namespace octet::gpu {
namespace {

bool IsByte(DType t) { return t == DType::kI8 || t == DType::kU8; }
constexpr int32_t kTable = 256;

// Floats. `$0` and `$1` of operators with a fused activation are its bounds; of others their attribute.
struct Formula {
  std::string_view op;
  const char* text;
  const char* attribute = nullptr;
};
constexpr Formula kFormulas[] = {
    {"add", "($a + $b)"},
    {"sub", "($a - $b)"},
    {"mul", "($a * $b)"},
    {"div", "($a / $b)"},
    {"maximum", "max($a, $b)"},
    {"minimum", "min($a, $b)"},
    {"squared_difference", "(($a - $b) * ($a - $b))"},
    {"pow", "POW($a, $b)"},
    {"relu", "max($a, 0.0f)"},
    {"relu6", "clamp($a, 0.0f, 6.0f)"},
    {"relu_n1_to_1", "clamp($a, -1.0f, 1.0f)"},
    {"relu_0_to_1", "clamp($a, 0.0f, 1.0f)"},
    {"prelu", "(max($a, 0.0f) + $b * min($a, 0.0f))"},
    {"leaky_relu", "(max($a, 0.0f) + F_BITS($0) * min($a, 0.0f))", "alpha"},
    {"elu", "(max($a, 0.0f) + (exp(min($a, 0.0f)) - 1.0f))"},
    {"hard_swish", "($a * clamp($a + 3.0f, 0.0f, 6.0f) * (1.0f / 6.0f))"},
    {"logistic", "(1.0f / (1.0f + exp(-($a))))"},
    {"tanh", "tanh(clamp($a, -15.0f, 15.0f))"},
    {"exp", "exp($a)"},
    {"log", "log($a)"},
    {"sqrt", "sqrt($a)"},
    {"rsqrt", "RSQRT($a)"},
    {"square", "($a * $a)"},
    {"abs", "ABS($a)"},
    {"neg", "(-($a))"},
    {"floor", "floor($a)"},
    {"ceil", "ceil($a)"},
    {"round", "RINT($a)"},
    {"sin", "sin($a)"},
    {"cos", "cos($a)"},
    {"sign", "sign($a)"},
    {"dequantize", "$a"},
};
// gelu twice: erf is a function of one float.
constexpr const char* kGelu =
    "(0.5f * $a * (1.0f + MK_F4(erf_of(($a).x * 0.70710678118654752f), erf_of(($a).y * 0.70710678118654752f), erf_of(($a).z * 0.70710678118654752f), erf_of(($a).w * 0.70710678118654752f))))";
constexpr const char* kGeluTanh = "(0.5f * $a * (1.0f + tanh(clamp(0.79788456080286536f * ($a + 0.044715f * $a * $a * $a), -15.0f, 15.0f))))";

// Of floats or of integers, to truth values.
constexpr Formula kComparisons[] = {{"less", "LESS($a, $b)"},
                                    {"less_equal", "LESS_EQUAL($a, $b)"},
                                    {"greater", "LESS($b, $a)"},
                                    {"greater_equal", "LESS_EQUAL($b, $a)"},
                                    {"equal", "EQUAL($a, $b)"},
                                    {"not_equal", "(1 - EQUAL($a, $b))"},
                                    {"logical_and", "($a & $b)"},
                                    {"logical_or", "($a | $b)"},
                                    {"logical_not", "(1 - $a)"}};

struct PlainInteger {
  std::string_view op;
  const char* text;
};
constexpr PlainInteger kPlain[] = {{"add", "($a + $b)"}, {"sub", "($a - $b)"}, {"mul", "($a * $b)"}, {"maximum", "max($a, $b)"}, {"minimum", "min($a, $b)"}};

const Formula* FindFormula(std::span<const Formula> list, std::string_view op) {
  const auto found = std::ranges::find(list, op, &Formula::op);
  return found == list.end() ? nullptr : &*found;
}

bool HasActivation(const Node& node) { return node.is("add") || node.is("sub") || node.is("mul") || node.is("div"); }

Result<Stage> StageOf(const Node& node, Builder& b, std::string text, int operands) {
  Stage s;
  s.expression = std::move(text);
  for (int i = 0; i < operands; ++i) {
    OCTET_ASSIGN(const ValueId v, b.In(node, i));
    s.operands.push_back(ReadAs(v, node.in_type(i).shape, node.out_type().shape));
  }
  return s;
}

Status LowerFloat(const Node& node, Builder& b) {
  std::string text;
  const Formula* formula = FindFormula(kFormulas, node.def().name);
  if (formula) text = formula->text;
  else if (node.is("gelu")) text = node.Int("approximate") ? kGeluTanh : kGelu;
  else return Error(Code::kUnsupported, "the GPU has no float kernel for %s", std::string(node.def().name).c_str());
  OCTET_ASSIGN(Stage s, StageOf(node, b, text, text.find("$b") != std::string::npos ? 2 : 1));
  for (const Operand& o : s.operands)
    if (!IsFloatKind(b.value(o.value).kind)) return Error(Code::kUnsupported, "operands that are no floats");
  if (formula && formula->attribute) s.numbers = {FloatBits(static_cast<float>(node.Real(formula->attribute)))};
  const auto activation = static_cast<ops::Activation>(HasActivation(node) ? node.Int("fused_activation_function") : 0);
  if (activation != ops::Activation::kNone) {
    const ops::ClampF32 clamp = ops::FloatClamp(activation);
    s.expression = "clamp(" + s.expression + ", F_BITS($0), F_BITS($1))";
    s.numbers = {FloatBits(clamp.low), FloatBits(clamp.high)};
  }
  OCTET_ASSIGN(const ValueId out, b.Out(node));
  b.Map(node.index(), out, std::move(s));
  return {};
}

Status LowerPlainInteger(const Node& node, Builder& b) {
  const auto found = std::ranges::find(kPlain, node.def().name, &PlainInteger::op);
  if (found == std::end(kPlain) || (HasActivation(node) && node.Int("fused_activation_function") != 0))
    return Error(Code::kUnsupported, "the GPU has no int32 kernel for it");
  OCTET_ASSIGN(Stage s, StageOf(node, b, found->text, 2));
  s.gives_float = false;
  OCTET_ASSIGN(const ValueId out, b.Out(node));
  b.Map(node.index(), out, std::move(s));
  return {};
}

Status LowerComparison(const Node& node, Builder& b, const char* text) {
  const DType type = node.in_type(0).dtype;
  if (type != DType::kF32 && type != DType::kI32 && type != DType::kBool)
    return Error(Code::kUnsupported, "elements of type %s", std::string(NumpyName(type)).c_str());
  OCTET_ASSIGN(Stage s, StageOf(node, b, text, node.num_inputs()));
  s.gives_float = false;
  OCTET_ASSIGN(const ValueId out, b.Out(node));
  b.Map(node.index(), out, std::move(s));
  return {};
}

// The operator on all values of its 8-bit operands: `operands` lists which take them, the first the high byte.
Status FillTable(const Node& node, std::span<const int> operands, std::vector<std::byte>* table) {
  const int32_t entries = operands.size() == 1 ? kTable : kTable * kTable;
  std::vector<std::vector<std::byte>> values;
  std::vector<TensorType> in;
  std::vector<std::byte*> data(static_cast<size_t>(node.num_inputs()));
  values.reserve(operands.size());
  for (int i = 0; i < node.num_inputs(); ++i) in.push_back(node.in(i) < 0 ? TensorType() : node.in_type(i));
  for (size_t k = 0; k < operands.size(); ++k) {
    std::vector<std::byte>& all = values.emplace_back(static_cast<size_t>(entries));
    for (int32_t e = 0; e < entries; ++e) all[static_cast<size_t>(e)] = static_cast<std::byte>(k + 1 == operands.size() ? e : e >> 8);
    in[static_cast<size_t>(operands[k])].shape = {entries};
    data[static_cast<size_t>(operands[k])] = all.data();
  }
  TensorType out = node.out_type();
  out.shape = {entries};
  table->resize(static_cast<size_t>(entries) * BitsOf(out.dtype) / 8);
  std::byte* const to = table->data();
  return node.RunReference(in, data, std::span(&out, 1), std::span(&to, 1));
}

// A table as a value: of one operand's byte as 32-bit numbers, of two operands' in the output's kind.
Result<ValueId> TableValue(const Node& node, Builder& b, std::vector<int> operands, Kind out) {
  const int32_t entries = operands.size() == 1 ? kTable : kTable * kTable;
  std::vector<std::byte> table;
  if (!b.dry()) OCTET_TRY(FillTable(node, operands, &table));
  if (IsFloatKind(out)) return b.Floats(entries, [table](float* to) { std::memcpy(to, table.data(), table.size()); });
  if (operands.size() == 2) return b.Constant(out, entries, [table](std::byte* to) { std::memcpy(to, table.data(), table.size()); });
  return b.Constant(Kind::kI32, entries, [table, out](std::byte* to) {
    for (size_t i = 0; i < table.size(); ++i) {
      const int32_t v = out == Kind::kI8 ? static_cast<int8_t>(table[i]) : static_cast<uint8_t>(table[i]);
      std::memcpy(to + 4 * i, &v, 4);
    }
  });
}

Status LowerTable(const Node& node, Builder& b) {
  std::vector<int> computed;
  for (int i = 0; i < node.num_inputs(); ++i) {
    const bool folded = node.constant(i) && node.in_type(i).shape.elements() == 1;
    if (!folded) computed.push_back(i);
    if (!folded && !IsByte(node.in_type(i).dtype)) return Error(Code::kUnsupported, "operands of several types");
    if (node.in_type(i).quant.per_channel()) return Error(Code::kUnsupported, "scales per channel");
  }
  if (computed.empty() || computed.size() > 2) return Error(Code::kUnsupported, "%zu operands of 8 bits", computed.size());
  const DType to = node.out_type().dtype;
  if (!IsByte(to) && to != DType::kBool && to != DType::kF32) return Error(Code::kUnsupported, "8-bit operands for %s", std::string(NumpyName(to)).c_str());
  OCTET_ASSIGN(const ValueId out, b.Out(node));
  Stage s;
  for (int i : computed) {
    OCTET_ASSIGN(const ValueId v, b.In(node, i));
    s.operands.push_back(ReadAs(v, node.in_type(i).shape, node.out_type().shape));
  }
  s.gives_float = IsFloatKind(b.value(out).kind);
  s.expression = computed.size() == 1 ? "LOOKUP_$b($a & 255)" : "LOOKUP_$c((($a & 255) << 8) | ($b & 255))";
  OCTET_ASSIGN(const ValueId table, TableValue(node, b, computed, b.value(out).kind));
  s.operands.push_back({table, Operand::kTable, {}});
  b.Map(node.index(), out, std::move(s));
  return {};
}

float FromOrdered(uint32_t order) { return std::bit_cast<float>(order & 0x80000000u ? order & 0x7fffffffu : ~order); }

// For each 8-bit value above the lowest the smallest float that the reference kernel turns into it or more: quantizing
// by comparison with them is exact, whatever a device's division is. Element 0 is not looked at.
Status FillThresholds(const Node& node, std::vector<float>* thresholds) {
  const uint32_t least = ~std::bit_cast<uint32_t>(-std::numeric_limits<float>::max()),
                 most = std::bit_cast<uint32_t>(std::numeric_limits<float>::max()) | 0x80000000u;
  std::vector<uint32_t> low(kTable, least), high(kTable, most + 1);  // In [low, high]: the first that answers k or more.
  std::vector<float> x(kTable);
  std::vector<std::byte> q(kTable);
  TensorType in = node.in_type(0), out = node.out_type();
  in.shape = out.shape = {kTable};
  const int32_t floor = out.dtype == DType::kI8 ? -128 : 0;
  std::byte* const from = reinterpret_cast<std::byte*>(x.data());
  std::byte* const to = q.data();
  for (int round = 0; round < 33; ++round) {
    for (size_t k = 0; k < kTable; ++k) x[k] = FromOrdered(std::min(low[k] + (high[k] - low[k]) / 2, most));
    OCTET_TRY(node.RunReference(std::span(&in, 1), std::span(&from, 1), std::span(&out, 1), std::span(&to, 1)));
    for (size_t k = 0; k < kTable; ++k) {
      if (low[k] >= high[k]) continue;
      const uint32_t middle = low[k] + (high[k] - low[k]) / 2;
      const int32_t rank = (out.dtype == DType::kI8 ? static_cast<int8_t>(q[k]) : static_cast<uint8_t>(q[k])) - floor;
      if (rank >= static_cast<int32_t>(k)) high[k] = middle;
      else low[k] = middle + 1;
    }
  }
  thresholds->resize(kTable);
  for (size_t k = 0; k < kTable; ++k) (*thresholds)[k] = high[k] > most ? std::numeric_limits<float>::infinity() : FromOrdered(high[k]);
  return {};
}

Status LowerQuantize(const Node& node, Builder& b) {
  if (IsByte(node.in_type(0).dtype)) return LowerTable(node, b);
  if (node.in_type(0).dtype != DType::kF32 || !IsByte(node.out_type().dtype) || node.out_type().quant.per_channel())
    return Error(Code::kUnsupported, "quantizes %s to %s", std::string(NumpyName(node.in_type(0).dtype)).c_str(),
                 std::string(NumpyName(node.out_type().dtype)).c_str());
  OCTET_ASSIGN(Stage s, StageOf(node, b, "(MK_I4(RANK_$b(($a).x), RANK_$b(($a).y), RANK_$b(($a).z), RANK_$b(($a).w)) + $0)", 1));
  OCTET_ASSIGN(const ValueId out, b.Out(node));
  std::vector<float> thresholds;
  if (!b.dry()) OCTET_TRY(FillThresholds(node, &thresholds));
  const ValueId table = b.Constant(Kind::kF32, kTable, [thresholds](std::byte* to) { std::memcpy(to, thresholds.data(), thresholds.size() * sizeof(float)); });
  s.operands.push_back({table, Operand::kTable, {}});
  s.numbers = {node.out_type().dtype == DType::kI8 ? -128 : 0};
  s.gives_float = false;
  b.Map(node.index(), out, std::move(s));
  return {};
}

Status LowerCast(const Node& node, Builder& b) {
  const DType from = node.in_type(0).dtype, to = node.out_type().dtype;
  const bool from_float = from == DType::kF32, to_float = to == DType::kF32;
  if (from_float && to != DType::kI32 && to != DType::kF32) return Error(Code::kUnsupported, "casts float32 to %s", std::string(NumpyName(to)).c_str());
  if (!from_float && !to_float && to != DType::kI32) return Error(Code::kUnsupported, "casts to %s", std::string(NumpyName(to)).c_str());
  OCTET_ASSIGN(Stage s, StageOf(node, b, from_float == to_float ? "$a" : to_float ? "TO_F4($a)" : "TO_I4($a)", 1));
  s.gives_float = to_float;
  OCTET_ASSIGN(const ValueId out, b.Out(node));
  b.Map(node.index(), out, std::move(s));
  return {};
}

Status LowerSelect(const Node& node, Builder& b) {
  OCTET_ASSIGN(Stage s, StageOf(node, b, "SELECT($a, $b, $c)", 3));
  if (node.in_type(0).shape.rank() == 1 && node.is("select") && !(node.in_type(0).shape == node.in_type(1).shape))
    return Error(Code::kUnsupported, "a condition per row");
  s.gives_float = IsFloatKind(b.value(s.operands[1].value).kind);
  OCTET_ASSIGN(const ValueId out, b.Out(node));
  b.Map(node.index(), out, std::move(s));
  return {};
}

}  // namespace

Operand ReadAs(ValueId value, const Shape& shape, const Shape& result) {
  if (shape.elements() == result.elements()) return {value, Operand::kSame, {}};
  if (shape.elements() == 1) return {value, Operand::kOne, {}};
  struct Dim {
    int32_t size, stride;
  };
  std::vector<Dim> dims;
  int32_t stride = 1;
  for (int i = 1; i <= result.rank(); ++i) {
    const int32_t own = shape.back(i), size = result.back(i);
    if (size == 1) continue;
    const int32_t step = own == 1 ? 0 : stride;
    stride *= own;
    if (!dims.empty() && step == (dims.back().stride == 0 ? 0 : dims.back().stride * dims.back().size)) dims.back().size *= size;
    else dims.push_back({size, step});
  }
  Operand o{value, Operand::kStrided, {}};
  const bool whole = dims[0].size % 4 == 0;
  if (whole && dims[0].stride == 0) o.mode = Operand::kSpread;
  else if (whole && std::ranges::all_of(dims, [&](const Dim& d) { return &d == &dims[0] ? d.stride == 1 : d.stride % 4 == 0; }))
    o.mode = Operand::kStridedQuads;
  if (o.mode != Operand::kStrided) dims[0].size /= 4;
  for (size_t d = 1; d < dims.size() && o.mode == Operand::kStridedQuads; ++d) dims[d].stride /= 4;
  o.dims = {static_cast<int32_t>(dims.size())};
  for (const Dim& d : dims) o.dims.insert(o.dims.end(), {d.size, d.stride});
  return o;
}

bool HasMap(const Node& node) { return node.has(ops::kElementwise) && node.num_outputs() == 1; }

Status LowerMap(const Node& node, Builder& b) {
  if (node.is("quantize")) return LowerQuantize(node, b);
  if (node.is("cast")) return LowerCast(node, b);
  if (node.is("select") || node.is("select_v2")) return LowerSelect(node, b);
  if (IsByte(node.in_type(0).dtype)) return LowerTable(node, b);
  if (const Formula* comparison = FindFormula(kComparisons, node.def().name)) return LowerComparison(node, b, comparison->text);
  return node.in_type(0).dtype == DType::kI32 ? LowerPlainInteger(node, b) : LowerFloat(node, b);
}

}  // namespace octet::gpu
