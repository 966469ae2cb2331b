// SPDX-License-Identifier: Apache-2.0
// Models that were quantized (or trained) elsewhere say so by dequantize and quantize around float operators:
//   q -> dequantize -> conv_2d -> quantize -> q'   becomes   q -> conv_2d(int8) -> q'.
// Constants that came from integers remember their grid in TensorType::quant although they are floats; the integers come
// back exactly. Operators that only move elements let both through, so that they meet.
#include <cmath>
#include <optional>

#include "passes/multiply_negations.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

bool IsQuantized(const TensorType& t) { return !IsFloat(t.dtype) && t.quant.scale.size() == 1; }

// The quantized tensor behind t, if t is made by dequantize from one with one scale.
TensorId Behind(const Graph& g, TensorId t) {
  if (t == graph::kNoTensor || g.tensor(t).producer < 0) return graph::kNoTensor;
  const graph::Node& n = g.node(g.tensor(t).producer);
  if (n.op->name != "dequantize" || !IsQuantized(g.tensor(n.inputs[0]).type)) return graph::kNoTensor;
  return n.inputs[0];
}

TensorId Add(Graph& g, const char* op, std::span<const TensorId> inputs, TensorType type, const std::string& name, const std::string& place, NodeId before) {
  const TensorId y = g.AddTensor(name, std::move(type));
  const ops::OpDef* def = ops::Find(op);
  g.AddNode(*def, graph::Attributes(def->attrs), {inputs.begin(), inputs.end()}, {y}, place, before);
  return y;
}

// Unsigned bytes, a graph input's, where signed ones are wanted: 128 less, which loses nothing.
TensorType Signed(TensorType t, DType wanted) {
  if (t.dtype == DType::kU8 && wanted == DType::kI8) t.dtype = DType::kI8, t.quant = Quant::PerTensor(t.quant.scale0(), t.quant.zero0() - 128);
  return t;
}

// quantize between bytes rounds the product with a multiplier in [1/2, 1) and then the shift to the right: below a ratio of
// 1/2 that is twice, and up to a quarter of the results are one off. mul rounds the same way seven bits further down.
bool RoundsTwice(const TensorType& from, const TensorType& to) {
  return from.dtype == DType::kI8 && to.dtype == DType::kI8 && 2 * from.quant.scale0() < to.quant.scale0();
}

// 1 = (127 - -1) / 128.
TensorId ByteOne(Graph& g) {
  constexpr int8_t kMost = 127;
  return g.AddConstant("one", {DType::kI8, Shape{}, Quant::PerTensor(1.0f / 128, -1)}, graph::MakeBuffer(std::as_bytes(std::span(&kMost, 1))));
}

// A tensor of the same numbers on another grid.
TensorId Requantized(Graph& g, TensorId q, const TensorType& type, const std::string& place, NodeId before) {
  const TensorType own = g.tensor(q).type;
  if (own.dtype == type.dtype && own.quant == type.quant) return q;
  if (const TensorType same = Signed(own, type.dtype); same.dtype != own.dtype && RoundsTwice(same, type)) q = Requantized(g, q, same, place, before);
  const bool twice = RoundsTwice(g.tensor(q).type, type);
  TensorType to = type;
  to.shape = g.tensor(q).type.shape;
  std::vector<TensorId> inputs{q};
  if (twice) inputs.push_back(ByteOne(g));
  return Add(g, twice ? "mul" : "quantize", inputs, std::move(to), g.tensor(q).name + "/requantized", place, before);
}

bool CanRequantize(DType from, DType to) {
  const auto fits = [](DType t) { return t == DType::kI8 || t == DType::kU8 || t == DType::kI16; };
  return fits(from) && fits(to);
}

// Makes `quantize` read q; it goes where nothing is left to do.
void Feed(Graph& g, NodeId quantize, TensorId q) {
  const TensorType to = g.tensor(g.node(quantize).outputs[0]).type;
  const std::string place = g.node(quantize).place;
  if (RoundsTwice(Signed(g.tensor(q).type, to.dtype), to)) q = Requantized(g, q, to, place, quantize);
  g.SetInput(quantize, 0, q);
  if (g.tensor(q).type.dtype == to.dtype && g.tensor(q).type.quant == to.quant) (void)Bypass(g, quantize);
}

// ------------------------------------------------------------------------------- moving on

