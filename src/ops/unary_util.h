// SPDX-License-Identifier: Apache-2.0
// y = f(x), element by element. 8-bit integers are a table of 256 entries, filled once in prepare.
#pragma once
#include "kernels/elementwise.h"
#include "ops/import.h"
#include "ops/quant_util.h"

namespace octet::ops {

inline constexpr Operand kUnaryInputs[] = {{.name = "input"}};
inline constexpr Operand kUnaryOutputs[] = {{.name = "output"}};
inline constexpr TypeRow kUnaryTypes[] = {{"T=f32", 1}, {"T=u8", 1}, {"T=i8", 2}};

Status InferUnary(const OpView& op, std::span<OutputType> out);
// Integer tensors have one scale each, at both ends.
Status CheckUnary(const OpView& op);
Cost CostOfUnary(const OpView& op);

// table[value - lowest] for all 256 values of the input's type. The function answers in the output's
// quantized units, already clamped to its type.
using TableEntry = int32_t (*)(const OpView& op, int32_t value, const void* context);
Status PrepareTable(Prepare& p, TableEntry entry, const void* context);

// The entry as LiteRT's reference fills it: dequantize in float, f in float, divide by the output scale,
// round half away from zero, add the zero point, clamp.
int32_t FloatTableEntry(const OpView& op, int32_t value, float (*f)(float));

// Floats by a vector primitive: within a few units in the last place of f.
bool TakesFunctionF32(const OpView& op, const Cpu&);
Status PrepareFunctionF32(Prepare& p, kernels::Function function);
template <kernels::Function kFunction> Status PrepareVectorFunction(Prepare& p) { return PrepareFunctionF32(p, kFunction); }

// Floats run f, 8-bit integers the table of f.
template <float (*F)(float)> Status RunUnaryFloat(const void* params, const Run& run);
template <float (*F)(float)> Status PrepareUnary(Prepare& p);

// Floats of any element-wise function with parameters: run receives the element count in its params.
struct UnaryParams {
  int64_t count = 0;
  float alpha = 0;
};
int64_t CountOf(const OpView& op);

// Cuts [0, count) into tasks of fixed size.
void ForChunks(const Run& run, int64_t count, void (*body)(const void* context, int64_t begin, int64_t end), const void* context);

template <class Body> void ForChunks(const Run& run, int64_t count, const Body& body) {
  ForChunks(run, count, [](const void* b, int64_t begin, int64_t end) { (*static_cast<const Body*>(b))(begin, end); }, &body);
}

template <float (*F)(float)> Status RunUnaryFloat(const void* params, const Run& run) {
  const float* x = run.input<float>(0);
  float* y = run.output<float>(0);
  ForChunks(run, static_cast<const UnaryParams*>(params)->count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = F(x[i]);
  });
  return {};
}

template <float (*F)(float)> Status PrepareUnary(Prepare& p) {
  if (p.op.in(0)->dtype == DType::kF32) {
    auto* params = p.Params<UnaryParams>();
    params->count = CountOf(p.op);
    p.SetRun(RunUnaryFloat<F>, params);
    return {};
  }
  return PrepareTable(p, [](const OpView& op, int32_t v, const void*) { return FloatTableEntry(op, v, F); }, nullptr);
}

// One input, one output, through this operator.
template <class Name> Status EmitUnary(ImportContext& c, const Name& op) {
  OCTET_ASSIGN(Value y, c.Emit(op, {c.Input(0)}));
  c.SetOutput(0, y);
  return {};
}

}  // namespace octet::ops
