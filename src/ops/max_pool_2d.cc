// SPDX-License-Identifier: Apache-2.0
// MaxPool2D: out = largest of the window's cells that lie inside the image, then the activation.
#include "base/thread_pool.h"
#include "ops/pool_util.h"

namespace octet::ops::max_pool_2d {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8"}, {"T=i8", 2}, {"T=i16", 3}};

// Writes of bytes may alias anything, so that sizes live in locals here and in the other kernels.
template <class T> void Larger(const T* __restrict cell, int64_t n, T* __restrict out) {
  for (int64_t c = 0; c < n; ++c) out[c] = out[c] < cell[c] ? cell[c] : out[c];
}

template <class T>
void Pixel(const PoolPlan& p, PoolPlan::Range rows, PoolPlan::Range columns, const T* image, T* out) {
  const int64_t channels = p.channels, pitch = int64_t{p.in_w} * channels;
  T low, high;
  if constexpr (std::is_same_v<T, float>) low = p.clamp_f32.low, high = p.clamp_f32.high;
  else low = static_cast<T>(p.clamp.low), high = static_cast<T>(p.clamp.high);
  std::fill_n(out, channels, std::is_same_v<T, float> ? std::numeric_limits<T>::lowest() : low);
  for (int32_t y = rows.begin; y < rows.end; ++y)
    for (int32_t x = columns.begin; x < columns.end; ++x) Larger(image + y * pitch + x * channels, channels, out);
  if (p.clamps)
    for (int64_t c = 0; c < channels; ++c) out[c] = std::clamp(out[c], low, high);
}

template <class T> Status Max(const void* params, const Run& run) {
  const auto& p = *static_cast<const PoolPlan*>(params);
  const T* in = run.input<T>(0);
  T* out = run.output<T>(0);
  run.pool->For(int64_t{p.batches} * p.out_h, [&](int64_t row, int) {
    const T* image = in + row / p.out_h * p.in_h * p.in_w * p.channels;
    const PoolPlan::Range rows = p.Rows(static_cast<int32_t>(row % p.out_h));
    for (int32_t x = 0; x < p.out_w; ++x)
      Pixel(p, rows, p.Columns(x), image, out + (row * p.out_w + x) * p.channels);
  });
  return {};
}

Status PrepareMax(Prepare& p) {
  const PoolPlan* plan = PlanPool(p);
  switch (p.op.in(0)->dtype) {
    case DType::kF32:
      p.SetRun(Max<float>, plan);
      break;
    case DType::kU8:
      p.SetRun(Max<uint8_t>, plan);
      break;
    case DType::kI8:
      p.SetRun(Max<int8_t>, plan);
      break;
    default:
      p.SetRun(Max<int16_t>, plan);
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
