// SPDX-License-Identifier: Apache-2.0
// The largest element over the given axes. Quantized values compare as they are: one scale in and out.
#include <limits>

#include "kernels/elementwise.h"
#include "ops/reduce_util.h"

namespace octet::ops::reduce_max {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8|i32|i64 A=i32"}, {"T=i8 A=i32", 2}, {"T=i16 A=i32", 3}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone}};

template <class T> inline constexpr bool kVectors = std::is_same_v<T, float> || std::is_same_v<T, int8_t>;
template <class T> struct Largest {
  static constexpr bool kAnyOrder = true;
  static T start() { return std::numeric_limits<T>::lowest(); }
  T operator()(T a, T b) const { return b > a ? b : a; }
  // Rows onto one, and each onto a value of its own, by the vector primitives.
  void Rows(const T* x, int64_t pitch, int64_t rows, int64_t n, T* y) const requires kVectors<T> {
    Pick(kernels::Vectors().max_windows_f32, kernels::Vectors().max_windows_s8)(x, {pitch, rows, 0, 1}, 0, 1, n, y);
  }
  void Lines(const T* x, int64_t lines, int64_t n, T* y) const requires kVectors<T> {
    Pick(kernels::Vectors().max_rows_f32, kernels::Vectors().max_rows_s8)(x, lines, n, y);
  }

 private:
  static auto Pick(auto floats, auto bytes) {
    if constexpr (std::is_same_v<T, float>) return floats;
    else return bytes;
  }
};

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReduce<Largest>}};

Status FromKeras(ImportContext& c) { return GlobalPoolFromKeras(c, "reduce_max"); }

constexpr ImportRule kRules[] = {{Source::kKeras, "GlobalMaxPooling1D", 0, FromKeras},
                                 {Source::kKeras, "GlobalMaxPooling2D", 0, FromKeras},
                                 {Source::kKeras, "GlobalMaxPooling3D", 0, FromKeras}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "reduce_max",
    .code = BuiltinCode::kReduceMax,
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
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::reduce_max
