// SPDX-License-Identifier: Apache-2.0
// y = f(x), element by element. 8-bit integers are a table of 256 entries, filled once in prepare.
#pragma once
#include <optional>

#include "kernels/elementwise.h"
#include "ops/element_util.h"
#include "ops/import.h"
#include "ops/quant_util.h"

namespace octet::ops {

inline constexpr Operand kUnaryInputs[] = {{.name = "input"}};
inline constexpr Operand kUnaryOutputs[] = {{.name = "output"}};
inline constexpr TypeRow kUnaryTypes[] = {{"T=f32", 1}, {"T=u8", 1}, {"T=i8", 2}};

Status InferUnary(const OpView& op, std::span<OutputType> out);
// Integer tensors have one scale each, at both ends; int16 also zero points of 0. Without any quantization
// the scales count as 0, and the answers are what LiteRT makes of that: 0 for most operators.
Status CheckUnary(const OpView& op);
Cost CostOfUnary(const OpView& op);

// Floats by a vector primitive: within a few units in the last place of f.
bool TakesFunctionF32(const OpView& op, const Cpu&);
Status PrepareFunctionF32(Prepare& p, kernels::Function function);
template <kernels::Function kFunction> Status PrepareVectorFunction(Prepare& p) { return PrepareFunctionF32(p, kFunction); }

// 8 bits to 8 bits, signed or not: indexed by the input's bits.
struct TableParams {
  int64_t count = 0;
  int64_t row = 0;  // Elements of an image's row, where there are such: RunTable heeds Run::rows.
  kernels::ByteTable table;
};
Status RunTable(const void* params, const Run& run);

int64_t CountOf(const OpView& op);

// Cuts [0, count) into tasks of fixed size.
void ForChunks(const Run& run, int64_t count, void (*body)(const void* context, int64_t begin, int64_t end), const void* context);

template <class Body> void ForChunks(const Run& run, int64_t count, const Body& body) {
  ForChunks(run, count, [](const void* b, int64_t begin, int64_t end) { (*static_cast<const Body*>(b))(begin, end); }, &body);
}

// ------------------------------------------------------------------------------------ plain types
// Floats of any element-wise function with parameters: run receives the element count in its params.
struct UnaryParams {
  int64_t count = 0;
  float alpha = 0;
};

// y = F(x) as a T; F sees 16-bit floats as float.
template <class T, auto F> Status RunUnary(const void* params, const Run& run) {
  const T* x = run.input<T>(0);
  T* y = run.output<T>(0);
  ForChunks(run, static_cast<const UnaryParams*>(params)->count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = static_cast<T>(F(static_cast<Compute<T>>(x[i])));
  });
  return {};
}

// ---------------------------------------------------------------------------------- quantized types
// A function of quantized values in exact arithmetic: Entry(q, value) answers in the output's quantized
// units, already clamped to its type; q is what Entry needs to know, a plain struct. 8-bit integers become
// a table; 16-bit ones run Entry on every element.
using TableEntry = int32_t (*)(const void* q, int32_t value);
Status PrepareTable(Prepare& p, TableEntry entry, const void* q);

template <class Q> struct IntegerParams {
  int64_t count;
  Q q;
};
template <class Q, int32_t (*Entry)(const Q&, int32_t)> Status RunInt16(const void* params, const Run& run) {
  const auto& p = *static_cast<const IntegerParams<Q>*>(params);
  const int16_t* x = run.input<int16_t>(0);
  int16_t* y = run.output<int16_t>(0);
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = static_cast<int16_t>(Entry(p.q, x[i]));
  });
  return {};
}
template <class Q, int32_t (*Entry)(const Q&, int32_t)> Status PrepareInteger(Prepare& p, const Q& q) {
  if (p.op.in(0)->dtype != DType::kI16)
    return PrepareTable(p, [](const void* context, int32_t v) { return Entry(*static_cast<const Q*>(context), v); }, &q);
  auto* params = p.Params<IntegerParams<Q>>();
  *params = {CountOf(p.op), q};
  p.SetRun(RunInt16<Q, Entry>, params);
  return {};
}

// Quantized values through a float function f(x, parameter). 8 bits: every value as LiteRT fills its
// tables: dequantize in float, f, divide by the output scale, round half away from zero, add the zero
// point, clamp. 16 bits: 513 samples, each moved by half the error that a straight line makes in the
// middle of its cell, and interpolated with 7 bits. `vectors`, the same function within a few units in the last place of f, computes
// what such a difference cannot move across a rounding's edge.
using FloatFunction = float (*)(float x, float parameter);
Status PrepareFunction(Prepare& p, FloatFunction f, float parameter = 0, std::optional<kernels::Function> vectors = {});

struct Lut16 {
  int16_t sample[513];
};
// Samples of f over all int16 inputs. Float is what LiteRT computes in: float, for its softmax double.
template <class Float, class F>
void FillLut16(Float in_scale, int32_t in_zero, Float out_scale, int32_t out_zero, const F& f, Lut16* lut) {
  constexpr int32_t kLow = std::numeric_limits<int16_t>::min(), kHigh = std::numeric_limits<int16_t>::max();
  const auto real = [](Float scale, int32_t q, int32_t zero) { return scale * static_cast<Float>(q - zero); };
  const Float first = real(in_scale, kLow, in_zero), last = real(in_scale, kHigh, in_zero);
  const Float step = (last - first) / 512, half = step / 2;
  const Float inverse = Float{65536} / (real(out_scale, kHigh, out_zero) - real(out_scale, kLow, out_zero));
  for (int i = 0; i < 512; ++i) {
    const Float at = first + static_cast<Float>(i) * step;
    const Float value = std::round(f(at) * inverse), next = f(first + static_cast<Float>(i + 1) * step) * inverse;
    const Float error = std::round((next + value) / 2) - std::round(f(at + half) * inverse);
    lut->sample[i] = SaturateReal<int16_t>(value - std::round(error / 2));
  }
  lut->sample[512] = SaturateReal<int16_t>(std::round(f(last) * inverse));
}
// The cell is the upper 9 bits, the place in it the lower 7. The slope wraps in 16 bits, as LiteRT's does.
inline int32_t LookUp(const Lut16& lut, int32_t value) {
  const int cell = 256 + (value >> 7);
  const auto slope = static_cast<int16_t>(lut.sample[cell + 1] - lut.sample[cell]);
  return static_cast<int16_t>(lut.sample[cell] + ((slope * (value & 127) + 64) >> 7));
}

// Floats run F; integers its table or samples.
template <float (*F)(float)> Status PrepareUnary(Prepare& p, std::optional<kernels::Function> vectors) {
  const RunFn run = ByType<float, F16, BF16>(p.op.in(0)->dtype, []<class T>() -> RunFn { return RunUnary<T, F>; });
  if (!run) return PrepareFunction(p, [](float x, float) { return F(x); }, 0, vectors);
  auto* params = p.Params<UnaryParams>();
  params->count = CountOf(p.op);
  p.SetRun(run, params);
  return {};
}
template <float (*F)(float)> Status PrepareUnary(Prepare& p) { return PrepareUnary<F>(p, {}); }

// ------------------------------------------------------------------------------------------ import
// One input, one output, through this operator.
template <class Name> Status EmitUnary(ImportContext& c, const Name& op) {
  OCTET_ASSIGN(Value y, c.Emit(op, {c.Input(0)}));
  c.SetOutput(0, y);
  return {};
}

}  // namespace octet::ops