// One data operand, the others shapes and indices. The largest of some numbers is one of them.
bool OnlyMoves(const ops::OpDef& op, int* data) {
  if (op.name == "max_pool_2d" || op.name == "reduce_max" || op.name == "reduce_min") return *data = 0, true;
  if (!(op.traits & (ops::kMovesBytes | ops::kAliases)) || op.name == "fill") return false;
  *data = -1;
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    if (op.inputs[i].role != ops::Role::kData) continue;
    if (*data >= 0 || op.inputs[i].arity != ops::Arity::kOne) return false;
    *data = static_cast<int>(i);
  }
  return *data >= 0;
}

Status TypesOf(const Graph& g, NodeId id, const std::vector<TensorType>& in, const std::vector<TensorType>& out) {
  const graph::Node& n = g.node(id);
  std::vector<const TensorType*> inputs, outputs;
  std::vector<const std::byte*> constants;
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    const TensorId t = n.inputs[i];
    inputs.push_back(t == graph::kNoTensor ? nullptr : &in[i]);
    const bool same = t != graph::kNoTensor && g.is_constant(t) && in[i].dtype == g.tensor(t).type.dtype;
    constants.push_back(same ? g.tensor(t).constant->data() : nullptr);
  }
  for (const TensorType& t : out) outputs.push_back(&t);
  const ops::OpView view{n.op, n.place, inputs, outputs, constants, n.attrs.get()};
  std::vector<ops::OutputType> inferred(out.size());
  for (size_t i = 0; i < out.size(); ++i) inferred[i].dtype = out[i].dtype;
  OCTET_TRY(ops::CheckAndInfer(view, inferred));
  for (size_t i = 0; i < out.size(); ++i)
    if (inferred[i].dtype != out[i].dtype) return view.Fail(Code::kUnsupported, "the output is of another type");
  return {};
}

std::vector<TensorType> InputTypes(const Graph& g, const graph::Node& n) {
  std::vector<TensorType> types;
  for (const TensorId t : n.inputs) types.push_back(t == graph::kNoTensor ? TensorType{} : g.tensor(t).type);
  return types;
}

// q -> dequantize -> move -> y   becomes   q -> move -> dequantize -> y
bool Through(Graph& g, NodeId id) {
  int data = -1;
  if (!OnlyMoves(*g.node(id).op, &data)) return false;
  const TensorId q = Behind(g, g.node(id).inputs[static_cast<size_t>(data)]);
  if (q == graph::kNoTensor) return false;
  const TensorType type = g.tensor(q).type;
  std::vector<TensorType> in = InputTypes(g, g.node(id)), out;
  in[static_cast<size_t>(data)] = type;
  for (const TensorId t : g.node(id).outputs) out.push_back({type.dtype, g.tensor(t).type.shape, type.quant});
  if (!TypesOf(g, id, in, out).ok()) return false;
  g.SetInput(id, data, q);
  const std::vector<TensorId> outputs = g.node(id).outputs;
  const std::string place = g.node(id).place;
  const ops::OpDef* def = ops::Find("dequantize");
  for (size_t i = 0; i < outputs.size(); ++i) {
    const TensorId y = outputs[i], moved = g.AddTensor(g.tensor(y).name + "/quantized", out[i]);
    g.SetOutput(id, static_cast<int>(i), moved);
    g.AddNode(*def, graph::Attributes(def->attrs), {moved}, {y}, place);
  }
  return g.Sort();
}

// x -> move -> quantize -> y   becomes   x -> quantize -> move -> y
bool Before(Graph& g, NodeId id) {
  const graph::Node n = g.node(id);
  int data = -1;
  if (n.outputs.size() != 1 || !OnlyMoves(*n.op, &data)) return false;
  const TensorId x = n.inputs[static_cast<size_t>(data)];
  const NodeId quantize = g.SoleConsumer(n.outputs[0]), producer = x == graph::kNoTensor ? -1 : g.tensor(x).producer;
  if (quantize < 0 || g.node(quantize).op->name != "quantize" || producer < 0 || g.node(producer).op->name == "dequantize" || g.SoleConsumer(x) != id)
    return false;
  const TensorType to = g.tensor(g.node(quantize).outputs[0]).type;
  if (!IsQuantized(to) || g.tensor(x).type.dtype != DType::kF32) return false;
  std::vector<TensorType> in = InputTypes(g, n);
  TensorType& before = in[static_cast<size_t>(data)];
  before.dtype = to.dtype;
  before.quant = to.quant;
  if (!TypesOf(g, id, in, {to}).ok()) return false;
  g.SetInput(id, data, Add(g, "quantize", {&x, 1}, before, g.tensor(x).name + "/quantized", n.place, id));
  AbsorbConsumer(g, id, quantize);
  return true;
}

