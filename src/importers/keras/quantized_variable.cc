// SPDX-License-Identifier: Apache-2.0
// What model.quantize(...) leaves of a layer's weights: whole numbers and, in later variables, what they stand for. A scale belongs to each slice along
// the axes that the product keeps: the last ones of a kernel, the first one of a table. Finer ones (int4, GPTQ, AWQ) belong to groups along the other axis,
// with the number that stands for zero, and say of each place to which group it belongs. Four bits lie two to a byte, and kernels of several axes
// lie there as matrices.
#include <algorithm>
#include <cmath>

#include "importers/keras/builder.h"

namespace octet::importers::keras {
namespace {

// Which axes of a kernel the product keeps, in their order.
enum class Kept : uint8_t { kLast, kFirst, kOthers };

// Layers that hold projections have no equation: theirs keep the last ones.
Kept KeptBy(const std::string& equation) {
  const size_t comma = equation.find(','), arrow = equation.find("->");
  if (comma == std::string::npos || arrow == std::string::npos || arrow < comma) return equation.empty() ? Kept::kLast : Kept::kOthers;
  const std::string kernel = equation.substr(comma + 1, arrow - comma - 1), out = equation.substr(arrow + 2);
  std::string kept, in_order;
  for (const char l : out)
    if (l != '.' && kernel.find(l) != std::string::npos) kept += l;
  for (const char l : kernel)
    if (out.find(l) != std::string::npos) in_order += l;
  if (kept != in_order) return Kept::kOthers;
  return kernel.ends_with(kept) ? Kept::kLast : kernel.starts_with(kept) ? Kept::kFirst : Kept::kOthers;
}

// Whether the first or the last axes have so many elements.
bool HasAxes(const Shape& s, Kept kept, int64_t elements) {
  for (int i = 1; i < s.rank(); ++i)
    if ((kept == Kept::kFirst ? s.elements(0, i) : s.elements(i, s.rank())) == elements) return true;
  return false;
}

// A matrix of whole numbers, and what they stand for: q / scale where there are no groups, (q - zero) * scale where there are.
struct Whole {
  int64_t rows = 0, columns = 0;
  std::vector<float> numbers, scale, zero, group;
  bool groups_of_columns = false;  // scale [rows, groups]; else [groups, columns].

  int64_t Slices() const { return groups_of_columns ? rows : columns; }
  int64_t Groups() const { return static_cast<int64_t>(scale.size()) / std::max<int64_t>(Slices(), 1); }
  bool Fits() const {
    const int64_t along = groups_of_columns ? columns : rows;
    const bool whole = static_cast<int64_t>(numbers.size()) == rows * columns && Groups() * Slices() == static_cast<int64_t>(scale.size());
    if (rows < 1 || columns < 1 || !whole) return false;
    if (group.empty()) return Groups() == 1 && zero.empty();
    const auto known = [n = static_cast<float>(Groups())](float g) { return g >= 0 && g < n && std::floor(g) == g; };
    return zero.size() == scale.size() && static_cast<int64_t>(group.size()) == along && std::ranges::all_of(group, known);
  }
  size_t Place(int64_t row, int64_t column) const {
    const auto g = group.empty() ? 0 : static_cast<int64_t>(group[static_cast<size_t>(groups_of_columns ? column : row)]);
    return static_cast<size_t>(groups_of_columns ? row * Groups() + g : g * columns + column);
  }
  std::vector<float> Floats() const {
    std::vector<float> floats;
    floats.reserve(numbers.size());
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t k = 0; k < columns; ++k) {
        const size_t at = Place(r, k);
        const float q = numbers[static_cast<size_t>(r * columns + k)];
        floats.push_back(group.empty() ? q / scale[at] : (q - zero[at]) * scale[at]);
      }
    return floats;
  }
};

std::vector<float> NumbersOf(const Hdf5Array& a) {
  std::vector<float> out;
  out.reserve(a.bytes.size());
  for (const std::byte b : a.bytes) out.push_back(static_cast<float>(a.dtype == DType::kI8 ? static_cast<int8_t>(b) : static_cast<int>(b)));
  return out;
}

// Numbers of four bits along an axis, of which there are `n`: the low half of a byte comes first, and the last one may be alone.
std::vector<float> Unpacked(const Hdf5Array& a, int axis, int64_t n) {
  const int64_t inner = a.shape.elements(axis + 1, a.shape.rank()), bytes = a.shape[axis], outer = a.shape.elements(0, axis);
  std::vector<float> out;
  out.reserve(static_cast<size_t>(outer * n * inner));
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < n; ++i)
      for (int64_t k = 0; k < inner; ++k) {
        const auto byte = static_cast<int>(a.bytes[static_cast<size_t>((o * bytes + i / 2) * inner + k)]);
        const int half = i % 2 == 0 ? byte & 15 : byte >> 4;
        out.push_back(static_cast<float>(a.dtype == DType::kI8 && half > 7 ? half - 16 : half));
      }
  return out;
}

