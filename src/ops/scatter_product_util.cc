// SPDX-License-Identifier: Apache-2.0
#include "ops/scatter_product_util.h"

#include <numeric>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "kernels/elementwise.h"
#include "kernels/int8.h"
#include "kernels/products_f32.h"
#include "ops/hybrid_product_util.h"
#include "ops/int8_util.h"
#include "ops/matrix_util.h"
#include "ops/quant_util.h"

namespace octet::ops {
namespace {

using kernels::CeilDivide;
using kernels::kPanel;
using kernels::RoundUp;

struct Params {
  ScatterOperands o;
  int64_t taps = 0, blocks = 0;         // Taps of a slice; blocks of 16 output channels.
  const std::byte* packed = nullptr;    // [block][slice of the filter][tap], panels of 16 columns.
  int64_t slice_bytes = 0;
  const float* zeros = nullptr;         // Floats: as many as a block has columns.
  const int32_t* total = nullptr;       // Integers: [block][tap][16], of the weights.
  bool narrow_range = false;
  const float* bias = nullptr;          // Floats: of whole blocks.
  kernels::Requant requant;             // Bytes: of whole blocks.
  HybridForm form;                      // Dynamic range: every image has a form of its own,
  kernels::ToFloat to_float;            // every output channel a scale.
  int64_t forms_at = 0, scratch_at = 0; // In the workspace, behind the quantized images.
  int64_t line_at = 0, offset_at = 0, loaded_at = 0, pointers_at = 0, kernel_at = 0, scratch_bytes = 0;  // Of a thread, behind the block's sums.

