// SPDX-License-Identifier: Apache-2.0
// The smallest element over the given axes. Quantized values compare as they are: one scale in and out.
#include <limits>

#include "ops/reduce_util.h"

namespace octet::ops::reduce_min {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8|i32|i64 A=i32"}, {"T=i8 A=i32", 2}, {"T=i16 A=i32", 3}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone}};

template <class T> struct Smallest {
  static constexpr bool kAnyOrder = true;
  static T start() { return std::numeric_limits<T>::max(); }
  T operator()(T a, T b) const { return b < a ? b : a; }
};

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReduce<Smallest>}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "reduce_min",
    .code = BuiltinCode::kReduceMin,
    .attrs = Layout<ReduceAttrs>(OptionsTable::kReducer, kReduceRows),
    .inputs = kReduceInputs,
    .outputs = kReduceOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kHomogeneous,
    .check = CheckReduceSameQuant,
    .infer = InferReduce,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::reduce_min