// Floats, and the shape that they lie in; none where the layer's variables are nothing that quantize() leaves.
struct Stands {
  Shape shape;
  std::vector<float> floats;
};

// The variables of a layer from one of whole numbers on. What they are is told by the layer, their types and how many there are.
class Reader {
 public:
  Reader(Weights& weights, const std::vector<std::string>& own, size_t at, const LayerContext& c)
      : weights_(weights), own_(own), at_(at), c_(c), config_(*c.layer().config), mode_(config_["dtype"]["config"]["mode"].text()),
        table_(c.layer().class_name.ends_with("Embedding")) {}

  Result<Stands> Read() {
    OCTET_ASSIGN(const Hdf5Array stored, weights_.Read(own_[at_]));
    if (table_ && stored.dtype == DType::kI8) return ReadTable(stored);
    return stored.dtype == DType::kI8 ? ReadKernel(stored) : ReadCalibrated(stored);
  }

 private:
  bool Is(std::string_view mode) const { return mode_.starts_with(mode); }

  // How long the first axis of a kernel is, as far as x tells: its last axis is that of a dense layer, or an equation says which one.
  int64_t FirstAxis() const {
    const std::string& equation = config_["equation"].text();
    const Shape x = c_.shape(c_.Input(0));
    const size_t comma = equation.find(','), axis = comma + 1 < equation.size() ? equation.find(equation[comma + 1]) : comma;
    if (x.rank() == 0) return 0;
    if (equation.empty()) return x.back();
    return axis < comma && comma == static_cast<size_t>(x.rank()) ? x[static_cast<int>(axis)] : 0;
  }

  // A kernel, perhaps a bias, the scale; where there are groups, what stands for zero, and the groups.
  Result<Stands> ReadKernel(const Hdf5Array& stored) {
    const size_t left = own_.size() - at_;
    if (left < 2 || left > 5) return Stands{};
    const bool grouped = left > 3;
    Whole w;
    Shape scale;
    OCTET_TRY(ReadFloats(own_.size() - (grouped ? 3 : 1), &w.scale, &scale));
    w.columns = grouped && scale.rank() == 2 ? scale[1] : scale.elements();
    if (grouped) OCTET_TRY(ReadGroups(own_.size() - 2, own_.size() - 1, &w));
    if (w.columns < 1) return Stands{};
    const Shape& s = stored.shape;
    if (const int64_t n = FirstAxis(); !grouped && Is("int4") && s.rank() > 1 && s[0] < n && s[0] == (n + 1) / 2 && HasAxes(s, Kept::kLast, w.columns)) {
      Shape whole = s;  // Keras 3.12 packs the first axis.
      whole[0] = static_cast<int32_t>(n);
      w.rows = whole.elements() / w.columns;
      w.numbers = Unpacked(stored, 0, n);
      return Finished(w, whole);
    }
    if (grouped || Is("int4") || (mode_.empty() && s.rank() == 2 && s[1] != w.columns)) {
      if (s.rank() != 2 || s[1] != (w.columns + 1) / 2) return Stands{};
      w.rows = s[0];
      w.numbers = Unpacked(stored, 1, w.columns);
      return Finished(w, Matrix(w.rows, w.columns));
    }
    const Kept kept = KeptBy(config_["equation"].text());
    if (kept == Kept::kOthers || !HasAxes(s, kept, w.columns)) return Stands{};
    w.rows = s.elements() / w.columns;
    w.groups_of_columns = kept == Kept::kFirst;
    if (w.groups_of_columns) std::swap(w.rows, w.columns);
    w.numbers = NumbersOf(stored);
    return Finished(w, s);
  }

  // A table and the scale of its rows or of groups of its columns. Behind them is another table of those that are read backwards, as they are read there:
  // its columns have a scale, or groups of its rows, which are the first table's.
  Result<Stands> ReadTable(const Hdf5Array& stored) {
    const bool backwards = at_ > 0;
    const int axis = backwards ? 0 : 1;
    const Shape& s = stored.shape;
    if (s.rank() != 2 || at_ + 1 >= own_.size()) return Stands{};
    Whole w;
    w.groups_of_columns = !backwards;
    Shape scale;
    OCTET_TRY(ReadFloats(at_ + 1, &w.scale, &scale));
    const bool grouped = scale.rank() == 2;
    if (grouped) OCTET_TRY(ReadGroups(at_ + 2, 3, &w));
    const int64_t width = config_["output_dim"].integer();
    const bool packed = grouped || Is("int4") || (mode_.empty() && s[axis] != width);
    if (width < 1 || width > INT32_MAX || s[axis] != (packed ? (width + 1) / 2 : width)) return Stands{};
    w.rows = backwards ? width : s[0];
    w.columns = backwards ? s[1] : width;
    w.numbers = packed ? Unpacked(stored, axis, width) : NumbersOf(stored);
    return Finished(w, Matrix(w.rows, w.columns));
  }

