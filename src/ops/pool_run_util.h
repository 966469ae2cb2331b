// SPDX-License-Identifier: Apache-2.0
// How average, max and L2 pooling go through an image. A `Kind` says what they do with its cells:
//   In, Sum                                     the types of cells and of what a window comes to
//   kEmpty, Add(sum, cell), Combine(a, b)       a window's beginning, a sum with one cell more, that of two sums: associative
//   Windows(cells, window, apart, windows, count, out)  if there is one that adds whole windows to sums that are outputs
//   Store(plan, sums, cells, count, out)        the outputs of `count` channels, of windows with so many cells inside the image;
//   or Finish(plan, cells, count, out)          where sums have the outputs' type, and are there already
// Small windows are summed cell by cell, in LiteRT's order. Where that would read every cell many times over, sums are shared.
#pragma once
#include <cstring>

#include "base/thread_pool.h"
#include "kernels/elementwise.h"
#include "ops/pool_util.h"

namespace octet::ops {

// Sums of windows along a line of `size` places with `lanes` values each, asked for in the order in which they begin: at most three
// combinations per place, whatever the window's length (van Herk; Gil and Werman). The line is cut into blocks as long as the
// window. What a window has of the block in which it begins is a sum up to that block's end, which takes the place of the
// values themselves; what it has of the next block is a sum from its beginning on, which grows with the windows. Nothing is
// subtracted: sums of floats lose no more than those of the cells one by one.
template <class Kind> class SlidingSums {
  using Sum = typename Kind::Sum;

 public:
  // `beginning` has room for `lanes` values. Both are overwritten.
  SlidingSums(Sum* line, int64_t size, int64_t lanes, int64_t window, Sum* beginning)
      : line_(line), size_(size), lanes_(lanes), window_(window), beginning_(beginning) {}

  void Window(PoolPlan::Range r, Sum* out) {
    const int64_t first = r.begin / window_, last = (r.end - 1) / window_;
    if (first == last && r.end < EndOf(first)) return Copy(Beginning(first, r.end), out);  // The image begins within it.
    MakeEnds(first);
    const Sum* ends = line_ + r.begin * lanes_;
    if (first == last) return Copy(ends, out);
    const Sum* begins = Beginning(last, r.end);
    for (int64_t c = 0; c < lanes_; ++c) out[c] = Kind::Combine(ends[c], begins[c]);
  }

 private:
  int64_t EndOf(int64_t block) const { return std::min((block + 1) * window_, size_); }
  void Copy(const Sum* from, Sum* out) const { std::memcpy(out, from, static_cast<size_t>(lanes_) * sizeof(Sum)); }
  void Add(const Sum* cell, Sum* __restrict sum) const {
    for (int64_t c = 0; c < lanes_; ++c) sum[c] = Kind::Combine(sum[c], cell[c]);
  }

  // The sum of a block's places before `end`, at least one.
  const Sum* Beginning(int64_t block, int64_t end) {
    if (begun_ < block * window_ + 1) {
      begun_ = block * window_ + 1;
      Copy(line_ + block * window_ * lanes_, beginning_);
    }
    for (; begun_ < end; ++begun_) Add(line_ + begun_ * lanes_, beginning_);
    return beginning_;
  }
  // From then on a place of the block has the sum of what is there up to the block's end.
  void MakeEnds(int64_t block) {
    if (block < ends_made_) return;
    ends_made_ = block + 1;
    for (int64_t i = EndOf(block) - 2; i >= block * window_; --i) Add(line_ + (i + 1) * lanes_, line_ + i * lanes_);
  }

  Sum* const line_;
  const int64_t size_, lanes_, window_;
  Sum* const beginning_;
  int64_t begun_ = 0, ends_made_ = 0;
};

// The sums of `n` cells to outputs.
template <class Kind, class Sum = typename Kind::Sum, class T = typename Kind::In>
void Put(const PoolPlan& p, const Sum* sums, int64_t n, int64_t count, T* out) {
  if constexpr (std::is_same_v<Sum, T>) {
    std::memcpy(out, sums, static_cast<size_t>(count) * sizeof(T));
    Kind::Finish(p, static_cast<int32_t>(n), count, out);
  } else {
    Kind::Store(p, sums, static_cast<int32_t>(n), count, out);
  }
}

// `cells` cells in a line, two at a time: sums are written half as often. Writes of bytes may alias anything, so that sizes live in locals.
template <class Kind> void AddCells(const typename Kind::In* __restrict cell, int64_t cells, int64_t pitch, int64_t count, typename Kind::Sum* __restrict sum) {
  for (; cells >= 2; cells -= 2, cell += 2 * pitch)
    for (int64_t c = 0; c < count; ++c) sum[c] = Kind::Add(Kind::Add(sum[c], cell[c]), cell[pitch + c]);
  for (; cells > 0; --cells, cell += pitch)
    for (int64_t c = 0; c < count; ++c) sum[c] = Kind::Add(sum[c], cell[c]);
}

// One output pixel, cell by cell.
template <class Kind, class T = typename Kind::In>
void PoolPixel(const PoolPlan& p, PoolPlan::Range rows, PoolPlan::Range columns, const T* image, T* out) {
  using Sum = typename Kind::Sum;
  const int64_t channels = p.channels, pitch = p.in_w * channels;
  const int64_t n = int64_t{rows.end - rows.begin} * (columns.end - columns.begin);
  const auto add_up = [&](int64_t c0, int64_t count, Sum* sum) {
    std::fill_n(sum, count, Kind::kEmpty);
    for (int32_t y = rows.begin; y < rows.end; ++y)
      AddCells<Kind>(image + y * pitch + columns.begin * channels + c0, columns.end - columns.begin, channels, count, sum);
  };
  if constexpr (std::is_same_v<Sum, T>) {
    add_up(0, channels, out);
    Kind::Finish(p, static_cast<int32_t>(n), channels, out);
  } else {
    constexpr int64_t kBlock = 64;  // Channels whose sums stay in the first cache lines.
    for (int64_t c0 = 0; c0 < channels; c0 += kBlock) {
      const int64_t count = std::min(kBlock, channels - c0);
      Sum sum[kBlock];
      add_up(c0, count, sum);
      Kind::Store(p, sum, static_cast<int32_t>(n), count, out + c0);
    }
  }
}

// A row of output pixels, by whole windows: neighbours that have as many columns at once, which all but those at the borders do.
template <class Kind, class T = typename Kind::In> void PoolRow(const PoolPlan& p, PoolPlan::Range rows, const T* image, T* out) {
  const int64_t channels = p.channels, pitch = p.in_w * channels;
  std::fill_n(out, p.out_w * channels, Kind::kEmpty);
  for (int32_t x = 0, next = 0; x < p.out_w; x = next) {
    const PoolPlan::Range columns = p.Columns(x);
    const auto goes_on = [&](PoolPlan::Range c) {
      return c.begin == columns.begin + (next - x) * p.stride_w && c.end - c.begin == columns.end - columns.begin;
    };
    do ++next;
    while (next < p.out_w && goes_on(p.Columns(next)));
    const kernels::CellWindow window{pitch, rows.end - rows.begin, channels, columns.end - columns.begin};
    Kind::Windows(image + rows.begin * pitch + columns.begin * channels, window, p.stride_w * channels, next - x, channels, out + x * channels);
    Kind::Finish(p, static_cast<int32_t>(window.rows * window.cells), (next - x) * channels, out + x * channels);
  }
}

// `block` channels of one image from c0 on: sums along each row, then of those down the columns.
template <class Kind, class T = typename Kind::In>
void SlidePool(const PoolPlan& p, const T* image, T* out, int64_t c0, int64_t block, std::byte* scratch) {
  using Sum = typename Kind::Sum;
  const int64_t out_lanes = p.out_w * block;
  Sum* line = reinterpret_cast<Sum*>(scratch);
  Sum* beginning = line + p.in_w * block;
  Sum* sums = beginning + out_lanes;
  Sum* rows = sums + out_lanes;
  for (int64_t y = 0; y < p.in_h; ++y) {
    for (int64_t x = 0; x < p.in_w; ++x) {
      const T* cell = image + (y * p.in_w + x) * p.channels + c0;
      for (int64_t c = 0; c < block; ++c) line[x * block + c] = Kind::Add(Kind::kEmpty, cell[c]);
    }
    SlidingSums<Kind> along(line, p.in_w, block, p.filter_w, beginning);
    for (int32_t x = 0; x < p.out_w; ++x) along.Window(p.Columns(x), rows + y * out_lanes + x * block);
  }
  SlidingSums<Kind> down(rows, p.in_h, out_lanes, p.filter_h, beginning);
  for (int32_t y = 0; y < p.out_h; ++y) {
    const PoolPlan::Range window = p.Rows(y);
    down.Window(window, sums);
    for (int32_t x = 0; x < p.out_w; ++x) {
      const PoolPlan::Range columns = p.Columns(x);
      const int64_t n = int64_t{window.end - window.begin} * (columns.end - columns.begin);
      Put<Kind>(p, sums + x * block, n, block, out + (int64_t{y} * p.out_w + x) * p.channels + c0);
    }
  }
}

template <class Kind> Status RunPool(const void* params, const Run& run) {
  using T = typename Kind::In;
  const auto& p = *static_cast<const PoolPlan*>(params);
  const T* in = run.input<T>(0);
  T* out = run.output<T>(0);
  const int64_t in_image = int64_t{p.in_h} * p.in_w * p.channels, out_image = int64_t{p.out_h} * p.out_w * p.channels;
  if (p.slides) {
    const int64_t blocks = (p.channels + PoolPlan::kBlock - 1) / PoolPlan::kBlock;
    run.pool->For(p.batches * blocks, [&](int64_t task, int thread) {
      const int64_t image = task / blocks, c0 = task % blocks * PoolPlan::kBlock;
      const int64_t block = std::min<int64_t>(PoolPlan::kBlock, p.channels - c0);
      SlidePool<Kind>(p, in + image * in_image, out + image * out_image, c0, block, run.workspace + thread * p.scratch_bytes);
    });
    return {};
  }
  run.pool->For(int64_t{p.batches} * p.out_h, [&](int64_t row, int) {
    const PoolPlan::Range rows = p.Rows(static_cast<int32_t>(row % p.out_h));
    if constexpr (requires { Kind::Windows(in, kernels::CellWindow{}, 0, 0, 0, out); })
      return PoolRow<Kind>(p, rows, in + row / p.out_h * in_image, out + row * p.out_w * p.channels);
    for (int32_t x = 0; x < p.out_w; ++x)
      PoolPixel<Kind>(p, rows, p.Columns(x), in + row / p.out_h * in_image, out + (row * p.out_w + x) * p.channels);
  });
  return {};
}

template <class Kind> void PreparePool(Prepare& p) { p.SetRun(RunPool<Kind>, PlanPool(p, sizeof(typename Kind::Sum))); }

}  // namespace octet::ops
