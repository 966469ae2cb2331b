// SPDX-License-Identifier: Apache-2.0
// AveragePool2D: out = mean of the window's cells that lie inside the image, then the activation.
// Integers: (sum ± n/2) / n, to nearest, ties away from zero.
#include "base/thread_pool.h"
#include "ops/pool_util.h"

namespace octet::ops::average_pool_2d {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8"}, {"T=i8", 2}, {"T=i16", 3}};

constexpr int32_t kBlock = 64;  // Channels whose sums stay in the first cache line.

void Store(const PoolPlan& p, const float* sum, int32_t n, int32_t count, float* __restrict out) {
  const ClampF32 clamp = p.clamp_f32;
  const auto cells = static_cast<float>(n);
  for (int32_t c = 0; c < count; ++c) out[c] = std::clamp(sum[c] / cells, clamp.low, clamp.high);
}

// (|sum| + n/2) / n with the sign of sum. For 8 bits in float: the quotient is below 2^8 and its distance
// to the next integer at least 1/2n, far above the rounding error, so that truncation gives the quotient.
template <class T> void Store(const PoolPlan& p, const int32_t* sum, int32_t n, int32_t count, T* __restrict out) {
  const Clamp32 clamp = p.clamp;
  const float inverse = 1.0f / static_cast<float>(n);
  const bool exact = sizeof(T) == 1 && n <= 4096;
  for (int32_t c = 0; c < count && exact; ++c) {
    const int32_t magnitude = (sum[c] > 0 ? sum[c] : -sum[c]) + n / 2;
    const auto mean = static_cast<int32_t>((static_cast<float>(magnitude) + 0.5f) * inverse);
    out[c] = static_cast<T>(std::clamp(sum[c] > 0 ? mean : -mean, clamp.low, clamp.high));
  }
  for (int32_t c = 0; c < count && !exact; ++c)
    out[c] = static_cast<T>(std::clamp((sum[c] > 0 ? sum[c] + n / 2 : sum[c] - n / 2) / n, clamp.low, clamp.high));
}

// One output pixel.
template <class T, class Sum>
void Pixel(const PoolPlan& p, PoolPlan::Range rows, PoolPlan::Range columns, const T* image, T* out) {
  const int32_t channels = p.channels, n = (rows.end - rows.begin) * (columns.end - columns.begin);
  const int64_t pitch = int64_t{p.in_w} * channels;
  for (int32_t c0 = 0; c0 < channels; c0 += kBlock) {
    const int32_t block = std::min(kBlock, channels - c0);
    Sum sum[kBlock] = {};
    for (int32_t y = rows.begin; y < rows.end; ++y) {
      for (int32_t x = columns.begin; x < columns.end; ++x) {
        const T* cell = image + y * pitch + int64_t{x} * channels + c0;
        for (int32_t c = 0; c < block; ++c) sum[c] += static_cast<Sum>(cell[c]);
      }
    }
    Store(p, sum, n, block, out + c0);
  }
}

template <class T, class Sum> Status Average(const void* params, const Run& run) {
  const auto& p = *static_cast<const PoolPlan*>(params);
  const T* in = run.input<T>(0);
  T* out = run.output<T>(0);
  run.pool->For(int64_t{p.batches} * p.out_h, [&](int64_t row, int) {
    const T* image = in + row / p.out_h * p.in_h * p.in_w * p.channels;
    const PoolPlan::Range rows = p.Rows(static_cast<int32_t>(row % p.out_h));
    for (int32_t x = 0; x < p.out_w; ++x)
      Pixel<T, Sum>(p, rows, p.Columns(x), image, out + (row * p.out_w + x) * p.channels);
  });
  return {};
}

Status PrepareAverage(Prepare& p) {
  const PoolPlan* plan = PlanPool(p);
  switch (p.op.in(0)->dtype) {
    case DType::kF32:
      p.SetRun(Average<float, float>, plan);
      break;
    case DType::kU8:
      p.SetRun(Average<uint8_t, int32_t>, plan);
      break;
    case DType::kI8:
      p.SetRun(Average<int8_t, int32_t>, plan);
      break;
    default:
      p.SetRun(Average<int16_t, int32_t>, plan);
      break;
  }
  return {};
}

Cost CostOfPool(const OpView& op) {
  const PoolAttrs& a = op.attrs<PoolAttrs>();
  const Shape& out = op.out(0)->shape;
  return {.macs = out.elements() * a.filter_height * a.filter_width,
          .bytes = (op.in(0)->shape.elements() + out.elements()) * BitsOf(op.in(0)->dtype) / 8};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareAverage}};

Status FromKeras(ImportContext& c) { return PoolFromKeras(c, "average_pool_2d"); }
Status FromKerasAdaptive(ImportContext& c) { return AdaptivePoolFromKeras(c, "average_pool_2d"); }
Status FromKeras3D(ImportContext& c) { return Pool3DFromKeras(c, "average_pool_2d"); }

constexpr ImportRule kRules[] = {{Source::kKeras, "AveragePooling1D", 0, FromKeras},
                                 {Source::kKeras, "AveragePooling2D", 0, FromKeras},
                                 {Source::kKeras, "AveragePooling3D", 0, FromKeras3D},
                                 {Source::kKeras, "AdaptiveAveragePooling1D", 0, FromKerasAdaptive},
                                 {Source::kKeras, "AdaptiveAveragePooling2D", 0, FromKerasAdaptive},
                                 {Source::kKeras, "AdaptiveAveragePooling3D", 0, FromKerasAdaptive}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "average_pool_2d",
    .code = BuiltinCode::kAveragePool2d,
    .attrs = Layout<PoolAttrs>(OptionsTable::kPool2D, kPoolRows),
    .inputs = kPoolInputs,
    .outputs = kPoolOutputs,
    .types = kTypes,
    .quantization = kPoolQuant,
    .traits = kHomogeneous | kKeepsChannels,
    .check = CheckPool,
    .infer = InferPool,
    .cost = CostOfPool,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::average_pool_2d