  // GPTQ and AWQ: a transposed matrix, perhaps a bias, the scale, what stands for zero in bytes (Keras 3.15 forgets to save it), AWQ's factors of its columns,
  // the groups of those.
  Result<Stands> ReadCalibrated(const Hdf5Array& stored) {
    const Shape& s = stored.shape;
    size_t zero = at_ + 1;
    for (DType type = DType::kNone; type != DType::kU8;) {
      if (++zero + 1 >= own_.size() || zero > at_ + 3) return Stands{};
      OCTET_ASSIGN(const Hdf5Array a, weights_.Read(own_[zero]));
      type = a.dtype;
    }
    const bool weighted = own_.size() - zero > 2;
    Whole w;
    w.groups_of_columns = true;
    Shape scale;
    OCTET_TRY(ReadFloats(zero - 1, &w.scale, &scale));
    OCTET_TRY(ReadGroups(zero, own_.size() - 1, &w));
    if (s.rank() != 2 || scale.rank() != 2) return Stands{};
    w.rows = scale[0];
    w.columns = s[1];
    const bool packed = weighted || Is("gptq/4") || (mode_.empty() && s[0] != w.rows);
    if (s[0] != (packed ? (w.rows + 1) / 2 : w.rows)) return Stands{};
    w.numbers = packed ? Unpacked(stored, 0, w.rows) : NumbersOf(stored);
    std::vector<float> factors(static_cast<size_t>(w.columns), 1.0f);
    if (weighted) OCTET_TRY(ReadFloats(zero + 1, &factors, &scale));
    OCTET_ASSIGN(const Stands turned, Finished(w, Matrix(w.rows, w.columns)));
    if (turned.floats.empty() || static_cast<int64_t>(factors.size()) != w.columns) return Stands{};
    Stands y{Matrix(w.columns, w.rows), {}};
    for (int64_t k = 0; k < w.columns; ++k)
      for (int64_t r = 0; r < w.rows; ++r) y.floats.push_back(turned.floats[static_cast<size_t>(r * w.columns + k)] / factors[static_cast<size_t>(k)]);
    return y;
  }

  static Shape Matrix(int64_t rows, int64_t columns) { return {static_cast<int32_t>(rows), static_cast<int32_t>(columns)}; }
  static Result<Stands> Finished(const Whole& w, const Shape& shape) { return w.Fits() ? Stands{shape, w.Floats()} : Stands{}; }

  Status ReadFloats(size_t i, std::vector<float>* floats, Shape* shape) {
    OCTET_ASSIGN(const Hdf5Array a, weights_.Read(own_[i]));
    *floats = IsFloat(a.dtype) ? ToFloats(a) : NumbersOf(a);
    *shape = a.shape;
    return {};
  }
  Status ReadGroups(size_t zero, size_t group, Whole* w) {
    if (zero >= own_.size() || group >= own_.size()) return {};  // Does not fit, then.
    Shape shape;
    OCTET_TRY(ReadFloats(zero, &w->zero, &shape));
    return ReadFloats(group, &w->group, &shape);
  }

  Weights& weights_;
  const std::vector<std::string>& own_;
  const size_t at_;
  const LayerContext& c_;
  const Json& config_;
  const std::string& mode_;
  const bool table_;
};

}  // namespace

Result<Value> Builder::Dequantized(const std::string& dataset, const std::string& name, const LayerContext& c) {
  const size_t slash = dataset.rfind('/');
  const std::string group = dataset.substr(0, dataset.rfind('/', slash == 0 || slash == std::string::npos ? slash : slash - 1));
  OCTET_ASSIGN(const std::vector<std::string> own, weights_.Datasets({group, {}}));
  const auto at = std::ranges::find(own, dataset);
  Stands y;
  if (at != own.end()) {
    OCTET_ASSIGN(y, Reader(weights_, own, static_cast<size_t>(at - own.begin()), c).Read());
  }
  if (y.floats.empty())
    return c.Fail("'" + name + "' of floats, or as model.quantize() leaves it", Format("whole numbers among %zu variables", own.size()),
                  "convert the model as it was before quantize(), and quantize the result: octet quantize");
  const auto bad = std::ranges::find_if_not(y.floats, [](float v) { return std::isfinite(v); });
  if (bad != y.floats.end())
    return Error(Code::kInvalidModel, "%s '%s': the scales of '%s' make element %td %g; expected scales above zero; save the model again",
                 c.layer().class_name.c_str(), c.place().c_str(), name.c_str(), bad - y.floats.begin(), static_cast<double>(*bad));
  const auto bytes = std::as_bytes(std::span<const float>(y.floats));
  const Value v{graph().AddConstant(UniqueName(c.place() + "/" + name), {DType::kF32, y.shape, {}}, graph::MakeBuffer(bytes))};
  SetVariable(dataset, v);
  return v;
}

}  // namespace octet::importers::keras
