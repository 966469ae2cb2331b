// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/partial.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace octet::importers::savedmodel {
namespace {

using data::WireField;
using Inputs = std::span<const Partial* const>;
using Outputs = std::vector<std::optional<Partial>>;

template <class T> void Append(std::vector<std::byte>* to, T v) {
  const auto bytes = std::as_bytes(std::span(&v, 1));
  to->insert(to->end(), bytes.begin(), bytes.end());
}

double Narrow(DType t, double v) { return t == DType::kF64 ? v : static_cast<double>(static_cast<float>(v)); }

int64_t Wrap(DType t, int64_t v) {
  switch (t) {
    case DType::kI32: return static_cast<int32_t>(v);
    case DType::kU8: return static_cast<uint8_t>(v);
    case DType::kI8: return static_cast<int8_t>(v);
    case DType::kI16: return static_cast<int16_t>(v);
    case DType::kU16: return static_cast<uint16_t>(v);
    case DType::kU32: return static_cast<uint32_t>(v);
    case DType::kBool: return v != 0;
    default: return v;
  }
}

int64_t AttrInt(const NodeDef& node, std::string_view key, int64_t fallback) {
  WireField f;
  return node.Get(key).Find(Attribute::kInt, &f) ? f.as_int() : fallback;
}
bool AttrBool(const NodeDef& node, std::string_view key) {
  WireField f;
  return node.Get(key).Find(Attribute::kBool, &f) && f.as_bool();
}
DType AttrType(const NodeDef& node, std::string_view key, DType fallback) {
  WireField f;
  return node.Get(key).Find(Attribute::kType, &f) ? DTypeFromTf(f.as_int()) : fallback;
}

Outputs One(Partial p) {
  if (static_cast<int64_t>(p.v.size()) > kMaxPartial) return {};
  Outputs out;
  out.emplace_back(std::move(p));
  return out;
}

// ------------------------------------------------------------------------------ element-wise

Number BinaryWhole(std::string_view op, int64_t a, int64_t b) {
  int64_t r = 0;
  if (op == "AddV2" || op == "Add") return __builtin_add_overflow(a, b, &r) ? Number() : Number::Of(r);
  if (op == "Sub") return __builtin_sub_overflow(a, b, &r) ? Number() : Number::Of(r);
  if (op == "Mul") return __builtin_mul_overflow(a, b, &r) ? Number() : Number::Of(r);
  if (op == "Maximum") return Number::Of(std::max(a, b));
  if (op == "Minimum") return Number::Of(std::min(a, b));
  if (op == "Equal") return Number::Of(int64_t{a == b});
  if (op == "NotEqual") return Number::Of(int64_t{a != b});
  if (op == "Less") return Number::Of(int64_t{a < b});
  if (op == "LessEqual") return Number::Of(int64_t{a <= b});
  if (op == "Greater") return Number::Of(int64_t{a > b});
  if (op == "GreaterEqual") return Number::Of(int64_t{a >= b});
  if (op == "LogicalAnd") return Number::Of(int64_t{a && b});
  if (op == "LogicalOr") return Number::Of(int64_t{a || b});
  if (b == 0 || (b == -1 && a == INT64_MIN)) return {};
  const int64_t floor = a / b - ((a % b != 0) && ((a < 0) != (b < 0)));
  if (op == "FloorDiv") return Number::Of(floor);
  if (op == "FloorMod") return Number::Of(a - floor * b);
  if (op == "TruncateDiv" || op == "Div") return Number::Of(a / b);
  if (op == "TruncateMod" || op == "Mod") return Number::Of(a % b);
  return {};
}

Number BinaryFloat(std::string_view op, double a, double b) {
  if (op == "AddV2" || op == "Add") return Number::Of(a + b);
  if (op == "Sub") return Number::Of(a - b);
  if (op == "Mul") return Number::Of(a * b);
  if (op == "RealDiv" || op == "Div") return Number::Of(a / b);
  if (op == "Maximum") return Number::Of(std::max(a, b));
  if (op == "Minimum") return Number::Of(std::min(a, b));
  if (op == "FloorDiv") return Number::Of(std::floor(a / b));
  if (op == "FloorMod") return Number::Of(a - std::floor(a / b) * b);
  if (op == "Pow") return Number::Of(std::pow(a, b));
  if (op == "SquaredDifference") return Number::Of((a - b) * (a - b));
  if (op == "Equal") return Number::Of(int64_t{a == b});
  if (op == "NotEqual") return Number::Of(int64_t{a != b});
  if (op == "Less") return Number::Of(int64_t{a < b});
  if (op == "LessEqual") return Number::Of(int64_t{a <= b});
  if (op == "Greater") return Number::Of(int64_t{a > b});
  if (op == "GreaterEqual") return Number::Of(int64_t{a >= b});
  return {};
}

// What holds although one side is only a symbol.
Number BinarySymbolic(std::string_view op, const Number& a, const Number& b) {
  const bool sum = op == "AddV2" || op == "Add", product = op == "Mul";
  if (product && ((a.known() && a.i == 0) || (b.known() && b.i == 0))) return Number::Of(int64_t{0});
  if ((sum && b.known() && b.i == 0) || (product && b.known() && b.i == 1)) return a;
  if ((sum && a.known() && a.i == 0) || (product && a.known() && a.i == 1)) return b;
  if (op == "Sub" && b.known() && b.i == 0) return a;
  if ((op == "FloorDiv" || op == "TruncateDiv") && b.known() && b.i == 1) return a;
  if (a.kind == Number::Kind::kSymbol && a == b) {
    if (op == "Equal" || op == "LessEqual" || op == "GreaterEqual") return Number::Of(int64_t{1});
    if (op == "NotEqual" || op == "Less" || op == "Greater") return Number::Of(int64_t{0});
    if (op == "Maximum" || op == "Minimum") return a;
    if (op == "Sub") return Number::Of(int64_t{0});
  }
  // A dimension is never negative.
  if (a.kind == Number::Kind::kSymbol && b.known()) {
    if (op == "Maximum" && b.i <= 0) return a;
    if ((op == "Less" && b.i <= 0)) return Number::Of(int64_t{0});
    if (op == "GreaterEqual" && b.i <= 0) return Number::Of(int64_t{1});
    if ((op == "Equal" && b.i < 0)) return Number::Of(int64_t{0});
    if ((op == "NotEqual" && b.i < 0)) return Number::Of(int64_t{1});
  }
  if (b.kind == Number::Kind::kSymbol && a.known() && op == "Maximum" && a.i <= 0) return b;
  return {};
}

bool BroadcastShape(const Shape& a, const Shape& b, Shape* out) {
  const int rank = std::max(a.rank(), b.rank());
  for (int i = 0; i < rank; ++i) {
    const int ia = i - (rank - a.rank()), ib = i - (rank - b.rank());
    const int32_t da = ia < 0 ? 1 : a[ia], db = ib < 0 ? 1 : b[ib];
    if (da != db && da != 1 && db != 1) return false;
    out->push_back(da == 1 ? db : da);
  }
  return out->elements() <= kMaxPartial;
}

// Where element `at` of the result comes from in an operand that is stretched to it.
int64_t Stretched(const Shape& from, const Shape& to, int64_t at) {
  int64_t index = 0, step = 1;
  for (int i = to.rank() - 1; i >= 0; --i) {
    const int64_t k = at % to[i];
    at /= to[i];
    const int j = i - (to.rank() - from.rank());
    if (j < 0) continue;
    if (from[j] != 1) index += k * step;
    step *= from[j];
  }
  return index;
}

bool IsComparison(std::string_view op) {
  return op == "Equal" || op == "NotEqual" || op.starts_with("Less") || op.starts_with("Greater");
}

Outputs Binary(const NodeDef& node, const Partial& a, const Partial& b) {
  Partial out{IsComparison(node.op) ? DType::kBool : a.dtype, {}, {}};
  if (a.dtype != b.dtype || !BroadcastShape(a.shape, b.shape, &out.shape)) return {};
  for (int64_t i = 0; i < out.shape.elements(); ++i) {
    const Number x = a.v[static_cast<size_t>(Stretched(a.shape, out.shape, i))], y = b.v[static_cast<size_t>(Stretched(b.shape, out.shape, i))];
    Number r;
    if (!a.whole()) {
      if (x.known() && y.known()) r = BinaryFloat(node.op, x.f, y.f);
    } else {
      r = x.known() && y.known() ? BinaryWhole(node.op, x.i, y.i) : BinarySymbolic(node.op, x, y);
    }
    if (r.known()) r = out.whole() ? Number::Of(Wrap(out.dtype, r.i)) : Number::Of(Narrow(out.dtype, r.f));
    out.v.push_back(r);
  }
  return One(std::move(out));
}

std::optional<double> UnaryFloat(std::string_view op, double x) {
  if (op == "Neg") return -x;
  if (op == "Abs") return std::abs(x);
  if (op == "Floor") return std::floor(x);
  if (op == "Ceil") return std::ceil(x);
  if (op == "Round" || op == "Rint") return std::nearbyint(x);
  if (op == "Sqrt") return std::sqrt(x);
  if (op == "Rsqrt") return 1 / std::sqrt(x);
  if (op == "Square") return x * x;
  if (op == "Exp") return std::exp(x);
  if (op == "Log") return std::log(x);
  if (op == "Cos") return std::cos(x);
  if (op == "Sin") return std::sin(x);
  if (op == "Reciprocal" || op == "Inv") return 1 / x;
  return std::nullopt;
}

Outputs Unary(const NodeDef& node, const Partial& a) {
  Partial out = a;
  for (Number& n : out.v) {
    if (!n.known()) {
      n = {};
      continue;
    }
    if (out.whole()) {
      if (node.op == "Neg") n.i = Wrap(a.dtype, -n.i);
      else if (node.op == "Abs") n.i = std::abs(n.i);
      else if (node.op == "LogicalNot") n.i = n.i == 0;
      else if (node.op == "Square" && std::abs(n.i) < (1 << 30)) n.i = Wrap(a.dtype, n.i * n.i);
      else return {};
    } else {
      const std::optional<double> r = UnaryFloat(node.op, n.f);
      if (!r) return {};
      n.f = Narrow(a.dtype, *r);
    }
  }
  return One(std::move(out));
}

Outputs Cast(const NodeDef& node, const Partial& a) {
  Partial out{AttrType(node, "DstT", DType::kNone), a.shape, a.v};
  if (out.dtype == DType::kNone || BitsOf(out.dtype) == 0 || out.dtype == DType::kC64 || out.dtype == DType::kC128) return {};
  for (Number& n : out.v) {
    if (!n.known()) {
      if (!out.whole() || !a.whole()) n = {};
      continue;
    }
    if (out.whole()) {
      if (!a.whole() && !(std::abs(n.f) < 9e18)) n = {};
      else n = Number::Of(out.dtype == DType::kBool ? int64_t{a.whole() ? n.i != 0 : n.f != 0} : Wrap(out.dtype, a.whole() ? n.i : static_cast<int64_t>(n.f)));
    } else {
      n = Number::Of(Narrow(out.dtype, a.whole() ? static_cast<double>(n.i) : n.f));
    }
  }
  return One(std::move(out));
}

Outputs Select(const Partial& condition, const Partial& a, const Partial& b) {
  Partial out{a.dtype, {}, {}};
  Shape ab;
  if (!BroadcastShape(a.shape, b.shape, &ab) || !BroadcastShape(condition.shape, ab, &out.shape)) return {};
  for (int64_t i = 0; i < out.shape.elements(); ++i) {
    const Number c = condition.v[static_cast<size_t>(Stretched(condition.shape, out.shape, i))];
    const Number x = a.v[static_cast<size_t>(Stretched(a.shape, out.shape, i))], y = b.v[static_cast<size_t>(Stretched(b.shape, out.shape, i))];
    out.v.push_back(c.known() ? (c.i ? x : y) : x == y ? x : Number());
  }
  return One(std::move(out));
}

// ---------------------------------------------------------------------------------- moving

bool Axis(const Partial* p, int rank, int* axis) {
  if (!p || p->v.size() != 1 || !p->v[0].known()) return false;
  const int64_t a = p->v[0].i < 0 ? p->v[0].i + rank : p->v[0].i;
  if (a < 0 || a >= std::max(rank, 1)) return false;
  *axis = static_cast<int>(a);
  return true;
}

Outputs Pack(const NodeDef& node, Inputs in) {
  if (AttrInt(node, "axis", 0) != 0 || in.empty() || in[0]->shape.rank() >= kMaxRank) return {};
  Partial out{in[0]->dtype, {}, {}};
  out.shape.push_back(static_cast<int32_t>(in.size()));
  for (const int32_t d : in[0]->shape.dims()) out.shape.push_back(d);
  for (const Partial* p : in) {
    if (!(p->shape == in[0]->shape)) return {};
    out.v.insert(out.v.end(), p->v.begin(), p->v.end());
  }
  return One(std::move(out));
}

Outputs Concat(Inputs in) {
  if (in.size() < 2) return {};
  const Inputs parts = in.first(in.size() - 1);
  int axis = 0;
  const Shape& first = parts[0]->shape;
  if (first.rank() < 1 || !Axis(in.back(), first.rank(), &axis)) return {};
  Partial out{parts[0]->dtype, first, {}};
  out.shape[axis] = 0;
  for (const Partial* p : parts) {
    if (p->shape.rank() != first.rank() || p->dtype != out.dtype) return {};
    out.shape[axis] += p->shape[axis];
  }
  const int64_t outer = first.elements(0, axis), inner = first.elements(axis + 1, first.rank());
  for (int64_t o = 0; o < outer; ++o)
    for (const Partial* p : parts) {
      const int64_t n = p->shape[axis] * inner;
      if ((o + 1) * n > static_cast<int64_t>(p->v.size())) return {};
      out.v.insert(out.v.end(), p->v.begin() + o * n, p->v.begin() + (o + 1) * n);
    }
  return One(std::move(out));
}

Outputs Gather(const NodeDef& node, const Partial& a, const Partial& at, const Partial* axis_of) {
  int axis = 0;
  if (a.shape.rank() < 1 || AttrInt(node, "batch_dims", 0) != 0 || (axis_of && !Axis(axis_of, a.shape.rank(), &axis)) || axis != 0) return {};
  const int64_t inner = a.shape.elements(1, a.shape.rank());
  Partial out{a.dtype, at.shape, {}};
  for (int i = 1; i < a.shape.rank(); ++i) out.shape.push_back(a.shape[i]);
  for (const Number& n : at.v) {
    if (!n.known()) return {};
    const int64_t i = n.i < 0 ? n.i + a.shape[0] : n.i;
    if (i < 0 || i >= a.shape[0]) return {};
    out.v.insert(out.v.end(), a.v.begin() + i * inner, a.v.begin() + (i + 1) * inner);
    if (static_cast<int64_t>(out.v.size()) > kMaxPartial) return {};
  }
  return One(std::move(out));
}

// The first axis only: what shapes are cut by.
Outputs StridedSlice(const NodeDef& node, const Partial& a, const Partial& begin, const Partial& end, const Partial& strides) {
  if (a.shape.rank() < 1 || begin.v.size() != 1 || end.v.size() != 1 || strides.v.size() != 1 || !strides.v[0].known() || strides.v[0].i == 0) return {};
  if (AttrInt(node, "ellipsis_mask", 0) || AttrInt(node, "new_axis_mask", 0)) return {};
  const int64_t n = a.shape[0], step = strides.v[0].i, inner = a.shape.elements(1, a.shape.rank());
  const bool shrink = AttrInt(node, "shrink_axis_mask", 0) & 1, from_start = AttrInt(node, "begin_mask", 0) & 1, to_end = AttrInt(node, "end_mask", 0) & 1;
  const auto clamp = [&](int64_t i, int64_t low, int64_t high) { return std::clamp(i < 0 ? i + n : i, low, high); };
  if ((!from_start && !begin.v[0].known()) || (!shrink && !to_end && !end.v[0].known())) return {};
  int64_t first = from_start ? (step > 0 ? 0 : n - 1) : begin.v[0].i;
  if (shrink) {
    first = first < 0 ? first + n : first;
    if (first < 0 || first >= n) return {};
  } else if (!from_start) {
    first = step > 0 ? clamp(first, 0, n) : clamp(first, -1, n - 1);
  }
  const int64_t last = shrink ? first + 1 : to_end ? (step > 0 ? n : -1) : step > 0 ? clamp(end.v[0].i, 0, n) : clamp(end.v[0].i, -1, n - 1);
  Partial out{a.dtype, {}, {}};
  int32_t count = 0;
  for (int64_t i = first; shrink ? count == 0 : step > 0 ? i < last : i > last; i += step, ++count)
    out.v.insert(out.v.end(), a.v.begin() + i * inner, a.v.begin() + (i + 1) * inner);
  if (!shrink) out.shape.push_back(count);
  for (int i = 1; i < a.shape.rank(); ++i) out.shape.push_back(a.shape[i]);
  return One(std::move(out));
}

Outputs Slice(const Partial& a, const Partial& begin, const Partial& size) {
  if (a.shape.rank() != 1 || begin.v.size() != 1 || size.v.size() != 1 || !begin.v[0].known() || !size.v[0].known()) return {};
  const int64_t n = a.shape[0], first = begin.v[0].i, count = size.v[0].i == -1 ? n - first : size.v[0].i;
  if (first < 0 || count < 0 || first > n || count > n - first) return {};
  Partial out{a.dtype, Shape{static_cast<int32_t>(count)}, {a.v.begin() + first, a.v.begin() + first + count}};
  return One(std::move(out));
}

Outputs Reshaped(const Partial& a, const Partial& shape) {
  Partial out{a.dtype, {}, a.v};
  int64_t rest = 1;
  int stretch = -1;
  if (shape.v.size() > kMaxRank) return {};
  for (const Number& n : shape.v) {
    if (!n.known() || n.i < -1 || n.i > kMaxPartial) return {};
    if (n.i == -1) stretch = out.shape.rank();
    else rest *= n.i;
    if (rest > kMaxPartial) return {};
    out.shape.push_back(static_cast<int32_t>(n.i));
  }
  const auto count = static_cast<int64_t>(a.v.size());
  if (stretch >= 0) {
    if (rest == 0 || count % rest) return {};
    out.shape[stretch] = static_cast<int32_t>(count / rest);
  } else if (rest != count) {
    return {};
  }
  return One(std::move(out));
}

Outputs ExpandDims(const Partial& a, const Partial* axis_of) {
  int axis = 0;
  if (!Axis(axis_of, a.shape.rank() + 1, &axis) || a.shape.rank() >= kMaxRank) return {};
  Partial out{a.dtype, {}, a.v};
  for (int i = 0; i <= a.shape.rank(); ++i) {
    if (i == axis) out.shape.push_back(1);
    if (i < a.shape.rank()) out.shape.push_back(a.shape[i]);
  }
  return One(std::move(out));
}

Outputs Squeeze(const NodeDef& node, const Partial& a) {
  std::vector<int64_t> axes;
  for (const WireField& f : node.Get("squeeze_dims").List(Attribute::kInt)) axes.push_back(f.as_int() < 0 ? f.as_int() + a.shape.rank() : f.as_int());
  Partial out{a.dtype, {}, a.v};
  for (int i = 0; i < a.shape.rank(); ++i)
    if (a.shape[i] != 1 || (!axes.empty() && std::ranges::find(axes, i) == axes.end())) out.shape.push_back(a.shape[i]);
  return One(std::move(out));
}

Outputs Unpack(const Partial& a, const NodeDef& node) {
  if (AttrInt(node, "axis", 0) != 0 || a.shape.rank() < 1) return {};
  Outputs outputs;
  const int64_t inner = a.shape.elements(1, a.shape.rank());
  for (int64_t i = 0; i < a.shape[0]; ++i) {
    Partial out{a.dtype, {}, {a.v.begin() + i * inner, a.v.begin() + (i + 1) * inner}};
    for (int k = 1; k < a.shape.rank(); ++k) out.shape.push_back(a.shape[k]);
    outputs.emplace_back(std::move(out));
  }
  return outputs;
}

Outputs Transpose(const Partial& a) { return a.shape.rank() <= 1 ? One(a) : Outputs(); }

Outputs Tile(const Partial& a, const Partial& multiples) {
  if (a.shape.rank() != 1 || multiples.v.size() != 1 || !multiples.v[0].known() || multiples.v[0].i < 0) return {};
  if (multiples.v[0].i * static_cast<int64_t>(a.v.size()) > kMaxPartial) return {};
  Partial out{a.dtype, Shape{static_cast<int32_t>(multiples.v[0].i * static_cast<int64_t>(a.v.size()))}, {}};
  for (int64_t i = 0; i < multiples.v[0].i; ++i) out.v.insert(out.v.end(), a.v.begin(), a.v.end());
  return One(std::move(out));
}

// -------------------------------------------------------------------------------- making

Outputs Fill(const Partial& dims, const Partial& value) {
  Partial out{value.dtype, {}, {}};
  int64_t count = 1;
  if (dims.v.size() > kMaxRank || value.v.size() != 1) return {};
  for (const Number& n : dims.v) {
    if (!n.known() || n.i < 0 || n.i > kMaxPartial || (count *= n.i) > kMaxPartial) return {};
    out.shape.push_back(static_cast<int32_t>(n.i));
  }
  out.v.assign(static_cast<size_t>(count), value.v[0]);
  return One(std::move(out));
}

Outputs Range(const Partial& start, const Partial& limit, const Partial& delta) {
  if (start.v.size() != 1 || limit.v.size() != 1 || delta.v.size() != 1 || !start.known() || !limit.known() || !delta.known()) return {};
  Partial out{start.dtype, {}, {}};
  if (start.whole()) {
    const int64_t a = start.v[0].i, b = limit.v[0].i, d = delta.v[0].i;
    if (d == 0) return {};
    for (int64_t i = a; (d > 0 ? i < b : i > b) && static_cast<int64_t>(out.v.size()) <= kMaxPartial; i += d) out.v.push_back(Number::Of(i));
  } else {
    const double a = start.v[0].f, b = limit.v[0].f, d = delta.v[0].f;
    if (d == 0) return {};
    const double count = std::ceil((b - a) / d);
    if (!(count <= static_cast<double>(kMaxPartial))) return {};
    for (double i = 0; i < count; i += 1) out.v.push_back(Number::Of(Narrow(start.dtype, a + i * d)));
  }
  if (static_cast<int64_t>(out.v.size()) > kMaxPartial) return {};
  out.shape = Shape{static_cast<int32_t>(out.v.size())};
  return One(std::move(out));
}

Outputs Filled(const Partial& a, int64_t value) {
  Partial out = a;
  std::ranges::fill(out.v, a.whole() ? Number::Of(value) : Number::Of(static_cast<double>(value)));
  return One(std::move(out));
}

// ------------------------------------------------------------------------------- reducing

Number Combine(std::string_view op, const Partial& like, const Number& a, const Number& b) {
  const std::string_view binary = op == "Prod" ? "Mul" : op == "Sum" ? "AddV2" : op == "Max" ? "Maximum" : op == "Min" ? "Minimum" : op == "All" ? "LogicalAnd" : "LogicalOr";
  if (!like.whole()) return a.known() && b.known() ? Number::Of(Narrow(like.dtype, BinaryFloat(binary, a.f, b.f).f)) : Number();
  return a.known() && b.known() ? BinaryWhole(binary, a.i, b.i) : BinarySymbolic(binary, a, b);
}

// All axes, or the only one.
Outputs Reduce(const NodeDef& node, const Partial& a, const Partial& axes) {
  for (const Number& n : axes.v)
    if (!n.known()) return {};
  const bool all = static_cast<int>(axes.v.size()) == a.shape.rank();
  if (axes.v.empty()) return One(a);
  if (!all || a.v.empty()) {
    if (!a.v.empty() || a.shape.rank() != 1) return {};
  }
  const bool sum = node.op == "Sum" || node.op == "Any";
  if (a.v.empty() && node.op != "Prod" && !sum && node.op != "All") return {};
  Number r = !a.v.empty() ? a.v[0] : a.whole() ? Number::Of(int64_t{sum ? 0 : 1}) : Number::Of(sum ? 0.0 : 1.0);
  for (size_t i = 1; i < a.v.size(); ++i) r = Combine(node.op, a, r, a.v[i]);
  Partial out{a.dtype, {}, {r}};
  if (AttrBool(node, "keep_dims"))
    for (int i = 0; i < a.shape.rank(); ++i) out.shape.push_back(1);
  return One(std::move(out));
}

Outputs BroadcastArgs(const Partial& a, const Partial& b) {
  const auto n = std::max(a.v.size(), b.v.size());
  Partial out{a.dtype, Shape{static_cast<int32_t>(n)}, {}};
  for (size_t i = 0; i < n; ++i) {
    const Number one = Number::Of(int64_t{1});
    const Number x = i + a.v.size() < n ? one : a.v[i + a.v.size() - n], y = i + b.v.size() < n ? one : b.v[i + b.v.size() - n];
    out.v.push_back(x == one ? y : y == one || x == y ? x : x.known() ? x : y.known() ? y : Number());
  }
  return One(std::move(out));
}

template <class List> bool In(const List& list, std::string_view op) { return std::ranges::find(list, op) != std::end(list); }

constexpr std::string_view kBinary[] = {"AddV2", "Add", "Sub", "Mul", "RealDiv", "Div", "FloorDiv", "TruncateDiv", "FloorMod", "TruncateMod", "Mod", "Maximum",
                                        "Minimum", "Pow", "SquaredDifference", "Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual",
                                        "LogicalAnd", "LogicalOr"};
constexpr std::string_view kUnary[] = {"Neg", "Abs", "Floor", "Ceil", "Round", "Rint", "Sqrt", "Rsqrt", "Square", "Exp", "Log", "Cos", "Sin", "Reciprocal",
                                       "Inv", "LogicalNot"};
constexpr std::string_view kReduce[] = {"Prod", "Sum", "Max", "Min", "All", "Any"};

Outputs EvaluateAll(const NodeDef& node, Inputs in) {
  const std::string_view op = node.op;
  const size_t n = in.size();
  if (n == 2 && In(kBinary, op)) return Binary(node, *in[0], *in[1]);
  if (n == 1 && In(kUnary, op)) return Unary(node, *in[0]);
  if (n == 2 && In(kReduce, op)) return Reduce(node, *in[0], *in[1]);
  if (op == "Pack") return Pack(node, in);
  if (op == "ConcatV2") return Concat(in);
  if (n == 1 && op == "Cast") return Cast(node, *in[0]);
  if (n == 3 && (op == "SelectV2" || (op == "Select" && in[0]->shape == in[1]->shape))) return Select(*in[0], *in[1], *in[2]);
  if (n >= 2 && (op == "GatherV2" || op == "Gather")) return Gather(node, *in[0], *in[1], n > 2 ? in[2] : nullptr);
  if (n == 4 && op == "StridedSlice") return StridedSlice(node, *in[0], *in[1], *in[2], *in[3]);
  if (n == 3 && op == "Slice") return Slice(*in[0], *in[1], *in[2]);
  if (n == 2 && op == "Reshape") return Reshaped(*in[0], *in[1]);
  if (n == 2 && op == "ExpandDims") return ExpandDims(*in[0], in[1]);
  if (n == 1 && op == "Squeeze") return Squeeze(node, *in[0]);
  if (n == 1 && op == "Unpack") return Unpack(*in[0], node);
  if (n == 2 && op == "Transpose") return Transpose(*in[0]);
  if (n == 2 && op == "Tile") return Tile(*in[0], *in[1]);
  if (n == 2 && op == "Fill") return Fill(*in[0], *in[1]);
  if (n == 3 && op == "Range") return Range(*in[0], *in[1], *in[2]);
  if (n == 1 && op == "ZerosLike") return Filled(*in[0], 0);
  if (n == 1 && op == "OnesLike") return Filled(*in[0], 1);
  if (n == 2 && op == "BroadcastArgs") return BroadcastArgs(*in[0], *in[1]);
  return {};
}

}  // namespace

