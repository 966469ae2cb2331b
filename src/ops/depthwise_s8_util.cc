// SPDX-License-Identifier: Apache-2.0
// Integer depthwise windows. A kernel call makes some output rows and passes over their input once for each vector of channels. Where it
// can read the image itself, it does. Otherwise input rows are copied with their padding into a ring, of many channels a part of them,
// just before the call, which so meets them in a first-level cache. A pixel's phase is its column modulo the stride. Where vectors cross
// pixels, the copy sorts pixels by phase, so that those of neighbouring windows lie side by side.
#include <array>
#include <cstring>
#include <numeric>
#include <span>

#include "base/thread_pool.h"
#include "kernels/elementwise.h"
#include "ops/int8_util.h"
#include "ops/matrix_util.h"

namespace octet::ops {
namespace {

using kernels::Int8;
using kernels::RoundUp;
using kernels::TapLine;

constexpr int64_t kCallBytes = 16 << 10;       // Of rows that a call is the first to want: constants of all of its rows are loaded once.
constexpr int64_t kPartBytes = 8 << 10;        // Of what two rows of a part's windows load; but a part is at least as wide as
constexpr int64_t kLineBytes = 64;             // a line of the cache, of which the next part would read the rest again.
constexpr int64_t kPlaceBytes = 64 << 10;      // Of a line's width of the rows that a call reads in place: what the line's next vectors meet again.
constexpr int64_t kEnoughRows = 4;             // Of output per task: fewer load more rows twice.
constexpr double kMostScratchBytes = 64 << 20;
constexpr int kMostTaps = 4;                   // Of a lane.
constexpr int64_t kWorthTwice = 4;             // Of so many channels, one may be made twice for reading in place: copies cost about as much.
constexpr int64_t kMostPeriod = 16;            // Larger ones reload constants too often.

// Which taps go together. `tap` counts in the filter's order; -1 is none.
struct Step {
  int32_t line = 0;
  int64_t column = 0;
  std::array<int32_t, kMostTaps> tap{-1, -1, -1, -1};
};
struct Windows {
  std::vector<TapLine> lines;  // Their steps in pixels of a phase.
  std::vector<Step> steps;
  int64_t columns = 1;
};

// A filter column as columns of phases: pixel v * dilation of a window is in phase % stride, at / stride.
struct PhaseColumn {
  int64_t phase, at;
};
PhaseColumn At(const ConvGeometry& g, int64_t v) { return {v * g.dilation_w % g.stride_w, v * g.dilation_w / g.stride_w}; }

int32_t FindLine(Windows* w, const TapLine& line) {
  for (size_t i = 0; i < w->lines.size(); ++i)
    if (w->lines[i].first == line.first && w->lines[i].count == line.count && w->lines[i].step == line.step) return static_cast<int32_t>(i);
  w->lines.push_back(line);
  return static_cast<int32_t>(w->lines.size()) - 1;
}

// Taps of `count` rows, one above the other.
void AddColumns(Windows* w, const ConvGeometry& g, int32_t row, int32_t count) {
  for (int32_t v = 0; v < g.filter_w; ++v) {
    const PhaseColumn at = At(g, v);
    Step& step = w->steps.emplace_back();
    step.line = FindLine(w, {static_cast<int32_t>(at.phase) * g.filter_h + row, count, 0});
    step.column = at.at;
    for (int32_t t = 0; t < count; ++t) step.tap[static_cast<size_t>(t)] = (row + t) * g.filter_w + v;
  }
}

// Taps of one row, side by side: those of one phase, which lie evenly apart.
void AddRow(Windows* w, const ConvGeometry& g, int32_t row, int32_t lane_taps) {
  const int32_t apart = g.stride_w / std::gcd(g.stride_w, g.dilation_w);
  const int64_t step = int64_t{apart} * g.dilation_w / g.stride_w;  // Pixels of the phase.
  for (int32_t first = 0; first < std::min(apart, g.filter_w); ++first) {
    for (int32_t v = first; v < g.filter_w; v += apart * lane_taps) {
      const PhaseColumn at = At(g, v);
      Step& taps = w->steps.emplace_back();
      taps.line = FindLine(w, {static_cast<int32_t>(at.phase) * g.filter_h + row, lane_taps, step});
      taps.column = at.at;
      for (int32_t t = 0; t < lane_taps && v + t * apart < g.filter_w; ++t) taps.tap[static_cast<size_t>(t)] = row * g.filter_w + v + t * apart;
    }
  }
}

Windows PlanWindows(const ConvGeometry& g, int32_t lane_taps, bool slides) {
  Windows w;
  for (int32_t row = 0; row < g.filter_h; row += lane_taps) {
    const int32_t count = std::min(lane_taps, g.filter_h - row);
    if (count == 1 && g.filter_w > 3 && !slides) AddRow(&w, g, row, lane_taps);  // For up to three, columns share more.
    else AddColumns(&w, g, row, count);
  }
  for (const Step& s : w.steps) w.columns = std::max(w.columns, s.column + 1);
  return w;
}

// ------------------------------------------------------------------------------------ run

struct Params {
  kernels::DepthwiseS8 row;
  ConvGeometry g;
  bool slides = false, in_place = false;      // Whether windows do (Int8::slide), and over the image itself.
  bool sorted = false;                        // Pixels of a loaded row, by phase.
  int64_t part_channels = 0, part_phases = 0, parts = 1;  // That a task loads: all channels, or whole vectors of them.
  int64_t phase_pixels = 0, phase_bytes = 0;  // A loaded row's pixels of one phase; from a phase's first pixel to the next phase's.
  int64_t row_bytes = 0;                      // A loaded row.
  int64_t rows_per_task = 0, rows_per_call = 0;
  int64_t ring_rows = 0;                      // Loaded rows that a call wants.
  const uint8_t* outside = nullptr;           // A loaded row of padding.
  int32_t outside_byte = 0;
  int64_t ring_bytes = 0, pointer_bytes = 0, scratch_bytes = 0;  // Per thread.
};

// `pixels` pixels of padding and of input row x, `channels` of each: pixel i is its column i * stride + first.
void LoadColumns(const Params& p, const Int8& k, const int8_t* x, int64_t channels, int64_t first, int64_t stride, int64_t pixels, uint8_t* to) {
  const int64_t left = std::clamp<int64_t>(CeilDivide(-first, stride), 0, pixels);
  const int64_t end = std::clamp<int64_t>(CeilDivide(p.g.in_w - first, stride), left, pixels);
  const int8_t* from = x + (left * stride + first) * p.g.in_c;
  const int64_t pitch = p.part_channels;
  std::memset(to, p.outside_byte, static_cast<size_t>(left * pitch));
  if (stride == 1 && channels == p.g.in_c) k.load_pixels(from, (end - left) * channels, 1, 0, to + left * pitch, 0);
  else k.load_pixels(from, channels, end - left, stride * p.g.in_c, to + left * pitch, pitch);
  std::memset(to + end * pitch, p.outside_byte, static_cast<size_t>((pixels - end) * pitch));
}

void LoadRow(const Params& p, const Int8& k, const int8_t* x, int64_t channels, uint8_t* to) {
  const ConvGeometry& g = p.g;
  if (!p.sorted) return LoadColumns(p, k, x, channels, -g.pad_w, 1, p.phase_pixels * g.stride_w, to);
  for (int32_t phase = 0; phase < g.stride_w; ++phase) LoadColumns(p, k, x, channels, phase - g.pad_w, g.stride_w, p.phase_pixels, to + phase * p.phase_bytes);
}

Status RunRows(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const Int8& k = kernels::BestInt8();
  const ConvGeometry& g = p.g;
  const int64_t in_row = int64_t{g.in_w} * g.in_c, out_row = int64_t{g.out_w} * g.in_c;
  const RowRange all = run.rows ? *run.rows : RowRange{0, g.out_h};
  const int64_t bands = CeilDivide(all.end - all.first, p.rows_per_task);
  run.pool->For(g.batch * bands * p.parts, [&](int64_t task, int thread) {
    const int64_t first_channel = task % p.parts * p.part_channels, channels = std::min(p.part_channels, g.in_c - first_channel);
    kernels::DepthwiseS8 part = p.row;
    part.first_phase = task % p.parts * p.part_phases, part.end_phase = std::min(part.first_phase + p.part_phases, part.period);
    std::byte* scratch = run.workspace + thread * p.scratch_bytes;
    auto* ring = reinterpret_cast<uint8_t*>(scratch);
    auto* rows = reinterpret_cast<const uint8_t**>(scratch + p.ring_bytes);
    std::byte* lines = scratch + p.ring_bytes + p.pointer_bytes;
    const int64_t b = task / p.parts / bands, top = all.first + task / p.parts % bands * p.rows_per_task,
                  count = std::min<int64_t>(p.rows_per_task, all.end - top);
    const int64_t start = top * g.stride_h - g.pad_h;
    const int8_t* image = run.input<int8_t>(0) + b * g.in_h * in_row + (p.in_place ? 0 : first_channel);
    const auto slot = [&](int64_t r) { return ring + r % p.ring_rows * p.row_bytes; };
    const auto row_of = [&](int64_t r) -> const uint8_t* {
      if (start + r < 0 || start + r >= g.in_h) return p.outside;
      return p.in_place ? reinterpret_cast<const uint8_t*>(image + (start + r) * in_row) : slot(r);
    };
    int64_t loaded = std::max<int64_t>(0, -start);
    for (int64_t first = 0; first < count; first += p.rows_per_call) {
      const int64_t end = std::min(first + p.rows_per_call, count), wanted = (end - 1) * g.stride_h + WindowHeight(g);
      if (!p.in_place)
        for (loaded = std::max(loaded, first * g.stride_h); loaded < wanted && start + loaded < g.in_h; ++loaded)
          LoadRow(p, k, image + (start + loaded) * in_row, channels, slot(loaded));
      const uint8_t** window = rows;
      for (int64_t i = first; i < end; ++i, window += p.row.window_rows)
        for (int32_t u = 0; u < g.filter_h; ++u) {
          const uint8_t* row = row_of(i * g.stride_h + int64_t{u} * g.dilation_h);
          for (int64_t at = u; at < p.row.window_rows; at += g.filter_h, row += p.phase_bytes) window[at] = row;
        }
      int8_t* y = run.output<int8_t>(0) + (b * g.out_h + top + first) * out_row;
      if (p.slides) k.slide(part, rows, end - first, y);
      else k.depthwise(part, rows, end - first, y, lines);
    }
  });
  return {};
}

// ---------------------------------------------------------------------------------- prepare

// Vectors across pixels waste nothing at the channels' end but share fewer lines; costs in instructions.
void ChooseVectors(kernels::DepthwiseS8* row, const Int8& k, const ConvGeometry& g, const Windows& w) {
  const int64_t vector = k.vector, common = std::gcd<int64_t>(g.in_c, vector), blocks = CeilDivide(g.in_c, vector);
  row->channels = g.in_c;
  row->width = g.out_w;
  row->period = g.in_c / common;
  row->pixels = vector / common;
  const double line = 12.0 * static_cast<double>(w.lines.size()), rest = 4.0 * static_cast<double>(w.steps.size()) + 45;
  const double across = line * static_cast<double>(std::min(row->pixels, w.columns)) + rest;
  const double within = (line + rest) * static_cast<double>(blocks * vector) / g.in_c;
  row->blocks = row->pixels > 1 && (row->period > kMostPeriod || within < across);
  if (row->blocks) row->period = blocks, row->pixels = 1;
}

// Windows slide over the image itself where vectors lie within a pixel, the last overlapping the one before, and little is made twice;
// over loaded rows where two pixels share a vector.
void ChooseSliding(Params* p, const Int8& k) {
  const ConvGeometry& g = p->g;
  kernels::DepthwiseS8& row = p->row;
  p->slides = p->in_place = false;
  if (!k.slide || g.filter_h != g.filter_w || (g.filter_w != 3 && g.filter_w != 5) || g.dilation_w != 1 || g.pad_w >= g.filter_w) return;
  const int64_t twice = RoundUp(g.in_c, int64_t{k.vector}) - g.in_c;  // Channels of the last vector that the one before has, too.
  p->in_place = g.stride_w <= 2 && g.in_c >= k.vector && twice * kWorthTwice <= g.in_c;
  p->slides = p->in_place || (g.stride_w == 1 && !row.blocks && row.pixels == 2);
  if (p->in_place) row.period = CeilDivide(g.in_c, int64_t{k.vector}), row.pixels = 1, row.blocks = true;
}

Windows ChooseWindows(Params* p, const Int8& k, bool may_slide) {
  const Windows by_lines = PlanWindows(p->g, k.lane_taps, false);
  ChooseVectors(&p->row, k, p->g, by_lines);
  if (may_slide) ChooseSliding(p, k);
  else p->slides = p->in_place = false;
  return p->slides ? PlanWindows(p->g, k.lane_taps, true) : by_lines;
}

// The channel that byte `i` of phase `phase` shows, or -1.
int32_t ChannelAt(const kernels::DepthwiseS8& row, const Int8& k, bool in_place, int64_t phase, int64_t i) {
  const int64_t at = phase * k.vector + k.order[i];
  if (in_place) return static_cast<int32_t>(std::min(phase * k.vector, row.channels - k.vector) + k.order[i]);
  if (row.blocks) return at < row.channels ? static_cast<int32_t>(at) : -1;
  return static_cast<int32_t>(at % row.channels);
}

struct PackContext {
  const int8_t* weights;
  const kernels::DepthwiseS8& row;
  const Windows& windows;
  const Int8& k;
  std::span<const int32_t> channel;  // Of every byte of every phase, or -1.
};

// Whether channels lie four side by side, as in whole vectors of one pixel; the runs in any order.
constexpr size_t kRun = 4;
bool InRuns(const int32_t* channel, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    if (channel[i] < 0 || (i % kRun > 0 && channel[i] != channel[i - 1] + 1)) return false;
  return bytes % kRun == 0;
}

template <class T, size_t kLaneTaps> void PackTapsAs(T* to, const PackContext& c) {
  const auto bytes = static_cast<size_t>(c.k.vector);
  const int32_t* channel = c.channel.data();
  for (int64_t phase = 0; phase < c.row.period; ++phase, channel += bytes) {
    const bool runs = InRuns(channel, bytes);
    for (const Step& step : c.windows.steps) {
      for (size_t t = 0; t < kLaneTaps; ++t) {
        if (step.tap[t] < 0) continue;  // Zero, as the memory is.
        const int8_t* w = c.weights + int64_t{step.tap[t]} * c.row.channels;
        for (size_t i = 0; i < bytes && runs; i += kRun)
          for (size_t j = 0; j < kRun; ++j) to[(i + j) * kLaneTaps + t] = w[channel[i] + static_cast<int32_t>(j)];
        for (size_t i = 0; i < bytes && !runs; ++i)
          if (channel[i] >= 0) to[i * kLaneTaps + t] = w[channel[i]];
      }
      to += bytes * kLaneTaps;
    }
  }
}

template <class T> void PackTapsOf(std::byte* packed, const PackContext& c) {
  auto* const to = reinterpret_cast<T*>(packed);
  if (c.k.lane_taps == 4) PackTapsAs<T, 4>(to, c);
  else if (c.k.lane_taps == 2) PackTapsAs<T, 2>(to, c);
  else PackTapsAs<T, 1>(to, c);
}

void PackTaps(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext*>(context);
  if (c.k.tap_bytes == 1) PackTapsOf<int8_t>(packed, c);
  else PackTapsOf<int16_t>(packed, c);
}

std::vector<int32_t> ChannelsOf(const kernels::DepthwiseS8& row, const Int8& k, bool in_place) {
  std::vector<int32_t> channel;
  channel.reserve(static_cast<size_t>(row.period * k.vector));
  for (int64_t phase = 0; phase < row.period; ++phase)
    for (int64_t i = 0; i < k.vector; ++i) channel.push_back(ChannelAt(row, k, in_place, phase, i));
  return channel;
}

void SetRequant(Prepare& prepare, Params* p, const Int8& k, const IntegerOutput& output, const int32_t* bias, std::span<const int32_t> channel) {
  const auto* w = reinterpret_cast<const int8_t*>(prepare.op.constants[1]);
  const int64_t n = p->g.in_c, taps = int64_t{p->g.filter_h} * p->g.filter_w;
  const std::vector<ChannelS8> channels = SumChannels({w, 1, taps, n}, n, bias, output.input_zero, k.tap_offset);
  p->row.requant = MakeRequantS8(prepare, output, channels, channel, int64_t{p->g.batch} * p->g.out_h * p->g.out_w, nullptr);
}

int64_t Macs(const ConvGeometry& g) { return int64_t{g.batch} * g.out_h * g.out_w * g.in_c * g.filter_h * g.filter_w; }

// The cut into parts of the channels, so that `rows` rows of `pixels` pixels take kPartBytes; in place, for threads only.
void SetParts(Prepare& prepare, Params* p, const Int8& k, int64_t pixels, int64_t rows) {
  const kernels::DepthwiseS8& row = p->row;
  p->part_phases = row.period;
  if (row.pixels == 1) {
    const int64_t line = CeilDivide(kLineBytes, int64_t{k.vector});
    const int64_t fit = p->in_place ? RoundUp(CeilDivide(row.period, WantedTasks(Macs(p->g), prepare.threads)), line)
                                    : kPartBytes / (pixels * rows * k.vector) / line * line;
    p->part_phases = std::min(row.period, std::max(line, fit));
  }
  p->parts = CeilDivide(row.period, p->part_phases);
  p->part_channels = p->parts == 1 ? p->g.in_c : p->part_phases * k.vector;
}

// How a row lies: the image's, or a loaded one.
void SetRows(Prepare& prepare, Params* p, const Int8& k, const Windows& w) {
  const ConvGeometry& g = p->g;
  kernels::DepthwiseS8& row = p->row;
  row.columns = p->slides ? g.filter_w : w.columns;
  row.line_pixels = (CeilDivide(row.vectors(k.vector), row.period) - 1) * row.pixels + w.columns;
  row.window_rows = int64_t{p->slides ? 1 : g.stride_w} * g.filter_h;
  row.new_columns = row.pixels * g.stride_w;
  row.image_left = p->in_place ? g.pad_w : 0;
  row.image_columns = p->in_place ? g.in_w : p->phase_pixels * g.stride_w;
  int64_t step = 0;
  for (const TapLine& line : w.lines) step = std::max(step, line.step);
  const int64_t pixels = std::max(p->phase_pixels, row.line_pixels), beyond = p->part_phases * k.vector + (k.lane_taps - 1) * step + k.vector;
  const int64_t loaded_bytes = RoundUp(pixels * row.pixel_pitch + beyond, 64);
  p->phase_bytes = p->sorted ? loaded_bytes : p->part_channels;
  p->row_bytes = p->in_place ? int64_t{g.in_w} * g.in_c : p->sorted ? g.stride_w * loaded_bytes : loaded_bytes;
  auto* outside = prepare.Array<uint8_t>(static_cast<size_t>(p->row_bytes));
  std::memset(outside, p->outside_byte, static_cast<size_t>(p->row_bytes));
  p->row.outside = p->outside = outside;
}

// Sizes of scratch, and the cut into bands.
void SetSizes(Prepare& prepare, Params* p, const Int8& k, const Windows& w) {
  const ConvGeometry& g = p->g;
  const int64_t bands = std::max<int64_t>(1, std::min(CeilDivide(WantedTasks(Macs(g), prepare.threads), g.batch * p->parts), g.out_h / kEnoughRows));
  p->rows_per_task = CeilDivide(g.out_h, bands);
  const int64_t rows_fit = p->in_place ? kPlaceBytes / (g.in_w * std::min<int64_t>(g.in_c, kLineBytes)) : kCallBytes / p->row_bytes;
  p->rows_per_call = std::clamp<int64_t>(rows_fit / g.stride_h, 1, p->rows_per_task);
  p->ring_rows = p->in_place ? 0 : (p->rows_per_call - 1) * g.stride_h + WindowHeight(g);
  p->ring_bytes = RoundUp(p->ring_rows * p->row_bytes, 64);
  p->pointer_bytes = RoundUp(p->rows_per_call * p->row.window_rows * 8, 64);
  const int64_t line_bytes = p->slides ? 0 : static_cast<int64_t>(w.lines.size()) * p->row.line_pixels * k.vector * 4;
  p->scratch_bytes = p->ring_bytes + p->pointer_bytes + line_bytes;
}

}  // namespace

// Bounds of what PrepareDepthwiseS8 asks for: loaded rows and lines.
bool FitsDepthwiseS8(const ConvGeometry& geometry) {
  const ConvGeometry g = AlongRows(geometry);
  const double width = (g.out_w + (g.filter_w - 1.0) * g.dilation_w + 64) * g.stride_w, height = (g.filter_h - 1.0) * g.dilation_h + 1;
  const double taps = static_cast<double>(g.filter_h) * g.filter_w;
  return width * g.in_c * height <= kMostScratchBytes && width * 256 * taps <= kMostScratchBytes && taps * g.in_c * 64 <= kMostScratchBytes;
}

Status PrepareDepthwiseS8(Prepare& prepare, const ConvGeometry& geometry, const IntegerOutput& output, const int32_t* bias) {
  const ConvGeometry g = AlongRows(geometry);
  const Int8& k = kernels::BestInt8();
  auto* p = prepare.Params<Params>();
  p->g = g;
  p->outside_byte = static_cast<uint8_t>(output.input_zero + k.tap_offset);
  Windows w;
  std::vector<int32_t> channel;
  for (const bool may_slide : {true, false}) {
    w = ChooseWindows(p, k, may_slide);
    channel = ChannelsOf(p->row, k, p->in_place);
    SetRequant(prepare, p, k, output, bias, channel);
    if (!p->slides || p->row.requant.floored != kernels::Floored::kNone) break;  // Without floors, which is rare, windows go by lines.
  }
  p->sorted = g.stride_w > 1 && !p->row.blocks && p->row.pixels > 1;
  p->phase_pixels = g.out_w + (WindowWidth(g) - 1) / g.stride_w;
  SetParts(prepare, p, k, p->phase_pixels * g.stride_w, g.stride_h + WindowHeight(g));
  p->row.pixel_pitch = p->sorted || p->slides ? g.in_c : g.stride_w * p->part_channels;
  for (TapLine& line : w.lines) line.step *= p->row.pixel_pitch;
  SetRows(prepare, p, k, w);
  SetSizes(prepare, p, k, w);
  auto* lines = prepare.Array<TapLine>(w.lines.size());
  auto* steps = prepare.Array<int64_t>(w.steps.size());
  std::ranges::copy(w.lines, lines);
  for (size_t s = 0; s < w.steps.size(); ++s) steps[s] = w.steps[s].line * p->row.line_pixels + w.steps[s].column;
  p->row.line = lines;
  p->row.lines = static_cast<int32_t>(w.lines.size());
  p->row.step = steps;
  p->row.steps = static_cast<int32_t>(w.steps.size());
  p->row.narrow_range = NarrowRange(prepare.op.constants[1], int64_t{g.filter_h} * g.filter_w * g.in_c, int64_t{g.out_h} * g.out_w);
  const PackContext context{reinterpret_cast<const int8_t*>(prepare.op.constants[1]), p->row, w, k, channel};
  const std::string form = Format("taps %d %s%s %d/%d %d/%d", k.lane_taps, p->in_place ? "place" : p->row.blocks ? "blocks" : "across",
                                  p->slides ? " slides" : "", g.filter_h, g.filter_w, g.stride_w, g.dilation_w);
  OCTET_ASSIGN(p->row.weights, prepare.Pack(1, form, static_cast<uint64_t>(g.in_c),
                                            static_cast<size_t>(p->row.period * p->row.steps * k.vector * k.lane_taps * k.tap_bytes), PackTaps, &context));
  prepare.Workspace(static_cast<size_t>(p->scratch_bytes) * static_cast<size_t>(prepare.threads));
  prepare.SetRun(RunRows, p);
  return {};
}

}  // namespace octet::ops
