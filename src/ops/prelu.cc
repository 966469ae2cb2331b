// SPDX-License-Identifier: Apache-2.0
// y = x for x >= 0, alpha * x below; alpha broadcasts over x.
#include "ops/add_sub_util.h"
#include "ops/inner_prepare.h"
#include "ops/simple_binary_util.h"
#include "ops/unary_util.h"

namespace octet::ops::prelu {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}, {.name = "alpha"}};
constexpr TypeRow kTypes[] = {{"T=f32|u8|i8", 1}};

struct Params {
  Broadcast shape;
  Multiplier identity, alpha;
  int32_t zero_in = 0, zero_alpha = 0, zero_out = 0;
  Clamp32 range;
};

Status RunFloat(const void* params, const Run& run) {
  RunBroadcast(static_cast<const Params*>(params)->shape, *run.pool, run.input<float>(0), run.input<float>(1), run.output<float>(0),
               [](float x, float alpha) { return x >= 0.0f ? x : x * alpha; });
  return {};
}

template <class T> Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  RunBroadcast(p.shape, *run.pool, run.input<T>(0), run.input<T>(1), run.output<T>(0), [&](T q, T a) {
    const int32_t x = q - p.zero_in;
    const int32_t y = x >= 0 ? Requantize(x, p.identity) : Requantize(x * (a - p.zero_alpha), p.alpha);
    return static_cast<T>(std::clamp(y + p.zero_out, p.range.low, p.range.high));
  });
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = op.in(0)->dtype;
  out[0].shape = op.in(0)->shape;
  return {};
}

void FillInteger(const OpView& op, Params* p) {
  const TensorType &x = *op.in(0), &a = *op.in(1), &y = *op.out(0);
  p->identity = QuantizeMultiplier(static_cast<double>(x.quant.scale0() / y.quant.scale0()));
  p->alpha = QuantizeMultiplier(static_cast<double>(x.quant.scale0() * a.quant.scale0() / y.quant.scale0()));
  p->zero_in = x.quant.zero0();
  p->zero_alpha = a.quant.zero0();
  p->zero_out = y.quant.zero0();
  p->range = RangeOf(y.dtype);
}

Status PrepareReference(Prepare& prepare) {
  const TensorType &x = *prepare.op.in(0), &a = *prepare.op.in(1), &y = *prepare.op.out(0);
  auto* p = prepare.Params<Params>();
  p->shape = CollapseBroadcast(x.shape, a.shape, y.shape);
  if (x.dtype == DType::kF32) {
    prepare.SetRun(RunFloat, p);
    return {};
  }
  FillInteger(prepare.op, p);
  prepare.SetRun(x.dtype == DType::kI8 ? RunInteger<int8_t> : RunInteger<uint8_t>, p);
  return {};
}
// Bytes: products by alpha, of which those of x >= 0 give way to a table's.
struct Bytes {
  RunFn product;
  const void* product_params;
  int64_t count;
  int8_t zero;
  kernels::ByteTable table;
};

// y = x >= zero ? passed : y, without a branch.
void Choose(const int8_t* x, int8_t zero, const int8_t* passed, int64_t n, int8_t* __restrict y) {
  for (int64_t i = 0; i < n; ++i) {
    const auto mask = static_cast<int8_t>(x[i] >= zero ? -1 : 0);
    y[i] = static_cast<int8_t>((passed[i] & mask) | (y[i] & ~mask));
  }
}

Status RunBytes(const void* params, const Run& run) {
  const auto& p = *static_cast<const Bytes*>(params);
  auto* x = reinterpret_cast<int8_t*>(run.workspace);  // Outputs may lie where inputs do.
  std::copy_n(run.input<int8_t>(0), p.count, x);
  OCTET_TRY(p.product(p.product_params, run));
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) {
    constexpr int64_t kBlock = 1024;
    int8_t passed[kBlock];
    for (int64_t at = begin; at < end; at += kBlock) {
      const int64_t n = std::min(kBlock, end - at);
      kernels::Vectors().lookup(reinterpret_cast<const uint8_t*>(x + at), n, p.table, reinterpret_cast<uint8_t*>(passed));
      Choose(x + at, p.zero, passed, n, run.output<int8_t>(0) + at);
    }
  });
  return {};
}

Status PrepareBytes(Prepare& prepare) {
  Params q;
  FillInteger(prepare.op, &q);
  InnerPrepare inner(prepare, prepare.op);
  OCTET_TRY(PrepareProductPairS8(inner, q.alpha, q.range));
  auto* p = prepare.Params<Bytes>();
  p->product = inner.run, p->product_params = inner.params;
  p->count = CountOf(prepare.op);
  p->zero = static_cast<int8_t>(q.zero_in);
  for (int32_t v = -128; v < 128; ++v)
    p->table.entry[static_cast<uint8_t>(v)] = static_cast<uint8_t>(std::clamp(Requantize(v - q.zero_in, q.identity) + q.zero_out, -128, 127));
  FindPieces(&p->table);
  prepare.Workspace(static_cast<size_t>(p->count));
  prepare.SetRun(RunBytes, p);
  return {};
}

Status PrepareVectors(Prepare& p) {
  if (p.op.in(0)->dtype == DType::kI8) return PrepareBytes(p);
  return PrepareBinaryF32(p, kernels::Binary::kLeakyRelu, FloatClamp(Activation::kNone));
}
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesF32OrS8, .prepare = PrepareVectors},
                                 {.name = "reference", .prepare = PrepareReference}};

Status FromKeras(ImportContext& c) {
  OCTET_ASSIGN(Value alpha, c.Weight(0));
  OCTET_ASSIGN(Value y, c.Emit("prelu", {c.Input(0), alpha}));
  c.SetOutput(0, y);
  return {};
}
constexpr ImportRule kRules[] = {{Source::kKeras, "PReLU", 0, FromKeras}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "prelu",
    .code = BuiltinCode::kPrelu,
    .inputs = kInputs,
    .outputs = kOneOutput,
    .types = kTypes,
    .traits = kElementwise | kHomogeneous | kKeepsChannels,
    .check = CheckBinary,
    .infer = Infer,
    .cost = CostOfElementwise,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::prelu
