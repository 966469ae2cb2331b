// SPDX-License-Identifier: Apache-2.0
// Depthwise windows of bytes: the walk over rows of outputs, of every instruction set. Included inside an unnamed namespace that has
//   kVector, kPixelBytes       channels of a vector, bytes of one of a line
//   kLineTaps                      taps that a line holds side by side: 4 where the instruction sums four products, 2 where it sums two
//   Interleave(from, at, to)   the vectors at from[tap] + at, tap by tap, as a line has them
//   Vectors<Rescale, kCount>   outputs of kCount vectors of a line

// Where a line's taps begin; of absent ones, the last is repeated.
inline void TapsOf(const TapLine& line, const uint8_t* const* rows, const uint8_t** from) {
  for (int t = 0; t < kLineTaps; ++t) {
    const int tap = t < line.count ? t : line.count - 1;
    from[t] = line.step ? rows[line.first] + tap * line.step : rows[line.first + tap];
  }
}

void FillLine(const DepthwiseS8& p, const TapLine& line, const uint8_t* const* rows, int64_t at, int64_t repeats, uint8_t* to) {
  const uint8_t* from[kLineTaps];
  TapsOf(line, rows, from);
  if (p.pixels <= p.columns) {
    for (int64_t t = 0; t < (repeats - 1) * p.pixels + p.columns; ++t) Interleave(from, at + t * p.pixel_pitch, to + t * kPixelBytes);
    return;
  }
  for (int64_t n = 0; n < repeats; ++n)  // Pixels between two windows belong to no tap.
    for (int64_t t = n * p.pixels; t < n * p.pixels + p.columns; ++t) Interleave(from, at + t * p.pixel_pitch, to + t * kPixelBytes);
}

template <class Rescale> void RowOfLines(const DepthwiseS8& p, const uint8_t* const* rows, int8_t* y, void* lines) {
  auto* line = static_cast<uint8_t*>(lines);
  const int64_t vectors = p.vectors(kVector), pitch = p.out_pitch(), end = p.width * p.channels;
  for (int64_t phase = p.first_phase; phase < p.end_phase && phase < vectors; ++phase) {
    const int64_t repeats = (vectors - phase + p.period - 1) / p.period;
    for (int l = 0; l < p.lines; ++l) FillLine(p, p.line[l], rows, (phase - p.first_phase) * kVector, repeats, line + l * p.line_pixels * kPixelBytes);
    for (int64_t n = 0; n < repeats; n += 4) {
      const int64_t at = phase * kVector + n * pitch, left = p.blocks ? p.channels - phase * kVector : end - at;
      const uint8_t* x = line + n * p.pixels * kPixelBytes;
      switch (repeats - n) {
        case 1: Vectors<Rescale, 1>(p, phase, x, y + at, left, pitch); break;
        case 2: Vectors<Rescale, 2>(p, phase, x, y + at, left, pitch); break;
        case 3: Vectors<Rescale, 3>(p, phase, x, y + at, left, pitch); break;
        default: Vectors<Rescale, 4>(p, phase, x, y + at, left, pitch); break;
      }
    }
  }
}

template <class Rescale> void RowsByLines(const DepthwiseS8& p, const uint8_t* const* rows, int64_t count, int8_t* y, void* lines) {
  for (int64_t i = 0; i < count; ++i) RowOfLines<Rescale>(p, rows + i * p.window_rows, y + i * p.row_bytes(), lines);
}

// Pixels of at least Mover::kSize bytes, by that many at a time: the last ones overlap those before.
template <class Mover> void LoadWholePixels(const int8_t* x, int64_t n, int64_t count, int64_t stride, uint8_t* to, int64_t pitch) {
  for (; count > 0; --count, x += stride, to += pitch) {
    for (int64_t i = 0; i + Mover::kSize < n; i += Mover::kSize) Mover::Move(x + i, to + i);
    Mover::Move(x + n - Mover::kSize, to + n - Mover::kSize);
  }
}
