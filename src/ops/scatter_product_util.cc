// SPDX-License-Identifier: Apache-2.0
#include "ops/scatter_product_util.h"

#include <vector>

#include "base/thread_pool.h"
#include "kernels/elementwise.h"
#include "kernels/int8.h"
#include "kernels/products_f32.h"
#include "ops/hybrid_product_util.h"
#include "ops/matrix_util.h"
#include "ops/quant_util.h"

namespace octet::ops {
namespace {

using kernels::CeilDivide;
using kernels::kPanel;
using kernels::RoundUp;

struct Params {
  ScatterOperands o;
  int64_t taps = 0, blocks = 0;         // Blocks of 16 output channels.
  const std::byte* packed = nullptr;    // [block][tap], panels of 16 columns.
  int64_t block_bytes = 0;
  const float* zeros = nullptr;         // Floats: as many as a block has columns.
  const int32_t* total = nullptr;       // Integers: [block][tap][16], of the weights.
  bool narrow_range = false;
  HybridForm form;                      // Dynamic range: every image has a form of its own,
  const float* scale = nullptr;         // every output channel a scale.
  int64_t forms_at = 0, scratch_at = 0; // In the workspace, behind the quantized images.
  int64_t line_at = 0, offset_at = 0, loaded_at = 0, pointers_at = 0, kernel_at = 0, scratch_bytes = 0;  // Of a thread, behind the block's sums.