bool Partial::known() const { return std::ranges::all_of(v, &Number::known); }

std::vector<std::byte> Partial::bytes() const {
  std::vector<std::byte> out;
  for (const Number& n : v) {
    switch (dtype) {
      case DType::kF32: Append(&out, static_cast<float>(n.f)); break;
      case DType::kF64: Append(&out, n.f); break;
      case DType::kI64: case DType::kU64: Append(&out, n.i); break;
      case DType::kI32: case DType::kU32: Append(&out, static_cast<int32_t>(n.i)); break;
      case DType::kI16: case DType::kU16: Append(&out, static_cast<int16_t>(n.i)); break;
      default: Append(&out, static_cast<int8_t>(n.i)); break;
    }
  }
  return out;
}

std::vector<int32_t> Partial::dims() const {
  std::vector<int32_t> out;
  for (const Number& n : v) out.push_back(n.known() ? static_cast<int32_t>(std::clamp<int64_t>(n.i, INT32_MIN, INT32_MAX)) : kUnknown);
  return out;
}

std::optional<Partial> Partial::FromBytes(DType dtype, const Shape& shape, const std::byte* bytes) {
  uint64_t size = 0;
  if ((!bytes && shape.elements() != 0) || !shape.known() || !CheckedBytes(dtype, shape, &size) || shape.elements() > kMaxPartial) return std::nullopt;
  Partial out{dtype, shape, {}};
  for (int64_t k = 0; k < shape.elements(); ++k) {
    const auto load = [&]<class T>(T) {
      T v;
      std::memcpy(&v, bytes + k * static_cast<int64_t>(sizeof v), sizeof v);
      if constexpr (std::is_floating_point_v<T>) out.v.push_back(Number::Of(static_cast<double>(v)));
      else out.v.push_back(Number::Of(static_cast<int64_t>(v)));
    };
    switch (dtype) {
      case DType::kF32: load(float{}); break;
      case DType::kF64: load(double{}); break;
      case DType::kI64: case DType::kU64: load(int64_t{}); break;
      case DType::kI32: load(int32_t{}); break;
      case DType::kU32: load(uint32_t{}); break;
      case DType::kI16: load(int16_t{}); break;
      case DType::kU16: load(uint16_t{}); break;
      case DType::kI8: load(int8_t{}); break;
      case DType::kU8: case DType::kBool: load(uint8_t{}); break;
      default: return std::nullopt;
    }
  }
  return out;
}

std::vector<std::optional<Partial>> Evaluate(const NodeDef& node, Inputs inputs) {
  // A reduction over no axes, a gather of unknowns: all need all their inputs.
  if (inputs.empty() || std::ranges::find(inputs, nullptr) != inputs.end()) return {};
  return EvaluateAll(node, inputs);
}

}  // namespace octet::importers::savedmodel