  int64_t columns() const { return taps * kPanel; }
  int64_t pixels() const { return int64_t{o.g.out_h} * o.g.out_w; }
};

// Adds the products of a line of input pixels, [pixel][tap][16], to the output's sums, [pixel][16]: pixel by pixel, tap by tap.
template <class Sum> void ScatterLine(const ConvGeometry& g, int64_t line, const Sum* from, Sum* sums) {
  for (int64_t j = 0; j < g.in_w; ++j) {
    for (int64_t u = 0; u < g.filter_h; ++u) {
      const int64_t row = line * g.stride_h + u - g.pad_h;
      for (int64_t v = 0; v < g.filter_w; ++v, from += kPanel) {
        const int64_t column = j * g.stride_w + v - g.pad_w;
        if (row < 0 || row >= g.out_h || column < 0 || column >= g.out_w) continue;
        Sum* to = sums + (row * g.out_w + column) * kPanel;
        for (int64_t c = 0; c < kPanel; ++c) to[c] += from[c];
      }
    }
  }
}

// Adds the products of all lines that reach a slice of the output to `start`, one value per channel, or zeros:
// line(slice of the input, line, slice of the weights, scratch) gives a line's.
template <class Sum, class Line>
void ScatterSlice(const Params& p, int64_t slice, int64_t block, const Sum* start, const Line& line, std::byte* scratch) {
  const ScatterDepth& d = p.o.depth;
  auto* sums = reinterpret_cast<Sum*>(scratch);
  std::fill_n(sums, p.pixels() * kPanel, Sum{0});
  for (int64_t k = 0; start && k < p.pixels(); ++k) std::copy_n(start + block * kPanel, kPanel, sums + k * kPanel);
  for (int64_t t = 0; t < d.filter; ++t) {
    const int64_t from = slice % d.out + d.pad - t;  // The input's slice, times the stride.
    if (from < 0 || from % d.stride != 0 || from / d.stride >= d.in) continue;
    for (int64_t i = 0; i < p.o.g.in_h; ++i) ScatterLine<Sum>(p.o.g, i, line(slice / d.out * d.in + from / d.stride, i, block * d.filter + t, scratch), sums);
  }
}

// One task per slice of the output and block: finish(sums, image, first channel, count, to) gives the outputs of all its pixels.
template <class Sum, class Out, class Line, class Finish>
void ForEachBlock(const Params& p, const Run& run, const Sum* start, const Line& line, const Finish& finish) {
  const int64_t depth = p.o.depth.out, out_c = p.o.g.out_c;
  run.pool->For(p.o.g.batch * depth * p.blocks, [&](int64_t task, int thread) {
    const int64_t slice = task / p.blocks, block = task % p.blocks, channel = block * kPanel;
    std::byte* scratch = run.workspace + p.scratch_at + thread * p.scratch_bytes;
    ScatterSlice<Sum>(p, slice, block, start, line, scratch);
    Out* y = run.output<Out>(0) + slice * p.pixels() * out_c + channel;
    finish(reinterpret_cast<const Sum*>(scratch), slice / depth, channel, std::min<int64_t>(kPanel, out_c - channel), y);
  });
}

Status RunF32(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const ConvGeometry& g = p.o.g;
  const auto line = [&](int64_t slice, int64_t i, int64_t weights, std::byte* scratch) {
    auto* to = reinterpret_cast<float*>(scratch + p.line_at);
    const ClampF32 all;
    kernels::FloatProducts().product({.a = run.input<float>(p.o.data) + (slice * g.in_h + i) * g.in_w * g.in_c, .lda = g.in_c, .rows = g.in_w,
                                      .w = reinterpret_cast<const float*>(p.packed + weights * p.slice_bytes), .depth = g.in_c, .columns = p.columns(),
                                      .bias = p.zeros, .low = all.low, .high = all.high, .y = to, .ldy = p.columns()});
    return to;
  };
  const auto add = kernels::Vectors().binary_f32[static_cast<int>(kernels::Binary::kAdd)];
  ForEachBlock<float, float>(p, run, nullptr, line, [&](const float* sums, int64_t, int64_t channel, int64_t count, float* y) {
    for (int64_t k = 0; k < p.pixels(); ++k) add(sums + k * kPanel, 1, p.bias + channel, 1, count, p.o.clamp.low, p.o.clamp.high, y + k * g.out_c);
  });
  return {};
}

// Sums of a tile to their place in the line.
struct Line {
  int32_t* to;
  int64_t pitch, first_column;
  static void Take(void* context, const int32_t* sums, int64_t row, int rows, int64_t column, int panels) {
    const auto& line = *static_cast<const Line*>(context);
    const int64_t n = panels * kPanel;
    for (int r = 0; r < rows; ++r) std::copy_n(sums + r * n, n, line.to + (row + r) * line.pitch + column - line.first_column);
  }
};

// Bytes x, whose zero point is zero_of(image).
template <class Out, class ZeroOf, class Finish>
void ForEachBlockOfBytes(const Params& p, const Run& run, const int8_t* x, const ZeroOf& zero_of, const Finish& finish) {
  const ConvGeometry& g = p.o.g;
  const kernels::Int8& k = kernels::BestInt8();
  const auto line = [&](int64_t image, int64_t i, int64_t block, std::byte* scratch) {
    auto* offset = reinterpret_cast<int32_t*>(scratch + p.offset_at);
    const auto taken = static_cast<uint32_t>(k.offset + zero_of(image));
    for (int64_t c = 0; c < p.columns(); ++c) offset[c] = static_cast<int32_t>(-taken * static_cast<uint32_t>(p.total[block * p.columns() + c]));
    k.load(x + (image * g.in_h + i) * g.in_w * g.in_c, int64_t{g.in_w} * g.in_c, scratch + p.loaded_at);
    auto** pointers = reinterpret_cast<const void**>(scratch + p.pointers_at);
    for (int64_t j = 0; j < g.in_w; ++j) pointers[j] = scratch + p.loaded_at + j * g.in_c * k.value_bytes;
    Line to{reinterpret_cast<int32_t*>(scratch + p.line_at), p.columns(), 0};
    constexpr int64_t kStart = 0;
    kernels::ProductS8 product{.offset = &kStart, .length = g.in_c, .packed = reinterpret_cast<const int8_t*>(p.packed + block * p.slice_bytes),
                               .columns = p.columns(), .narrow_range = p.narrow_range, .take = Line::Take, .context = &to};
    product.requant.bias = offset;
    k.multiply(product, pointers, g.in_w, 0, p.taps, nullptr, scratch + p.kernel_at);
    return to.to;
  };
  ForEachBlock<int32_t, Out>(p, run, p.requant.bias, line, finish);
}

Status RunS8(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const auto zero_of = [&](int64_t) { return p.o.integer.input_zero; };
  const kernels::ProductS8 rounded{.requant = p.requant, .columns = p.o.g.out_c, .pitch = p.o.g.out_c};
  ForEachBlockOfBytes<int8_t>(p, run, run.input<int8_t>(p.o.data), zero_of, [&](const int32_t* sums, int64_t, int64_t channel, int64_t, int8_t* y) {
    kernels::BestInt8().finish(rounded, sums, p.pixels(), channel / kPanel, y - channel);
  });
  return {};
}

Status RunHybrid(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  auto* q = reinterpret_cast<int8_t*>(run.workspace);
  auto* forms = reinterpret_cast<RowForm*>(run.workspace + p.forms_at);
  QuantizeGroups(p.form, run.input<float>(p.o.data), *run.pool, q, forms);
  const auto zero_of = [&](int64_t image) { return forms[image].quant.offset; };
  ForEachBlockOfBytes<float>(p, run, q, zero_of, [&](const int32_t* sums, int64_t image, int64_t channel, int64_t count, float* y) {
    constexpr int64_t kTogether = 16;
    kernels::RowScale scales[kTogether];
    std::ranges::fill(scales, kernels::RowScale{forms[image].quant.scale, 0});
    for (int64_t k = 0; k < p.pixels(); k += kTogether) {
      const auto rows = static_cast<int>(std::min(kTogether, p.pixels() - k));
      kernels::Vectors().to_float(sums + k * kPanel, kPanel, rows, p.to_float, scales, channel, count, y + k * p.o.g.out_c, p.o.g.out_c);
    }
  });
  return {};
}

// ---------------------------------------------------------------------------------- prepare

template <class T> struct PackContext {
  const Params& p;
  const T* weights;
};
// A block's panels: tap t's (of all slices) has the weights of its channels for it.
template <class T> void Pack(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext<T>*>(context);
  const ConvGeometry& g = c.p.o.g;
  const int64_t taps = c.p.taps * c.p.o.depth.filter, panel_bytes = c.p.slice_bytes / c.p.taps;
  const int64_t filter = (c.p.o.taps_first ? 1 : taps) * g.in_c, tap = (c.p.o.taps_first ? g.out_c : 1) * int64_t{g.in_c};
  for (int64_t block = 0; block < c.p.blocks; ++block)
    for (int64_t t = 0; t < taps; ++t) {
      const T* from = c.weights + block * kPanel * filter + t * tap;
      auto* to = reinterpret_cast<T*>(packed + (block * taps + t) * panel_bytes);
      const int64_t columns = std::min<int64_t>(kPanel, g.out_c - block * kPanel);
      if constexpr (sizeof(T) == 1) PackPanelsS8(from, filter, 1, g.in_c, columns, to);
      else PackPanelsF32(from, filter, 1, g.in_c, columns, to);
    }
}

template <class T> Status PackWeights(Prepare& prepare, std::string_view format, int64_t panel_bytes, Params* p) {
  p->slice_bytes = p->taps * panel_bytes;
  const PackContext<T> context{*p, reinterpret_cast<const T*>(prepare.op.constants[p->o.weights])};
  const auto bytes = static_cast<size_t>(p->blocks * p->o.depth.filter * p->slice_bytes);
  OCTET_ASSIGN(p->packed, prepare.Pack(p->o.weights, format, static_cast<uint64_t>(p->taps), bytes, Pack<T>, &context));
  return {};
}

Params* Begin(Prepare& prepare, const ScatterOperands& operands) {
  auto* p = prepare.Params<Params>();
  p->o = operands;
  p->taps = int64_t{operands.g.filter_h} * operands.g.filter_w;
  p->blocks = CeilDivide(operands.g.out_c, kPanel);
  return p;
}

constexpr int64_t kLine = 64;

// A thread's scratch begins with the sums of a block and the products of a line.
int64_t PlaceSums(Params* p) {
  constexpr int64_t kReadBehind = 3;  // Int8::finish's rows.
  p->line_at = (p->pixels() + kReadBehind) * kPanel * 4;
  return p->line_at + p->o.g.in_w * p->columns() * 4;
}

// One value for each column of whole blocks, zeros where there are none.
const float* OfBlocks(Prepare& prepare, const Params& p, const float* values) {
  auto* padded = prepare.Array<float>(static_cast<size_t>(p.blocks * kPanel));
  if (values) std::copy_n(values, p.o.g.out_c, padded);
  return padded;
}
const float* BiasOfBlocks(Prepare& prepare, const Params& p) {
  const int bias = p.o.bias;
  return OfBlocks(prepare, p, prepare.op.has_const(bias) ? reinterpret_cast<const float*>(prepare.op.constants[bias]) : nullptr);
}

}  // namespace

bool FitsScatter(const ConvGeometry& g) {
  constexpr int32_t kFewChannels = 8;
  constexpr int64_t kMostPixels = 1 << 18;
  constexpr double kMostProducts = 1 << 20;  // Of 16 channels.
  return static_cast<double>(g.filter_h) * g.filter_w * g.in_w <= kMostProducts && (g.out_c >= kFewChannels || int64_t{g.out_h} * g.out_w <= kMostPixels);
}

Status PrepareScatterF32(Prepare& prepare, const ScatterOperands& operands) {
  Params* p = Begin(prepare, operands);
  OCTET_TRY(PackWeights<float>(prepare, operands.taps_first ? "N16F32 of taps" : "N16F32 by tap", operands.g.in_c * kPanel * 4, p));
  p->zeros = prepare.Array<float>(static_cast<size_t>(p->columns()));
  p->bias = BiasOfBlocks(prepare, *p);
  p->scratch_bytes = RoundUp(PlaceSums(p), kLine);
  prepare.Workspace(static_cast<size_t>(p->scratch_bytes * prepare.threads));
  prepare.SetRun(RunF32, p);
  return {};
}

namespace {
// All but run; what lies in front of the threads' scratch takes `before` bytes.
Result<Params*> PrepareBytes(Prepare& prepare, const ScatterOperands& operands, int64_t before) {
  const kernels::Int8& k = kernels::BestInt8();
  const ConvGeometry& g = operands.g;
  Params* p = Begin(prepare, operands);
  OCTET_TRY(PackWeights<int8_t>(prepare, "K4N16 by tap", PackedBytesS8(g.in_c, kPanel), p));
  const auto* w = reinterpret_cast<const int8_t*>(prepare.op.constants[operands.weights]);
  auto* total = prepare.Array<int32_t>(static_cast<size_t>(p->blocks * p->columns()));
  for (int64_t o = 0; o < g.out_c; ++o)
    for (int64_t t = 0; t < p->taps; ++t)
      total[o / kPanel * p->columns() + t * kPanel + o % kPanel] = kernels::Vectors().total_s8(w + (o * p->taps + t) * g.in_c, g.in_c);
  p->total = total;
  p->narrow_range = NarrowRange(prepare.op.constants[operands.weights], g.out_c * p->taps * g.in_c, g.in_w);
  p->offset_at = RoundUp(PlaceSums(p), kLine);
  p->loaded_at = p->offset_at + RoundUp(p->columns() * 4, kLine);
  p->pointers_at = p->loaded_at + RoundUp(int64_t{g.in_w} * g.in_c * k.value_bytes + kReadAhead, kLine);
  p->kernel_at = p->pointers_at + RoundUp(g.in_w * static_cast<int64_t>(sizeof(void*)), kLine);
  p->scratch_bytes = p->kernel_at + RoundUp(k.scratch_per_group * (RoundUp(g.in_c, 4) / 4), kLine);
  p->scratch_at = before;
  prepare.Workspace(static_cast<size_t>(before + p->scratch_bytes * prepare.threads));
  return p;
}

// An output has some of a channel's products, or all: none is farther from its bias than the weights' magnitudes allow.
void SetRequant(Prepare& prepare, Params* p) {
  const ConvGeometry& g = p->o.g;
  const auto* w = reinterpret_cast<const int8_t*>(prepare.op.constants[p->o.weights]);
  const auto* bias = prepare.op.has_const(p->o.bias) ? reinterpret_cast<const int32_t*>(prepare.op.constants[p->o.bias]) : nullptr;
  const int64_t farthest = std::max(127 - p->o.integer.input_zero, p->o.integer.input_zero + 128), filter = p->taps * g.in_c;
  std::vector<ChannelS8> channels(static_cast<size_t>(g.out_c));
  for (int64_t c = 0; c < g.out_c; ++c) {
    const int32_t b = bias ? bias[c] : 0;
    const int64_t most = farthest * Magnitude(w + c * filter, filter);
    channels[static_cast<size_t>(c)] = {b, {b - most, b + most}};
  }
  std::vector<int32_t> channel(static_cast<size_t>(p->blocks * kPanel), -1);
  std::iota(channel.begin(), channel.begin() + g.out_c, 0);
  p->requant = MakeRequantS8(prepare, p->o.integer, channels, channel, g.batch * p->pixels(), nullptr);
}
}  // namespace

Status PrepareScatterS8(Prepare& prepare, const ScatterOperands& operands) {
  OCTET_ASSIGN(Params* p, PrepareBytes(prepare, operands, 0));
  SetRequant(prepare, p);
  prepare.SetRun(RunS8, p);
  return {};
}

Status PrepareScatterHybrid(Prepare& prepare, const ScatterOperands& operands) {
  const ConvGeometry& g = operands.g;
  const HybridForm form{g.batch, int64_t{g.in_h} * g.in_w * g.in_c, true, false};
  const int64_t forms_at = RoundUp(g.batch * form.group_inputs, kLine);
  OCTET_ASSIGN(Params* p, PrepareBytes(prepare, operands, forms_at + RoundUp(FormBytes(form), kLine)));
  p->form = form;
  p->forms_at = forms_at;
  p->to_float = {.column_sum = prepare.Array<int32_t>(static_cast<size_t>(p->blocks * kPanel)),
                 .column_scale = OfBlocks(prepare, *p, HybridScales(prepare, operands.weights, g.out_c)),
                 .bias = BiasOfBlocks(prepare, *p),
                 .low = operands.clamp.low,
                 .high = operands.clamp.high};
  prepare.SetRun(RunHybrid, p);
  return {};
}

}  // namespace octet::ops
