// SPDX-License-Identifier: Apache-2.0
// Fast 8-bit products: what conv_2d, depthwise_conv_2d and fully_connected run on. Inputs are copied once,
// block by block, into the form that the processor multiplies; windows are then read in place.
#pragma once
#include "kernels/int8.h"
#include "ops/conv_util.h"

namespace octet::ops {

using kernels::CeilDivide;

// What a channel's sums need besides its weights.
struct ChannelS8 {
  int32_t bias = 0;    // The file's, less the zero points' share.
  kernels::SumRange sums{};  // Bias included.
  int64_t largest() const { return std::max(-sums.low, sums.high); }
};
// Sum of |weights|: `count` values at distance `step`.
int64_t Magnitude(const int8_t* weights, int64_t count, int64_t step = 1);
int64_t SumOf(const int8_t* weights, int64_t count);
// The weights of channels: `count` values at distance `step`, or in one piece; the next channel's are `next` away, or interleaved.
struct ChannelWeights {
  const int8_t* first;
  int64_t next, count, step;  // One of next and step is 1; both are where a channel has one value, or where there is one channel.
};
// bias: of each channel, or null; offset: of the loaded form (kernels::Int8).
std::vector<ChannelS8> SumChannels(const ChannelWeights& weights, int64_t channels, const int32_t* bias, int32_t input_zero, int32_t offset);

// One multiplier's Floored::kSigned, in element 0, for sums within `sums`. False where there is none.
bool FloorOf(const Multiplier& m, int32_t zero, Clamp32 clamp, kernels::SumRange sums, kernels::FlooredPanel* to);

// Constants for columns that show channel[i] (or none: -1). uses: sums of a column in one inference. scale: F64 rounding instead of
// DOUBLE; multipliers are not read then. only: the one form of floors that is wanted, if they are.
kernels::Requant MakeRequantS8(Prepare& prepare, const IntegerOutput& output, std::span<const ChannelS8> channels, std::span<const int32_t> channel,
                               int64_t uses, const double* scale, kernels::Floored only = kernels::Floored::kNone);

// Rows [start, start + rows) of one image in the loaded form, `pixels` wide from column -pad_w; zero points where
// there is no image.
void LoadPadded(const kernels::Int8& k, const ConvGeometry& g, int32_t zero, const int8_t* image, int64_t start, int64_t rows, int64_t pixels, std::byte* to);

// Products over packed weights. Weights are constant input 1.
struct ProductShape {
  ConvGeometry g;
  bool contiguous = false;   // Rows are x + row * depth: no window.
  bool channels_last = false;// Weights are [depth, columns] in memory instead of [columns, depth].
  int64_t rows = 0, depth = 0;
  int32_t columns = 0;
  int32_t groups = 1;        // Of channels, in and out; depth is that of one.
};
// The window's copy must fit a sane amount of memory; hostile dilations do not.
bool FitsProductS8(const ConvGeometry& g);
Status PrepareProductS8(Prepare& prepare, const ProductShape& shape, const IntegerOutput& output, const double* scale, const int32_t* bias);

// 3x3 windows by Winograd's method, where this processor gains by it and every sum of the constant weights
// (input 1) is small enough to be exact.
bool TakesWinogradS8(const ConvGeometry& g, const int8_t* weights);
Status PrepareWinogradS8(Prepare& prepare, const ConvGeometry& g, const IntegerOutput& output, const int32_t* bias);

// Depthwise with one output channel per input channel. Weights [1, h, w, channels] are constant input 1.
bool FitsDepthwiseS8(const ConvGeometry& g);
Status PrepareDepthwiseS8(Prepare& prepare, const ConvGeometry& g, const IntegerOutput& output, const int32_t* bias);

// A window of one column over an image of one column is one of one row over one row: the same memory, and
// kernels work along rows.
inline ConvGeometry AlongRows(const ConvGeometry& g) {
  if (g.in_w != 1 || g.filter_w != 1 || g.out_w != 1 || g.pad_w != 0) return g;
  return {g.batch, 1, g.in_h, g.in_c, 1, g.out_h, g.out_c, 1, g.filter_h, 1, g.stride_h, 1, g.dilation_h, 0, g.pad_h};
}

// How many tasks pay: each should have this many multiply-adds, and more than kTasks share no better. One thread shares nothing: what
// several tasks would do over again is done once. (Integers are the same bits however they are cut.)
inline constexpr int64_t kTaskMacs = 1 << 17, kTasks = 8;
inline int64_t WantedTasks(int64_t macs, int threads) { return threads == 1 ? 1 : std::clamp<int64_t>(macs / kTaskMacs, 1, kTasks); }

}  // namespace octet::ops
