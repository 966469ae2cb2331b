// SPDX-License-Identifier: Apache-2.0
// Sums and maxima of windows and of rows. A part of elementwise_body.h.

// What vectors of a window come to: the sum of floats, the maximum of floats, where what is no number does not count, that of bytes,
// and of fewer bytes.
struct SumOfFloats : Lanes {
  using V = F;
  static V Join(V all, V v) { return Lanes::Add(all, v); }
  static float JoinOne(float all, float v) { return all + v; }
};
struct MaxOfFloats : Lanes {
  using V = F;
  static V Join(V most, V v) { return Lanes::Max(v, most); }
  static float JoinOne(float most, float v) { return most < v ? v : most; }
};
struct MaxOfBytes : Bytes {
  static V Join(V most, V v) { return Bytes::Max(most, v); }
};
struct MaxOfFewBytes {
  using V = I;
  static constexpr int kCount = Lanes::kCount;
  static V Load(const int8_t* p) { return Lanes::LoadS8(p); }
  static void Store(int8_t* p, V v) { Lanes::StoreS8(p, v); }
  static V Join(V most, V v) { return Lanes::MaxI(most, v); }
};

// As many columns as there are whole groups of kAcross vectors from `i` on; answers where it ends.
template <class Of, int kAcross, class T> inline int64_t JoinColumns(const T* x, const CellWindow& w, int64_t i, int64_t n, T* y) {
  for (; i + kAcross * Of::kCount <= n; i += kAcross * Of::kCount) {
    typename Of::V all[kAcross];
    for (int v = 0; v < kAcross; ++v) all[v] = Of::Load(y + i + v * Of::kCount);
    const T* row = x + i;
    for (int64_t r = 0; r < w.rows; ++r, row += w.pitch) {
      const T* cell = row;
      for (int64_t k = 0; k < w.cells; ++k, cell += w.step)
        for (int v = 0; v < kAcross; ++v) all[v] = Of::Join(all[v], Of::Load(cell + v * Of::kCount));
    }
    for (int v = 0; v < kAcross; ++v) Of::Store(y + i + v * Of::kCount, all[v]);
  }
  return i;
}
template <class Of> void WindowsF32(const float* x, const CellWindow& w, int64_t apart, int64_t windows, int64_t n, float* y) {
  for (; windows > 0; --windows, x += apart, y += n) {
    int64_t i = kLanes > 1 ? JoinColumns<Of, 4>(x, w, 0, n, y) : 0;
    for (i = JoinColumns<Of, 1>(x, w, i, n, y); i < n; ++i)
      for (int64_t r = 0; r < w.rows; ++r)
        for (int64_t k = 0; k < w.cells; ++k) y[i] = Of::JoinOne(y[i], x[r * w.pitch + k * w.step + i]);
  }
}
void MaxWindowsS8(const int8_t* x, const CellWindow& given, int64_t apart, int64_t windows, int64_t n, int8_t* y) {
  const CellWindow w = given;  // A copy: stores of bytes may not touch it.
  for (; windows > 0; --windows, x += apart, y += n) {
    int64_t i = Bytes::kCount > kLanes ? JoinColumns<MaxOfBytes, 1>(x, w, 0, n, y) : 0;
    for (i = JoinColumns<MaxOfFewBytes, 1>(x, w, i, n, y); i < n; ++i)
      for (int64_t r = 0; r < w.rows; ++r)
        for (int64_t k = 0; k < w.cells; ++k) y[i] = y[i] < x[r * w.pitch + k * w.step + i] ? x[r * w.pitch + k * w.step + i] : y[i];
  }
}

template <class Of, class T> void MaxOfRows(const T* x, int64_t rows, int64_t n, T* y) {
  for (int64_t r = 0; r < rows; ++r, x += n) {
    T most = y[r];
    int64_t i = 0;
    if (n >= Of::kCount) {
      typename Of::V m = Of::Set(most);
      for (; i + Of::kCount <= n; i += Of::kCount) m = Of::Join(m, Of::Load(x + i));
      most = Of::Greatest(m);
    }
    for (; i < n; ++i) most = most < x[i] ? x[i] : most;
    y[r] = most;
  }
}
