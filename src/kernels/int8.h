// SPDX-License-Identifier: Apache-2.0
// 8-bit products: descriptors of the packed kernels, one per instruction set. A kernel works on whole
// blocks and cuts its register tiles itself; its answers are the same bits on every instruction set.
#pragma once
#include <cstddef>

#include "kernels/kernels.h"

namespace octet::kernels {

// Rows of 8-bit values times packed weights, to 8 bits. A row is `segments` stretches of `length` values:
// one for a contiguous row, one per filter row for a window into a padded image, which is so read in place.
// A stretch may be read up to three values further: what lies there meets weights of zero.
struct ProductS8 {
  const int64_t* offset = nullptr;  // Of each segment, in bytes of the loaded form from the row's start.
  int64_t segments = 1, length = 0;
  const int8_t* packed = nullptr;   // [panel][segment][length / 4, rounded up][16][4].
  Requant requant{};
  int64_t columns = 0, pitch = 0;   // Of y; and from a row of it to the next.
  bool narrow_range = false;        // No weight is -128: two products with 8-bit values fit 16 bits.
  // Where the sums go instead of being requantized, if anywhere: tile by tile, sums[r][panels * 16] of rows
  // [row, row + rows), with anything in columns that are not there. Of `requant`, only the bias is read then.
  void (*take)(void* context, const int32_t* sums, int64_t row, int rows, int64_t column, int panels) = nullptr;
  void* context = nullptr;

  int64_t groups() const { return RoundUp(length, 4) / 4; }  // Groups of four per segment.
  int64_t panel_bytes() const { return segments * groups() * 4 * kPanel; }
};

// A line of a depthwise window holds, for every pixel of a row, `lane_taps` taps side by side per channel:
// (step 0) the same column of rows first, first + 1 … ; or (else) what lies 0, step, 2 * step … bytes on in
// row `first`. Missing taps repeat the last row and meet weights of zero.
struct TapLine {
  int32_t first = 0, count = 1;
  int64_t step = 0;
};

// Depthwise windows over one row of output. Channels of neighbouring pixels follow each other in memory, so
// output bytes [vector * n, vector * (n + 1)) are one vector whatever the number of channels; its channels,
// and with them weights and constants, repeat after `period` vectors = `pixels` pixels.
struct DepthwiseS8 {
  int64_t channels = 0, width = 0;      // Output pixels of a row.
  int64_t pixel_pitch = 0;              // From a window's pixel to the next window's, in bytes of a loaded row: at least `channels`.
  int64_t period = 1, pixels = 1;
  int64_t first_phase = 0, end_phase = 1;  // Of the period, those whose channels the loaded rows have: first_phase's come first.
  bool blocks = false;                  // Vectors do not cross pixels: the last one of a pixel is cut off.
  const TapLine* line = nullptr;
  int32_t lines = 0, steps = 0;
  const int64_t* step = nullptr;        // For each step: line * line_pixels + column, the column of a window's taps.
  int64_t window_rows = 1;              // Loaded rows that a row of windows has, those of each phase for themselves.
  int64_t columns = 1;                  // Of a window, in pixels of a line.
  int64_t line_pixels = 0;              // Pixels of a line: (repeats - 1) * pixels + columns.
  const std::byte* weights = nullptr;   // [period][steps][vector][lane_taps].
  bool narrow_range = false;            // As in ProductS8.
  Requant requant{};                    // [period][vector], in the order of `order`.
  // Of Int8::slide, where pixel_pitch is from a column to the next:
  int64_t image_left = 0, image_columns = 0;  // Columns of padding before an image's row; columns that a row has.
  int64_t new_columns = 1;              // That the next vector of the same channels does not share: 1 or 2.
  const uint8_t* outside = nullptr;     // A vector of padding.

  int64_t in_pitch() const { return pixels * pixel_pitch; }  // From a vector to the next of its channels.
  int64_t out_pitch() const { return pixels * channels; }
  int64_t row_bytes() const { return width * channels; }  // Of output.
  int64_t vectors(int64_t vector) const { return blocks ? period * width : (width * channels + vector - 1) / vector; }
};

// 3x3 windows of stride 1 by Winograd's F(m x m, 3 x 3), m = 2 or 4: a tile of m x m outputs from (m + 2)^2
// inputs. In integers and exact: transformed operands fit 16 bits, sums are right modulo 2^32, and a scaled sum
// of less than 2^31 is divided back. The input is loaded rows of `pixels` pixels, padding and all.
struct WinogradS8 {
  int64_t channels = 0, columns = 0;   // In, a multiple of 16; and out.
  int64_t width = 0, pixels = 0;       // Of a row of output; of a row of input, at least whole tiles.
  const int16_t* packed = nullptr;     // [panel][(m + 2)^2][channels / 2][16][2], transformed: G g G^T (ops/winograd_s8_util.cc).
  Requant requant{};                   // Floored::kSigned where the instructions have floors, narrow elsewhere.

