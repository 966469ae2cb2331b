// SPDX-License-Identifier: Apache-2.0
// What combines many elements into one: pools, reductions, softmax.
#include <cmath>

#include "delegates/gpu/kernels.h"
#include "delegates/gpu/lower.h"
#include "ops/reduce_util.h"
#include "ops/softmax_util.h"

namespace octet::gpu {
namespace {

bool IsByte(DType t) { return t == DType::kI8 || t == DType::kU8; }
bool SameScales(const Node& node) { return node.in_type(0).quant.empty() || node.in_type(0).quant == node.out_type().quant; }

Status LowerPool(const Node& node, Builder& b) {
  OCTET_ASSIGN(const ValueId in, b.In(node, 0));
  OCTET_ASSIGN(const ValueId out, b.Out(node));
  const bool floats = IsFloatKind(b.value(in).kind), average = node.is("average_pool_2d"), l2 = node.is("l2_pool_2d");
  if (!floats && (l2 || !IsByte(node.in_type(0).dtype))) return Error(Code::kUnsupported, "pools %s", std::string(NumpyName(node.in_type(0).dtype)).c_str());
  const Shape &x = node.in_type(0).shape, &y = node.out_type().shape;
  const auto padding = static_cast<ops::Padding>(node.Int("padding"));
  const auto kh = static_cast<int32_t>(node.Int("filter_height")), kw = static_cast<int32_t>(node.Int("filter_width"));
  const auto sh = static_cast<int32_t>(node.Int("stride_h")), sw = static_cast<int32_t>(node.Int("stride_w"));
  const auto activation = static_cast<ops::Activation>(node.Int("fused_activation_function"));
  const ValueId from = PadChannels(b, node.index(), in, x.elements(0, 3), x[3], 0), to = PaddedOutput(b, out, y.elements(0, 3), x[3]);
  Launch& l = b.Emit(node.index(), kPoolBody, to);
  l.arguments = {{"x", from}};
  const int32_t c4 = Quads(x[3]), quads = static_cast<int32_t>(y.elements(0, 3)) * c4;
  int32_t low, high;
  if (floats) {
    const ops::ClampF32 clamp = ops::FloatClamp(activation);
    low = FloatBits(clamp.low), high = FloatBits(clamp.high);
  } else {
    const ops::Clamp32 clamp = ops::QuantizedClamp(activation, node.out_type());
    low = clamp.low, high = clamp.high;
  }
  l.params = {quads, c4, y[2], y[1], x[1], x[2], kh, kw, sh, sw, ops::SlideWindow(padding, x[1], kh, sh, 1).pad_before, ops::SlideWindow(padding, x[2], kw, sw, 1).pad_before, low, high};
  l.items = Builder::Flat(quads);
  l.defines = floats ? "#define POOL_LOW F_BITS(P(12))\n#define POOL_HIGH F_BITS(P(13))\n" : "#define POOL_LOW P(12)\n#define POOL_HIGH P(13)\n";
  if (!average && !l2) l.defines += floats ? "#define POOL_START ALL_x(-3.4028235e38f)\n" : "#define POOL_START ALL_x(-128)\n";
  else l.defines += floats ? "#define POOL_START ALL_x(0.0f)\n" : "#define POOL_START ALL_x(0)\n";
  l.defines += l2 ? "#define POOL_STEP v0 + cell * cell\n" : average ? "#define POOL_STEP v0 + cell\n" : "#define POOL_STEP max(v0, cell)\n";
  // Integers: (|sum| + n/2) / n with the sum's sign.
  l.defines += l2 ? "#define POOL_END v0 = sqrt(v0 / FLT(n));\n"
               : !average ? "#define POOL_END\n"
               : floats ? "#define POOL_END v0 = v0 / FLT(n);\n"
                        : "#define POOL_END I4 sgn = v0 >> 31; v0 = (((v0 ^ sgn) - sgn + n / 2) / n ^ sgn) - sgn;\n";
  Unpad(b, node.index(), to, out, y.elements(0, 3), x[3]);
  return {};
}

struct Reduction {
  std::string_view op;
  const char *start_float, *start_integer, *step, *end;
};
constexpr Reduction kReductions[] = {{"mean", "0.0f", "0", "s + cell", "s / F_BITS(P(4))"},
                                     {"sum", "0.0f", "0", "s + cell", "s"},
                                     {"reduce_max", "-3.4028235e38f", "(-0x7fffffff - 1)", "max(s, cell)", "s"},
                                     {"reduce_min", "3.4028235e38f", "0x7fffffff", "min(s, cell)", "s"},
                                     {"reduce_prod", "1.0f", "1", "s * cell", "s"}};

constexpr int64_t kShared = 64;  // Elements from which on the items of a group share them.

// Where the outputs start in the input, then the steps over what is reduced.
void Walk(const ops::ReducePlan& plan, bool reduced, int depth, int64_t at, std::vector<int32_t>* list) {
  if (depth == plan.rank) {
    list->push_back(static_cast<int32_t>(at));
    return;
  }
  const ops::ReducePlan::Axis& a = plan.axis[static_cast<size_t>(depth)];
  const bool here = (a.out_step == 0) == reduced;
  for (int64_t i = 0; i < (here ? a.size : 1); ++i) Walk(plan, reduced, depth + 1, at + i * a.in_step, list);
}

Status LowerReduce(const Node& node, Builder& b) {
  OCTET_ASSIGN(const ValueId in, b.In(node, 0));
  OCTET_ASSIGN(const ValueId out, b.Out(node));
  if (!node.constant(1)) return Error(Code::kUnsupported, "its axes are computed");
  const bool floats = IsFloatKind(b.value(in).kind), bytes = IsByte(node.in_type(0).dtype), mean = node.is("mean");
  if (bytes && !mean && (node.is("sum") || node.is("reduce_prod") || !SameScales(node))) return Error(Code::kUnsupported, "8-bit integers");
  if (!floats && !bytes && mean) return Error(Code::kUnsupported, "a mean of int32");
  ops::ReducePlan plan = ops::PlanReduce(node.view());
  if (plan.reduced < 1) return Error(Code::kUnsupported, "nothing to reduce");
  const auto& r = *std::ranges::find(kReductions, node.def().name, &Reduction::op);
  // Whole quads of the innermost axis: four outputs at once where it is kept; where it is not, parts of four outputs.
  ops::ReducePlan::Axis* const last = plan.rank > 0 ? &plan.axis[static_cast<size_t>(plan.rank - 1)] : nullptr;
  bool quads = last && last->in_step == 1 && last->size % 4 == 0;
  for (int d = 0; d + 1 < plan.rank; ++d) quads = quads && plan.axis[static_cast<size_t>(d)].in_step % 4 == 0;
  const bool kept = last && last->out_step != 0, rows = quads && !kept && plan.reduced >= kShared;
  quads = quads && kept;
  if (quads || rows) {
    last->size /= 4;
    for (int d = 0; d + 1 < plan.rank; ++d) plan.axis[static_cast<size_t>(d)].in_step /= 4;
  }
  std::vector<int32_t> starts, steps;
  Walk(plan, false, 0, 0, &starts);
  Walk(plan, true, 0, 0, &steps);
  const auto count = static_cast<int32_t>(starts.size()), reads = static_cast<int32_t>(steps.size()), reduced = rows ? 4 * reads : reads;
  starts.insert(starts.end(), steps.begin(), steps.end());
  const ValueId table = b.Integers(std::move(starts));
  const bool together = rows || (quads && reduced >= kShared);
  Launch& l = b.Emit(node.index(), together ? kReduceTogetherBody : kReduceBody, out);
  l.arguments = {{"x", in}, {"t", table}};
  l.params = {Quads(b.value(out).elements), count, reads, count, FloatBits(static_cast<float>(reduced))};
  l.items = Builder::Flat(int64_t{l.params[0]} * (together ? 64 : 1));
  l.defines = Format("%s%s#define REDUCE_START %s\n#define REDUCE_STEP %s\n", together ? "#define SHARED V_x\n" : "", quads ? "#define QUADS\n" : "",
                     floats ? r.start_float : r.start_integer, r.step);
  if (!bytes || !mean) {
    l.defines += Format("#define REDUCE_END %s\n", r.end);
    return {};
  }
  const ops::QuantizedMean q = ops::MeanOf(node.in_type(0).quant, node.out_type().quant, reduced);
  const ops::Clamp32 range = ops::RangeOf(node.out_type().dtype);
  l.params.insert(l.params.end(), {q.offset, q.multiplier.mantissa, q.multiplier.shift, node.out_type().quant.zero0(), range.low, range.high});
  l.defines += "#define REDUCE_END clamp(requantize(s - P(5), ALL_I4(P(6)), ALL_I4(P(7))) + P(8), P(9), P(10))\n";
  return {};
}

// Long rows are a group's, short ones an item's.
void ShareRows(Launch* l, int64_t rows, int32_t depth) {
  l->items = Builder::Flat(depth >= kShared ? rows * 64 : rows);
  if (depth >= kShared) l->defines += "#define SHARED S_x\n";
}

Status LowerSoftmaxInteger(const Node& node, Builder& b, ValueId x, ValueId y, int64_t rows, int32_t depth) {
  const auto beta = static_cast<float>(node.Real("beta"));
  const float scale = node.in_type(0).quant.scale0();
  if (node.out_type().dtype != node.in_type(0).dtype || !(beta > 0.0f) || beta * scale * 67108864.0f < 1.0f)
    return Error(Code::kUnsupported, "an output of another type");
  const ops::ScaledDifference scaled = ops::ScaleDifferences(static_cast<double>(beta), static_cast<double>(scale));
  std::vector<int32_t> tables(512);
  for (int32_t d = 0; d < 256 && -d >= scaled.least; ++d) {
    tables[static_cast<size_t>(d)] = ops::fixed::ExpOfNegative<int32_t, ops::kDiffIntegerBits>(scaled(-d));
    tables[static_cast<size_t>(256 + d)] = ops::RoundingDivideByPot(tables[static_cast<size_t>(d)], ops::kSumIntegerBits);
  }
  const ValueId table = b.Integers(std::move(tables));
  Launch& l = b.Emit(node.index(), kSoftmaxIntegerBody, y);
  l.arguments = {{"x", x}, {"t", table}};
  const ops::Clamp32 range = ops::RangeOf(node.out_type().dtype);
  l.params = {static_cast<int32_t>(rows), depth, Quads(depth), -scaled.least, range.low, range.high};
  ShareRows(&l, rows, depth);
  return {};
}

Status LowerSoftmax(const Node& node, Builder& b) {
  OCTET_ASSIGN(const ValueId in, b.In(node, 0));
  OCTET_ASSIGN(const ValueId out, b.Out(node));
  const int32_t depth = node.in_type(0).shape.back();
  const int64_t rows = node.in_type(0).shape.elements() / depth;
  const bool floats = IsFloatKind(b.value(in).kind), logarithm = node.is("log_softmax");
  if (!floats && (logarithm || !IsByte(node.in_type(0).dtype))) return Error(Code::kUnsupported, "%s", std::string(NumpyName(node.in_type(0).dtype)).c_str());
  const ValueId x = PadChannels(b, node.index(), in, rows, depth, 0), y = PaddedOutput(b, out, rows, depth);
  if (!floats) {
    OCTET_TRY(LowerSoftmaxInteger(node, b, x, y, rows, depth));
  } else {
    Launch& l = b.Emit(node.index(), kSoftmaxBody, y);
    l.arguments = {{"x", x}};
    l.params = {static_cast<int32_t>(rows), depth, Quads(depth), FloatBits(logarithm ? 1.0f : static_cast<float>(node.Real("beta")))};
    ShareRows(&l, rows, depth);
    l.defines += logarithm ? "#define SOFTMAX_VALUE d - log(sum)\n" : "#define SOFTMAX_VALUE exp(d) / sum\n";
  }
  Unpad(b, node.index(), y, out, rows, depth);
  return {};
}

Status LowerArg(const Node& node, Builder& b) {
  OCTET_ASSIGN(const ValueId in, b.In(node, 0));
  OCTET_ASSIGN(const ValueId out, b.Out(node));
  ops::IntList axes;
  if (!ops::ReadInts(node.view(), 1, &axes) || axes.count != 1) return Error(Code::kUnsupported, "its axis is computed");
  const Shape& x = node.in_type(0).shape;
  int axis = 0;
  if (!ops::NormalizeAxis(axes.v[0], x.rank(), &axis)) return Error(Code::kUnsupported, "an axis outside of the input");
  Launch& l = b.Emit(node.index(), kArgBody, out);
  l.arguments = {{"x", in}};
  const auto outputs = static_cast<int32_t>(b.value(out).elements);
  l.params = {Quads(outputs), x[axis], static_cast<int32_t>(x.elements(axis + 1, x.rank())), outputs};
  l.items = Builder::Flat(l.params[0]);
  l.defines = node.is("arg_max") ? "#define BETTER cell > best\n" : "#define BETTER cell < best\n";
  return {};
}

Status LowerNormalize(const Node& node, Builder& b) {
  OCTET_ASSIGN(const ValueId in, b.In(node, 0));
  OCTET_ASSIGN(const ValueId out, b.Out(node));
  if (!IsFloatKind(b.value(in).kind)) return Error(Code::kUnsupported, "%s", std::string(NumpyName(node.in_type(0).dtype)).c_str());
  const int32_t depth = node.in_type(0).shape.back();
  const int64_t rows = node.in_type(0).shape.elements() / depth;
  const ValueId x = PadChannels(b, node.index(), in, rows, depth, 0), y = PaddedOutput(b, out, rows, depth);
  Launch& l = b.Emit(node.index(), kNormalizeBody, y);
  l.arguments = {{"x", x}};
  l.params = {static_cast<int32_t>(rows), depth, Quads(depth)};
  l.items = Builder::Flat(rows);
  Unpad(b, node.index(), y, out, rows, depth);
  return {};
}

}  // namespace

LowerFn FindReduction(std::string_view op) {
  if (op == "average_pool_2d" || op == "max_pool_2d" || op == "l2_pool_2d") return LowerPool;
  if (op == "arg_max" || op == "arg_min") return LowerArg;
  if (op == "l2_normalization") return LowerNormalize;
  if (op == "softmax" || op == "log_softmax") return LowerSoftmax;
  return std::ranges::find(kReductions, op, &Reduction::op) != std::end(kReductions) ? LowerReduce : nullptr;
}

}  // namespace octet::gpu