// Whether some operand is, or came from, integers.
bool ReadsIntegers(const Graph& g, const graph::Node& n) {
  return std::ranges::any_of(n.inputs, [&](TensorId t) {
    return Behind(g, t) != graph::kNoTensor || (t != graph::kNoTensor && g.is_constant(t) && !g.tensor(t).type.quant.empty());
  });
}

// conv -> x -> concatenation -> quantize   becomes   conv -> x -> quantize -> dequantize -> concatenation -> quantize:
// tfmot rounds what is joined once, behind it.
bool BeforeJoining(Graph& g, NodeId id) {
  const graph::Node n = g.node(id);
  const NodeId quantize = n.op->name == "concatenation" ? g.SoleConsumer(n.outputs[0]) : -1;
  if (quantize < 0 || g.node(quantize).op->name != "quantize") return false;
  TensorType to = g.tensor(g.node(quantize).outputs[0]).type;
  if (!IsQuantized(to)) return false;
  std::vector<int> floats;
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    const TensorId x = n.inputs[i];
    if (Behind(g, x) != graph::kNoTensor || g.is_constant(x)) continue;
    const NodeId producer = g.tensor(x).producer;
    if (producer < 0 || g.SoleConsumer(x) != id || !ReadsIntegers(g, g.node(producer))) return false;
    floats.push_back(static_cast<int>(i));
  }
  for (const int i : floats) {
    const TensorId x = n.inputs[static_cast<size_t>(i)];
    const TensorType type = g.tensor(x).type;
    to.shape = type.shape;
    const TensorId q = Add(g, "quantize", {&x, 1}, to, g.tensor(x).name + "/quantized", n.place, id);
    g.SetInput(id, i, Add(g, "dequantize", {&q, 1}, type, g.tensor(x).name + "/rounded", n.place, id));
  }
  return !floats.empty();
}

// quantize(dequantize(q)) is q, or q on another grid.
bool Cancel(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (n.op->name != "quantize") return false;
  const TensorId q = Behind(g, n.inputs[0]), y = n.outputs[0];
  if (q == graph::kNoTensor || !CanRequantize(g.tensor(q).type.dtype, g.tensor(y).type.dtype)) return false;
  Feed(g, id, q);
  return true;
}

// The shape of a tensor is that of its integers.
bool AskIntegers(Graph& g, NodeId id) {
  if (g.node(id).op->name != "shape" && g.node(id).op->name != "rank") return false;
  const TensorId q = Behind(g, g.node(id).inputs[0]);
  if (q != graph::kNoTensor) g.SetInput(id, 0, q);
  return q != graph::kNoTensor;
}

// -------------------------------------------------------------------------------- lowering

struct Lowered {
  std::vector<TensorType> in;
  std::vector<std::vector<std::byte>> constants;  // Where not empty: the new bytes of the operand.
  TensorType out;
};

template <class T> std::vector<std::byte> Rounded(std::span<const float> values, const TensorType& type, double low, double high) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  const Shape& s = type.shape;
  const int64_t inner = type.quant.per_channel() ? s.elements(type.quant.axis + 1, s.rank()) : 1;
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t c = type.quant.per_channel() ? static_cast<size_t>(static_cast<int64_t>(i) / inner % s[type.quant.axis]) : 0;
    const double q = std::round(static_cast<double>(values[i]) / static_cast<double>(type.quant.scale[c])) + type.quant.zero_point[c];
    const T v = static_cast<T>(std::min(std::max(q, low), high));
    std::memcpy(bytes.data() + i * sizeof(T), &v, sizeof(T));
  }
  return bytes;
}

const ops::QuantRow* RowOf(const ops::OpDef& op, int operand) {
  for (const ops::QuantRow& row : op.quantization)
    if (row.operand == operand && row.kind != ops::QuantKind::kFixed) return &row;
  return nullptr;
}

const ops::QuantRow* FixedOf(const ops::OpDef& op, DType activation) {
  for (const ops::QuantRow& row : op.quantization)
    if (row.operand == ~0 && row.kind == ops::QuantKind::kFixed && row.when == activation) return &row;
  return nullptr;
}

ops::Role RoleOf(const ops::OpDef& op, size_t i) { return op.inputs[std::min(i, op.inputs.size() - 1)].role; }

