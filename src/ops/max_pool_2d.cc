// SPDX-License-Identifier: Apache-2.0
// MaxPool2D: out = largest of the window's cells that lie inside the image, then the activation.
#include "kernels/elementwise.h"
#include "ops/pool_run_util.h"

namespace octet::ops::max_pool_2d {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8"}, {"T=i8", 2}, {"T=i16", 3}};

template <class T> struct Largest {
  using In = T;
  using Sum = T;
  static constexpr Sum kEmpty = std::numeric_limits<T>::lowest();
  static Sum Add(Sum a, T b) { return a < b ? b : a; }  // Not-a-numbers count for nothing.
  static Sum Combine(Sum a, Sum b) { return Add(a, b); }
  static void Windows(const T* x, const kernels::CellWindow& window, int64_t apart, int64_t windows, int64_t n, T* y)
    requires(std::is_same_v<T, float> || std::is_same_v<T, int8_t>)
  {
    if constexpr (std::is_same_v<T, float>) kernels::Vectors().max_windows_f32(x, window, apart, windows, n, y);
    else kernels::Vectors().max_windows_s8(x, window, apart, windows, n, y);
  }
  static void Finish(const PoolPlan& p, int32_t, int64_t count, T* out) {
    if (!p.clamps) return;
    const auto clamp = [&] {
      if constexpr (std::is_same_v<T, float>) return p.clamp_f32;
      else return p.clamp;
    }();
    const T low = static_cast<T>(clamp.low), high = static_cast<T>(clamp.high);
    for (int64_t c = 0; c < count; ++c) out[c] = std::clamp(out[c], low, high);
  }
};

Status PrepareMax(Prepare& p) {
  switch (p.op.in(0)->dtype) {
    case DType::kF32:
      PreparePool<Largest<float>>(p);
      break;
    case DType::kU8:
      PreparePool<Largest<uint8_t>>(p);
      break;
    case DType::kI8:
      PreparePool<Largest<int8_t>>(p);
      break;
    default:
      PreparePool<Largest<int16_t>>(p);
      break;
  }
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareMax}};

Status FromKeras(ImportContext& c) { return PoolFromKeras(c, "max_pool_2d"); }
Status FromKerasAdaptive(ImportContext& c) { return AdaptivePoolFromKeras(c, "max_pool_2d"); }
Status FromKeras3D(ImportContext& c) { return Pool3DFromKeras(c, "max_pool_2d"); }

constexpr ImportRule kRules[] = {{Source::kKeras, "MaxPooling1D", 0, FromKeras},
                                 {Source::kKeras, "MaxPooling2D", 0, FromKeras},
                                 {Source::kKeras, "MaxPooling3D", 0, FromKeras3D},
                                 {Source::kKeras, "AdaptiveMaxPooling1D", 0, FromKerasAdaptive},
                                 {Source::kKeras, "AdaptiveMaxPooling2D", 0, FromKerasAdaptive},
                                 {Source::kKeras, "AdaptiveMaxPooling3D", 0, FromKerasAdaptive}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "max_pool_2d",
    .code = BuiltinCode::kMaxPool2d,
    .attrs = Layout<PoolAttrs>(OptionsTable::kPool2D, kPoolRows),
    .inputs = kPoolInputs,
    .outputs = kPoolOutputs,
    .types = kTypes,
    .quantization = kPoolQuant,
    .traits = kHomogeneous | kKeepsChannels,
    .check = CheckPool,
    .infer = InferPool,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::max_pool_2d