  static constexpr int64_t kMostTiles = 49;  // 28 x 28 pixels in tiles of 4 x 4.
  int64_t tiles = kMostTiles;                // Transformed at a time.
  // From one position's transformed values and sums to the next's: a cache line beyond a whole number of them, so that those of
  // a tile do not all fall into the same few lines of the first-level cache.
  int64_t position_values() const { return tiles * channels + 32; }
  static constexpr int64_t kPositionSums = (kMostTiles + 1) * kPanel;
  int64_t scratch_bytes(int64_t m, int64_t panels) const { return (m + 2) * (m + 2) * (2 * position_values() + panels * 4 * kPositionSums); }
};
inline constexpr int64_t kPositionSums = WinogradS8::kPositionSums;

struct SumRange {
  int64_t low = 0, high = 0;
};

struct Int8 {
  const char* name;

  // The left operand's form: x + offset in value_bytes bytes. The product is too large by
  // (offset + zero point) * (sum of the column's weights), which the caller takes off the bias.
  int32_t offset;
  int32_t value_bytes;
  void (*load)(const int8_t* x, int64_t n, void* to);
  // y[r * pitch + c] for the columns of panels [first, end). scratch: see scratch_per_group.
  void (*multiply)(const ProductS8&, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch);
  // The same of sums that were taken: sums[r][16] of a panel's columns, with their bias. Those of three more rows may be read.
  void (*finish)(const ProductS8&, const int32_t* sums, int64_t rows, int64_t panel, int8_t* y);
  int64_t scratch_per_group;  // Bytes for each group of four of the depth.

  // Depthwise: bytes of a vector, taps of a lane, bytes of a weight; rows are loaded as x + tap_offset by
  // load_pixels: `count` pixels of n bytes, from `stride` to `pitch` apart.
  int32_t vector, lane_taps, tap_bytes, tap_offset;
  const uint8_t* order;       // The channel of each of a vector's positions.
  void (*load_pixels)(const int8_t* x, int64_t n, int64_t count, int64_t stride, uint8_t* to, int64_t pitch);
  // `count` rows of output, one behind the other; output row i's taps are in rows[i * window_rows] and on.
  void (*depthwise)(const DepthwiseS8&, const uint8_t* const* rows, int64_t count, int8_t* y, void* lines);

  int32_t winograd_channels;  // With fewer, in or out, direct products are faster.
  int32_t winograd_panels;    // Whose sums are in the scratch at a time.
  // `rows` rows of output for panels [first, end) from loaded rows, m = 2 and 4. Null where direct products are
  // as fast. scratch: see WinogradS8::scratch_bytes.
  void (*winograd2)(const WinogradS8&, const void* loaded, int64_t rows, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch);
  void (*winograd4)(const WinogradS8&, const void* loaded, int64_t rows, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch);
  int64_t narrow_range_rows = 0;  // It reads narrow_range of products of at most so many rows: to find out takes a look at every weight.
  // One of Requant::panels, and its part of their `bias`, from the other constants; exact sums of column i lie in sums[i]. False
  // where that form is not exact. coarse: without x * fine, if that is. Null where kernels have no use for it.
  bool (*floor)(const Requant&, int64_t panel, const SumRange* sums, Floored form, bool coarse, FlooredPanel* to, int32_t* first) = nullptr;
  int64_t coarse_uses = INT64_MAX;  // Of so many sums of a column in an inference, going without x * fine is worth being found out.
  // As `depthwise`, windows of 3 x 3 or 5 x 5 that share columns with the next vector's: rows[i * window_rows + u] is row u of output row
  // i's windows as it lies in the image. Null where loaded rows are as fast.
  void (*slide)(const DepthwiseS8&, const uint8_t* const* rows, int64_t count, int8_t* y) = nullptr;
};

const Int8& BestInt8();  // For this processor; OCTET_ISA lowers it.
const Int8& BestInt8(int64_t rows);  // For products of so many rows: another offset may make many of them faster.

extern const Int8 kScalarInt8, kAvx2Int8, kAvx2RaisedInt8, kAvx512VnniInt8, kNeonInt8, kNeonDotprodInt8;

// Of all x86 tables.
bool FloorAvx2(const Requant&, int64_t panel, const SumRange* sums, Floored form, bool coarse, FlooredPanel* to, int32_t* first);
// Depthwise windows of kAvx2Int8.
inline constexpr int kAvx2Vector = 16;  // Channels.
void LoadPixelsAvx2(const int8_t* x, int64_t n, int64_t count, int64_t stride, uint8_t* to, int64_t pitch);
void DepthwiseAvx2(const DepthwiseS8&, const uint8_t* const* rows, int64_t count, int8_t* y, void* lines);
void SlideAvx2(const DepthwiseS8&, const uint8_t* const* rows, int64_t count, int8_t* y);
// kAvx2Int8 with products of bytes + 128: on AVX-VNNI, or on what tests have for it.
Int8 WithDots(const char* name, decltype(Int8::load) load, decltype(Int8::multiply) multiply);
void LoadAvxVnni(const int8_t* x, int64_t n, void* to);
void MultiplyAvxVnni(const ProductS8&, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch);
// kAvx512VnniInt8 with products on AMX, or on what tests have for it. Whole windows of 3 x 3 are faster there than Winograd's parts.
Int8 WithTiles(const char* name, decltype(Int8::multiply) multiply);
void MultiplyAmx(const ProductS8&, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch);
extern const int64_t kAmxScratchPerGroup;
// kNeonDotprodInt8 with products on ARMv8.6's matrix instructions.
void MultiplyI8mm(const ProductS8&, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch);
extern const int64_t kI8mmScratchPerGroup;

}  // namespace octet::kernels