  int64_t columns() const { return taps * kPanel; }
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

// One task per image and block: line(image, line, block, scratch) gives its products, finish(sums of a pixel, image, first channel, count, to) its outputs.
template <class Sum, class Out, class Line, class Finish> void ForEachBlock(const Params& p, const Run& run, const Line& line, const Finish& finish) {
  const ConvGeometry& g = p.o.g;
  const int64_t pixels = int64_t{g.out_h} * g.out_w;
  std::byte* scratch = run.workspace + p.scratch_at;
  run.pool->For(g.batch * p.blocks, [&](int64_t task, int thread) {
    const int64_t image = task / p.blocks, block = task % p.blocks, channel = block * kPanel, count = std::min<int64_t>(kPanel, g.out_c - channel);
    auto* sums = reinterpret_cast<Sum*>(scratch + thread * p.scratch_bytes);
    std::fill_n(sums, pixels * kPanel, Sum{0});
    for (int64_t i = 0; i < g.in_h; ++i) ScatterLine<Sum>(g, i, line(image, i, block, scratch + thread * p.scratch_bytes), sums);
    Out* y = run.output<Out>(0) + image * pixels * g.out_c + channel;
    for (int64_t k = 0; k < pixels; ++k) finish(sums + k * kPanel, image, channel, count, y + k * g.out_c);
  });
}

Status RunF32(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const ConvGeometry& g = p.o.g;
  const float* bias = run.input<float>(p.o.bias);
  const auto line = [&](int64_t image, int64_t i, int64_t block, std::byte* scratch) {
    auto* to = reinterpret_cast<float*>(scratch + p.line_at);
    const ClampF32 all;
    kernels::FloatProducts().product({.a = run.input<float>(p.o.data) + (image * g.in_h + i) * g.in_w * g.in_c, .lda = g.in_c, .rows = g.in_w,
                                      .w = reinterpret_cast<const float*>(p.packed + block * p.block_bytes), .depth = g.in_c,
                                      .columns = p.columns(), .bias = p.zeros, .low = all.low, .high = all.high, .y = to, .ldy = p.columns()});
    return to;
  };
  ForEachBlock<float, float>(p, run, line, [&](const float* sums, int64_t, int64_t channel, int64_t count, float* y) {
    for (int64_t c = 0; c < count; ++c) y[c] = std::clamp(sums[c] + (bias ? bias[channel + c] : 0.0f), p.o.clamp.low, p.o.clamp.high);
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
    kernels::ProductS8 product{.offset = &kStart, .length = g.in_c, .packed = reinterpret_cast<const int8_t*>(p.packed + block * p.block_bytes),
                               .columns = p.columns(), .narrow_range = p.narrow_range, .take = Line::Take, .context = &to};
    product.requant.bias = offset;
    k.multiply(product, pointers, g.in_w, 0, p.taps, nullptr, scratch + p.kernel_at);
    return to.to;
  };
  ForEachBlock<int32_t, Out>(p, run, line, finish);
}

Status RunS8(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const IntegerOutput& q = p.o.integer;
  const int32_t* bias = run.input<int32_t>(p.o.bias);
  const auto zero_of = [&](int64_t) { return q.input_zero; };
  ForEachBlockOfBytes<int8_t>(p, run, run.input<int8_t>(p.o.data), zero_of, [&](const int32_t* sums, int64_t, int64_t channel, int64_t count, int8_t* y) {
    for (int64_t c = 0; c < count; ++c) {
      const auto sum = static_cast<int32_t>(static_cast<uint32_t>(sums[c]) + static_cast<uint32_t>(bias ? bias[channel + c] : 0));
      y[c] = static_cast<int8_t>(std::clamp(Requantize(sum, q.multiplier[channel + c]) + q.output_zero, q.clamp.low, q.clamp.high));
    }
  });
  return {};
}

Status RunHybrid(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float* bias = run.input<float>(p.o.bias);
  auto* q = reinterpret_cast<int8_t*>(run.workspace);
  auto* forms = reinterpret_cast<RowForm*>(run.workspace + p.forms_at);
  QuantizeGroups(p.form, run.input<float>(p.o.data), *run.pool, q, forms);
  const auto zero_of = [&](int64_t image) { return forms[image].quant.offset; };
  ForEachBlockOfBytes<float>(p, run, q, zero_of, [&](const int32_t* sums, int64_t image, int64_t channel, int64_t count, float* y) {
    for (int64_t c = 0; c < count; ++c) {
      const float value = static_cast<float>(sums[c]) * p.scale[channel + c] * forms[image].quant.scale + (bias ? bias[channel + c] : 0.0f);
      y[c] = std::clamp(value, p.o.clamp.low, p.o.clamp.high);
    }
  });
  return {};
}

// ---------------------------------------------------------------------------------- prepare

template <class T> struct PackContext {
  const Params& p;
  const T* weights;
};
// A block's panels: tap t's has the weights of its channels for it.
template <class T> void Pack(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext<T>*>(context);
  const ConvGeometry& g = c.p.o.g;
  const int64_t filter = c.p.taps * g.in_c, panel_bytes = c.p.block_bytes / c.p.taps;
  for (int64_t block = 0; block < c.p.blocks; ++block)
    for (int64_t t = 0; t < c.p.taps; ++t) {
      const T* from = c.weights + block * kPanel * filter + t * g.in_c;
      auto* to = reinterpret_cast<T*>(packed + block * c.p.block_bytes + t * panel_bytes);
      const int64_t columns = std::min<int64_t>(kPanel, g.out_c - block * kPanel);
      if constexpr (sizeof(T) == 1) PackPanelsS8(from, filter, 1, g.in_c, columns, to);
      else PackPanelsF32(from, filter, 1, g.in_c, columns, to);
    }
}

template <class T> Status PackWeights(Prepare& prepare, std::string_view format, int64_t panel_bytes, Params* p) {
  p->block_bytes = p->taps * panel_bytes;
  const PackContext<T> context{*p, reinterpret_cast<const T*>(prepare.op.constants[p->o.weights])};
  OCTET_ASSIGN(p->packed,
               prepare.Pack(p->o.weights, format, static_cast<uint64_t>(p->taps), static_cast<size_t>(p->blocks * p->block_bytes), Pack<T>, &context));
  return {};
}

Params* Begin(Prepare& prepare, const ScatterOperands& operands) {
  auto* p = prepare.Params<Params>();
  p->o = operands;
  p->taps = int64_t{operands.g.filter_h} * operands.g.filter_w;
  p->blocks = CeilDivide(operands.g.out_c, kPanel);
  return p;
}

constexpr int64_t kLine = 64, kReadAhead = 64;

// A thread's scratch begins with the sums of a block and the products of a line.
int64_t PlaceSums(Params* p) {
  const ConvGeometry& g = p->o.g;
  p->line_at = int64_t{g.out_h} * g.out_w * kPanel * 4;
  return p->line_at + g.in_w * p->columns() * 4;
}

}  // namespace

Status PrepareScatterF32(Prepare& prepare, const ScatterOperands& operands) {
  Params* p = Begin(prepare, operands);
  OCTET_TRY(PackWeights<float>(prepare, "N16F32 by tap", operands.g.in_c * kPanel * 4, p));
  p->zeros = prepare.Array<float>(static_cast<size_t>(p->columns()));
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
}  // namespace

Status PrepareScatterS8(Prepare& prepare, const ScatterOperands& operands) {
  OCTET_ASSIGN(Params* p, PrepareBytes(prepare, operands, 0));
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
  p->scale = HybridScales(prepare, operands.weights, g.out_c);
  prepare.SetRun(RunHybrid, p);
  return {};
}

}  // namespace octet::ops