// A constant as the integers it came from: weights per channel around zero, other data with one scale.
bool LowerConstant(const graph::Tensor& t, ops::Role role, DType activation, const ops::QuantRow* row, TensorType* type, std::vector<std::byte>* bytes) {
  if (t.type.dtype != DType::kF32) return false;
  *type = t.type;
  type->dtype = activation == DType::kI16 && role != ops::Role::kWeights ? DType::kI16 : DType::kI8;
  const std::span<const float> v = t.data<float>();
  if (type->quant.empty()) {  // One number is the end of a grid of its own.
    if (v.size() != 1) return false;
    const float size = std::fabs(v[0]) / (type->dtype == DType::kI16 ? 32767.0f : 127.0f);
    type->quant = Quant::PerTensor(size > 0 ? size : 1.0f, 0);
  }
  if (role == ops::Role::kWeights) {
    for (const int32_t z : type->quant.zero_point)
      if (z != 0) return false;
    if (type->quant.per_channel() && (!row || row->kind != ops::QuantKind::kPerChannel || row->axis != type->quant.axis)) return false;
  } else if (type->quant.per_channel() || (type->dtype == DType::kI16 && type->quant.zero0() != 0)) {
    return false;
  }
  *bytes = type->dtype == DType::kI16 ? Rounded<int16_t>(v, *type, -32768, 32767) : Rounded<int8_t>(v, *type, -128, 127);
  t.constant->Forget();
  return true;
}

// scale = scale of the data times that of the weights.
bool LowerBias(const graph::Tensor& t, const TensorType& data, const TensorType& weights, TensorType* type, std::vector<std::byte>* bytes) {
  if (t.type.dtype != DType::kF32 || weights.quant.empty()) return false;
  *type = {data.dtype == DType::kI16 ? DType::kI64 : DType::kI32, t.type.shape, {}};
  for (const float s : weights.quant.scale) {
    type->quant.scale.push_back(s * data.quant.scale0());
    type->quant.zero_point.push_back(0);
  }
  if (type->quant.per_channel() && type->shape.elements() != static_cast<int64_t>(type->quant.scale.size())) return false;
  type->quant.axis = std::max(0, type->shape.rank() - 1);
  *bytes = data.dtype == DType::kI16 ? Rounded<int64_t>(t.data<float>(), *type, -9e18, 9e18) : Rounded<int32_t>(t.data<float>(), *type, INT32_MIN, INT32_MAX);
  return true;
}

bool LowerOperands(const Graph& g, const graph::Node& n, DType activation, Lowered* l) {
  const ops::OpDef& op = *n.op;
  l->in.resize(n.inputs.size());
  l->constants.resize(n.inputs.size());
  int data = -1, weights = -1;
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    const TensorId t = n.inputs[i];
    const ops::Role role = RoleOf(op, i);
    if (t == graph::kNoTensor || role == ops::Role::kBias) continue;
    if (role != ops::Role::kData && role != ops::Role::kWeights) {
      l->in[i] = g.tensor(t).type;
      continue;
    }
    if (const TensorId q = Behind(g, t); q != graph::kNoTensor) l->in[i] = Signed(g.tensor(q).type, activation);
    else if (!g.is_constant(t) || !LowerConstant(g.tensor(t), role, activation, RowOf(op, static_cast<int>(i)), &l->in[i], &l->constants[i])) return false;
    if (role == ops::Role::kData && data < 0) data = static_cast<int>(i);
    if (role == ops::Role::kWeights) weights = static_cast<int>(i);
  }
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    if (RoleOf(op, i) != ops::Role::kBias || n.inputs[i] == graph::kNoTensor) continue;
    if (data < 0 || weights < 0 || !g.is_constant(n.inputs[i])) return false;
    if (!LowerBias(g.tensor(n.inputs[i]), l->in[static_cast<size_t>(data)], l->in[static_cast<size_t>(weights)], &l->in[i], &l->constants[i])) return false;
  }
  return true;
}

// Whether it takes one of its operands, element by element: maximum and minimum, of no constants.
bool Picks(const ops::OpDef& op, const Lowered& l) {
  const ops::QuantRow* row = RowOf(op, ~0);
  const auto given = [](const std::vector<std::byte>& constant) { return constant.empty(); };
  return row && row->kind == ops::QuantKind::kSameAs && (op.traits & ops::kElementwise) && l.in.size() == 2 && std::ranges::all_of(l.constants, given);
}

