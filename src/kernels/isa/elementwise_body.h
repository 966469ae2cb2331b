// SPDX-License-Identifier: Apache-2.0
// The primitives of elementwise.h over `Lanes`, which the including file defines in an unnamed namespace:
// kCount floats F or int32 I at a time. Included once per instruction set, inside that unnamed namespace.
// No STL here: an inline function compiled for one instruction set must not serve the whole program.

using F = Lanes::F;
using I = Lanes::I;
constexpr int64_t kLanes = Lanes::kCount;

template <class T> inline T Least(T a, T b) { return a < b ? a : b; }

#include "kernels/isa/functions_f32_body.h"
#include "kernels/isa/floats_body.h"
#include "kernels/isa/quantize_body.h"
#include "kernels/isa/integers_body.h"
#include "kernels/isa/integer_rows_body.h"
#include "kernels/isa/windows_body.h"

// Null in runtimes without the one operator that calls them.
template <auto kPrimitive> constexpr decltype(kPrimitive) WhereBuilt(bool built) { return built ? kPrimitive : nullptr; }

#define OCTET_ELEMENTWISE(lookup, transpose)                                                                                                                \
  {{Map<Exp>, Map<Tanh>, Map<Logistic>, Map<InverseSqrt>, Map<NormalGate>, Map<NormalGateTanh>, Map<HardGate>, WhereBuilt<Map<Elu>>(Builds("elu"))},        \
   {BinaryF32<Binary::kAdd>, BinaryF32<Binary::kSubtract>, BinaryF32<Binary::kMultiply>, BinaryF32<Binary::kDivide>, BinaryF32<Binary::kSquaredDifference>, \
    WhereBuilt<BinaryF32<Binary::kLeakyRelu>>(Builds("leaky_relu") || Builds("prelu"))}, \
   SoftmaxF32, NormalizeF32, WhereBuilt<SumRowsF32>(Builds("mean") || Builds("sum")), Accumulate, RangeF32, QuantizeF32, QuantizeToF32, DivideToS8, ToFloats, ToBytes, ToShorts, DotS16S8, \
   WhereBuilt<AddScaled>(Builds("fully_connected") && Builds("fully_connected", "f32")), \
   WhereBuilt<BlendF32>(Builds("resize_bilinear") && Builds("resize_bilinear", "f32")), WhereBuilt<BlendRow>(Builds("resize_bilinear")), lookup, PairS8<Sum>, \
   WhereBuilt<PairS8<Difference>>(Builds("sub")), WhereBuilt<PairS8<SquaredDifference>>(Builds("squared_difference")), PairS8<Product>, ProductRows(), PairS16<Sum>, \
   WhereBuilt<PairS16<Difference>>(Builds("sub")), PairS16<Product>, TotalS8, Accumulate, \
   WhereBuilt<WindowsF32<SumOfFloats>>(Builds("average_pool_2d") && Builds("average_pool_2d", "f32")), \
   WhereBuilt<WindowsF32<MaxOfFloats>>(Builds("max_pool_2d") || Builds("reduce_max")), WhereBuilt<MaxWindowsS8>(Builds("max_pool_2d") || Builds("reduce_max")), \
   WhereBuilt<MaxOfRows<MaxOfFloats, float>>(Builds("reduce_max") || Builds("arg_max")), MaxOfRows<MaxOfBytes, int8_t>, TotalOfTable, ScaledTable, transpose}
