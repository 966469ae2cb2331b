// SPDX-License-Identifier: Apache-2.0
// Depthwise windows of three columns that stay in registers, and others by lines. Included behind depthwise_s8_body.h, inside an unnamed
// namespace that has, besides what that wants,
//   Column, Interleaved(rows, at)   a column of three rows
//   ColumnWeights(p, phase)         the weights of a vector of channels
//   PutThree<Rescale>(p, clamp, at, column, weights, y, left)

// Where the three columns of a window of at most three rows are: row t of the first window's column s is rows[row[s][t]] + offset[s].
// Of absent rows, the last is repeated.
struct ColumnsS8 {
  int32_t row[3][3];
  int64_t offset[3];
};

// Whether the window is three columns of the pixel's own lines; if so, where they are.
inline bool ColumnsOf(const DepthwiseS8& p, ColumnsS8* columns) {
  if (p.steps != 3 || p.lines > 3) return false;
  for (int s = 0; s < 3; ++s) {
    const TapLine& line = p.line[p.step[s] / p.line_pixels];
    if (line.step || line.count > 3) return false;
    for (int t = 0; t < 3; ++t) columns->row[s][t] = line.first + (t < line.count ? t : line.count - 1);
    columns->offset[s] = p.step[s] % p.line_pixels * p.pixel_pitch;
  }
  return true;
}

// A row of outputs of a vector of channels. kNew: how many of the columns the next vector does not share.
template <class Rescale, int kNew>
void ThreeColumns(const DepthwiseS8& given, const ColumnsS8& columns, const uint8_t* const* window, int64_t phase, int64_t repeats, int8_t* y) {
  const DepthwiseS8 p = given;  // Copies that y cannot alias.
  const uint8_t* rows[3][3];
  int64_t offset[3];
  for (int s = 0; s < 3; ++s) {
    offset[s] = columns.offset[s];
    for (int t = 0; t < 3; ++t) rows[s][t] = window[columns.row[s][t]];
  }
  const int64_t in_pitch = p.in_pitch(), out_pitch = p.out_pitch(), at = phase * kVector, from = at - p.first_phase * kVector;
  const ColumnWeights weights(p, phase);
  const ClampOf<Rescale> clamp(p.requant);
  Column column[3] = {Interleaved(rows[0], from + offset[0]), Interleaved(rows[1], from + offset[1]), {}};
  for (int64_t n = 0;; ++n) {
    const int64_t x = from + n * in_pitch, out = at + n * out_pitch;
    column[2] = Interleaved(rows[2], x + offset[2]);
    PutThree<Rescale>(p, clamp, at, column, weights, y + out, p.blocks ? p.channels - at : p.row_bytes() - out);
    if (n + 1 == repeats) return;
    column[0] = kNew == 1 ? column[1] : kNew == 2 ? column[2] : Interleaved(rows[0], x + in_pitch + offset[0]);
    column[1] = kNew == 1 ? column[2] : Interleaved(rows[1], x + in_pitch + offset[1]);
  }
}

template <class Rescale> void DepthwiseRows(const DepthwiseS8& p, const uint8_t* const* rows, int64_t count, int8_t* y, void* lines) {
  ColumnsS8 columns;
  if (!ColumnsOf(p, &columns)) return RowsByLines<Rescale>(p, rows, count, y, lines);
  const auto shared = [&](int a, int b) { return p.step[a] == p.step[b] + p.pixels; };  // Column a is the next vector's b.
  const auto run = shared(1, 0) && shared(2, 1) ? ThreeColumns<Rescale, 1> : shared(2, 0) ? ThreeColumns<Rescale, 2> : ThreeColumns<Rescale, 3>;
  const int64_t vectors = p.vectors(kVector);
  for (int64_t phase = p.first_phase; phase < p.end_phase && phase < vectors; ++phase)
    for (int64_t i = 0; i < count; ++i) run(p, columns, rows + i * p.window_rows, phase, (vectors - phase + p.period - 1) / p.period, y + i * p.row_bytes());
}