// Grids that the operator ties together: its output's is given, or an input's, or fixed. Of operands one of which it takes, each is rounded once.
bool TieGrids(const ops::OpDef& op, const TensorType& wanted, Lowered* l) {
  l->out = wanted;
  if (Picks(op, *l)) {
    for (TensorType& in : l->in) in.quant = wanted.quant;
    return true;
  }
  if (const ops::QuantRow* fixed = FixedOf(op, wanted.dtype)) l->out.quant = Quant::PerTensor(fixed->fixed_scale, fixed->fixed_zero_point);
  if (const ops::QuantRow* row = RowOf(op, ~0); row && row->kind == ops::QuantKind::kSameAs && row->other >= 0 && !(op.traits & ops::kMovesBytes))
    l->out.quant = l->in[static_cast<size_t>(row->other)].quant;
  for (size_t i = 0; i < l->in.size(); ++i) {
    const ops::Role role = RoleOf(op, i);
    const int operand = static_cast<int>(std::min(i, op.inputs.size() - 1));
    if (role != ops::Role::kData || l->in[i].quant.empty()) continue;
    const ops::QuantRow* row = RowOf(op, operand);
    const bool joins = op.name == "concatenation" || (row && row->kind == ops::QuantKind::kSameAs && row->other < 0);
    if (!joins && !(row && row->kind == ops::QuantKind::kSameAs && operand > row->other)) continue;
    const Quant& common = joins ? l->out.quant : l->in[static_cast<size_t>(row->other)].quant;
    if (l->in[i].quant == common) continue;
    if (!l->constants[i].empty()) return false;
    l->in[i].quant = common;  // A quantize in front.
  }
  return true;
}

// logistic, tanh and softmax have one grid for bytes. Where the model has another, two roundings after each other are up to
// two quanta off; so they compute in 16 bits, whose own grid is finer by 2^7, between quantize and quantize.
void Widen(const Graph& g, NodeId id, const TensorType& wanted, Lowered* l) {
  const ops::OpDef& op = *g.node(id).op;
  const ops::QuantRow* wide = FixedOf(op, DType::kI16);
  if (!wide || l->in.size() != 1 || l->in[0].dtype != DType::kI8 || l->out.dtype != DType::kI8 || l->out.quant == wanted.quant) return;
  Lowered w = *l;
  w.in[0].dtype = w.out.dtype = DType::kI16;
  w.in[0].quant = Quant::PerTensor(l->in[0].quant.scale0() / 128, 0);  // |q - zero| * 128 <= 255 * 128 fits.
  w.out.quant = Quant::PerTensor(wide->fixed_scale, wide->fixed_zero_point);
  if (TypesOf(g, id, w.in, {w.out}).ok()) *l = std::move(w);
}

bool Lower(Graph& g, NodeId id) {
  const graph::Node n = g.node(id);
  if (n.outputs.size() != 1 || n.op->name == "quantize" || n.op->name == "dequantize" || n.op->name == "cast") return false;
  const NodeId quantize = g.SoleConsumer(n.outputs[0]);
  if (quantize < 0 || g.node(quantize).op->name != "quantize") return false;
  const TensorId y = g.node(quantize).outputs[0];
  const TensorType wanted = g.tensor(y).type;
  if (!IsQuantized(wanted)) return false;
  if (!ReadsIntegers(g, n)) return false;
  if (n.op->name == "neg") return MultiplyNegation(g, id);
  Lowered l;
  if (!LowerOperands(g, n, wanted.dtype, &l) || !TieGrids(*n.op, wanted, &l)) return false;
  Widen(g, id, wanted, &l);
  if (!TypesOf(g, id, l.in, {l.out}).ok()) return false;
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    const int k = static_cast<int>(i);
    if (n.inputs[i] == graph::kNoTensor) continue;
    if (!l.constants[i].empty()) g.SetInput(id, k, g.AddConstant(g.tensor(n.inputs[i]).name, l.in[i], graph::MakeBuffer(l.constants[i])));
    else if (const TensorId q = Behind(g, n.inputs[i]); q != graph::kNoTensor) g.SetInput(id, k, Requantized(g, q, l.in[i], n.place, id));
  }
  if (l.out.quant == wanted.quant) {
    AbsorbConsumer(g, id, quantize);
    return true;
  }
  const TensorId inner = g.AddTensor(g.tensor(n.outputs[0]).name, l.out);
  g.SetOutput(id, 0, inner);
  Feed(g, quantize, inner);
  return true;
}

}  // namespace

Result<int> LowerQuantized(Graph& g) {
  return ForEachNode(g, [&](NodeId id) {
    return Cancel(g, id) || Through(g, id) || Before(g, id) || BeforeJoining(g, id) || AskIntegers(g, id) || Lower(g, id);
  });
}

void DropGrids(Graph& g) {
  for (size_t i = 0; i < g.tensors().size(); ++i) {
    graph::Tensor& t = g.tensor(static_cast<TensorId>(i));
    if (t.constant && t.type.dtype == DType::kF32) t.type.quant = {};
  }
}

}  // namespace octet::passes
