// SPDX-License-Identifier: Apache-2.0
// AveragePool2D: out = mean of the window's cells that lie inside the image, then the activation.
// Integers: (sum ± n/2) / n, to nearest, ties away from zero.
#include "kernels/elementwise.h"
#include "ops/pool_run_util.h"

namespace octet::ops::average_pool_2d {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8"}, {"T=i8", 2}, {"T=i16", 3}};

template <class T> struct Average {
  using In = T;
  using Sum = std::conditional_t<std::is_same_v<T, float>, float, int32_t>;
  static constexpr Sum kEmpty = 0;
  static Sum Add(Sum sum, T cell) { return sum + static_cast<Sum>(cell); }
  static Sum Combine(Sum a, Sum b) { return a + b; }
  static void Windows(const T* x, const kernels::CellWindow& window, int64_t apart, int64_t windows, int64_t n, T* y)
    requires std::is_same_v<T, float>
  {
    kernels::Vectors().sum_windows_f32(x, window, apart, windows, n, y);
  }

  static void Finish(const PoolPlan& p, int32_t n, int64_t count, float* out) {
    const auto cells = static_cast<float>(n);
    kernels::Vectors().binary_f32[static_cast<int>(kernels::Binary::kDivide)](out, 1, &cells, 0, count, p.clamp_f32.low, p.clamp_f32.high, out);
  }
  // (|sum| + n/2) / n with the sign of sum. For 8 bits in float: the quotient is below 2^8 and its distance
  // to the next integer at least 1/2n, far above the rounding error, so that truncation gives the quotient.
  static void Store(const PoolPlan& p, const int32_t* sum, int32_t n, int64_t count, T* __restrict out) {
    const Clamp32 clamp = p.clamp;
    const float inverse = 1.0f / static_cast<float>(n);
    const bool exact = sizeof(T) == 1 && n <= 4096;
    for (int64_t c = 0; c < count && exact; ++c) {
      const int32_t magnitude = (sum[c] > 0 ? sum[c] : -sum[c]) + n / 2;
      const auto mean = static_cast<int32_t>((static_cast<float>(magnitude) + 0.5f) * inverse);
      out[c] = static_cast<T>(std::clamp(sum[c] > 0 ? mean : -mean, clamp.low, clamp.high));
    }
    for (int64_t c = 0; c < count && !exact; ++c)
      out[c] = static_cast<T>(std::clamp((sum[c] > 0 ? sum[c] + n / 2 : sum[c] - n / 2) / n, clamp.low, clamp.high));
  }
};

// LiteRT's kernels, too, add up in 32 bits, and overflow without a word: a quantized model gets its float form there.
Status CheckAverage(const OpView& op) {
  OCTET_TRY(CheckPool(op));
  const DType type = op.in(0)->dtype;
  if (type == DType::kF32) return {};
  const PoolAttrs& a = op.attrs<PoolAttrs>();
  const Shape& in = op.in(0)->shape;
  const auto within = [](int32_t filter, int32_t size) { return int64_t{size == kUnknown ? filter : std::min(filter, size)}; };
  const int64_t cells = within(a.filter_height, in[1]) * within(a.filter_width, in[2]);
  const int64_t largest = type == DType::kU8 ? 255 : type == DType::kI8 ? 128 : 32768, most = std::numeric_limits<int32_t>::max() / largest;
  if (cells > most)
    return op.Fail(Code::kUnsupported, "sums over windows of more than %lld cells do not fit 32 bits, found %dx%d: pool in two steps, or in float",
                   static_cast<long long>(most), a.filter_height, a.filter_width);
  return {};
}

Status PrepareAverage(Prepare& p) {
  switch (p.op.in(0)->dtype) {
    case DType::kF32:
      PreparePool<Average<float>>(p);
      break;
    case DType::kU8:
      PreparePool<Average<uint8_t>>(p);
      break;
    case DType::kI8:
      PreparePool<Average<int8_t>>(p);
      break;
    default:
      PreparePool<Average<int16_t>>(p);
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
    .check = CheckAverage,
    .infer = InferPool,
    .cost = CostOfPool,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::average_pool_2d
