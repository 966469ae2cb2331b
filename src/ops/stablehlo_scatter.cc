// SPDX-License-Identifier: Apache-2.0
// StableHLO scatter: the operand with updates put into, or added to, the places that start vectors name. Updates
// that fall outside are left out. The way to combine is a subgraph of one operator, or one that hands the update through.
#include <cstring>

#include "ops/import.h"
#include "ops/move_util.h"
#include "ops/stablehlo_binary_util.h"
#include "ops/stablehlo_index_util.h"

namespace octet::ops::stablehlo_scatter {
namespace {

struct Attrs {
  bool indices_are_sorted = false;
  Longs update_window_dims, inserted_window_dims, scatter_dims_to_operand_dims;
  int64_t index_vector_dim = 0;
  bool unique_indices = false;
  Subgraph update_computation_subgraph_index{};
};
constexpr AttrRow kRows[] = {Attr<&Attrs::indices_are_sorted>("indices_are_sorted", 0),
                             Attr<&Attrs::update_window_dims>("update_window_dims", 1),
                             Attr<&Attrs::inserted_window_dims>("inserted_window_dims", 2),
                             Attr<&Attrs::scatter_dims_to_operand_dims>("scatter_dims_to_operand_dims", 3),
                             Attr<&Attrs::index_vector_dim>("index_vector_dim", 4),
                             Attr<&Attrs::unique_indices>("unique_indices", 5),
                             Attr<&Attrs::update_computation_subgraph_index>("update_computation_subgraph_index", 6)};
constexpr Operand kInputs[] = {{.name = "operand"}, {.name = "indices", .type = 'I', .role = Role::kIndex}, {.name = "updates"}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|f16|f64|i8|u8|i16|u16|i32|u32|i64|u64 I=i32|i64"}};

struct Replace {
  template <class T> T operator()(T, T update) const { return update; }
};
struct Add {
  template <class T> T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) return a + b;
    else return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  }
};
struct Multiply {
  template <class T> T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) return a * b;
    else return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  }
};
struct Maximum {
  template <class T> T operator()(T a, T b) const { return a < b ? b : a; }
};
struct Minimum {
  template <class T> T operator()(T a, T b) const { return b < a ? b : a; }
};

enum class Way : uint8_t { kNone, kReplace, kAdd, kMultiply, kMaximum, kMinimum };

Way WayOf(const OpView& op) {
  if (op.callees.empty()) return Way::kNone;
  const Callee& body = *op.callees[0];
  if (body.num_inputs() != 2 || body.num_outputs() != 1) return Way::kNone;
  if (body.InputOf(0) == 1) return Way::kReplace;
  if (!body.sole_op()) return Way::kNone;
  switch (body.sole_op()->code) {
    case BuiltinCode::kStablehloAdd: return Way::kAdd;
    case BuiltinCode::kStablehloMultiply: return Way::kMultiply;
    case BuiltinCode::kStablehloMaximum: return Way::kMaximum;
    case BuiltinCode::kStablehloMinimum: return Way::kMinimum;
    default: return Way::kNone;
  }
}

Status Check(const OpView& op) {
  const auto& a = op.attrs<Attrs>();
  const Shape &in = op.in(0)->shape, &indices = op.in(1)->shape, &updates = op.in(2)->shape;
  if (WayOf(op) == Way::kNone) return op.Fail(Code::kUnsupported, "its subgraph does not replace, add, multiply or take the maximum or minimum");
  if (!in.known() || !indices.known() || !updates.known()) return {};
  const bool vectors = a.index_vector_dim >= 0 && a.index_vector_dim < indices.rank();
  const int64_t length = vectors ? indices[static_cast<int>(a.index_vector_dim)] : 1;
  const int batch = indices.rank() - vectors;
  if (a.index_vector_dim < 0 || a.index_vector_dim > indices.rank() || !IsAxes(a.update_window_dims, updates.rank(), true) ||
      !IsAxes(a.inserted_window_dims, in.rank(), true) || !IsAxes(a.scatter_dims_to_operand_dims, in.rank(), false) ||
      a.scatter_dims_to_operand_dims.count != length || a.update_window_dims.count + a.inserted_window_dims.count != in.rank() ||
      updates.rank() != batch + a.update_window_dims.count)
    return op.Fail(Code::kInvalidModel, "its dimension numbers do not fit the operand %s, the indices %s and the updates %s", in.text().c_str(),
                   indices.text().c_str(), updates.text().c_str());
  for (int i = 0, axis = 0; i < updates.rank(); ++i) {
    if (Contains(a.update_window_dims, i)) continue;
    if (axis == a.index_vector_dim) ++axis;
    if (updates[i] != indices[axis++])
      return op.Fail(Code::kInvalidModel, "the updates %s do not fit the indices %s", updates.text().c_str(), indices.text().c_str());
  }
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0] = {op.in(0)->dtype, op.in(0)->shape};
  return {};
}

struct Params {
  Starts starts;
  Shape in, updates;
  Longs window, inserted;
  Index stride;
  size_t bytes;
  int64_t element_bytes;
  void (*combine)(std::byte* to, const std::byte* update);  // One element.
};

Status Scatter(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  if (p.bytes > 0) std::memcpy(run.out[0], run.in[0], p.bytes);
  if (p.updates.elements() == 0) return {};
  const std::byte* update = run.in[2];
  Index at{};
  do {
    Index batch{}, window{};
    for (int i = 0, b = 0, w = 0; i < p.updates.rank(); ++i) (Contains(p.window, i) ? window[w++] : batch[b++]) = at[i];
    const Index start = p.starts.At(run.in[1], batch);
    int64_t to = 0;
    bool inside = true;
    for (int i = 0, w = 0; i < p.in.rank(); ++i) {
      const int64_t offset = Contains(p.inserted, i) ? 0 : window[w++];
      inside = inside && start[i] >= -offset && start[i] < p.in[i] - offset;
      if (inside) to += (start[i] + offset) * p.stride[i];
    }
    if (inside) p.combine(run.out[0] + to * p.element_bytes, update);
    update += p.element_bytes;
  } while (Next(at, p.updates));
  return {};
}

template <class T, class F> void Combine(std::byte* to, const std::byte* update) {
  auto* out = reinterpret_cast<T*>(to);
  *out = F()(*out, *reinterpret_cast<const T*>(update));
}

template <class F> void SetFor(DType type, Params* params) {
  switch (type) {
    case DType::kF32: params->combine = Combine<float, F>; break;
    case DType::kF64: params->combine = Combine<double, F>; break;
    case DType::kF16: params->combine = Combine<uint16_t, OnHalf<F>>; break;
    case DType::kI8: params->combine = Combine<int8_t, F>; break;
    case DType::kU8: params->combine = Combine<uint8_t, F>; break;
    case DType::kI16: params->combine = Combine<int16_t, F>; break;
    case DType::kU16: params->combine = Combine<uint16_t, F>; break;
    case DType::kI32: params->combine = Combine<int32_t, F>; break;
    case DType::kU32: params->combine = Combine<uint32_t, F>; break;
    case DType::kI64: params->combine = Combine<int64_t, F>; break;
    default: params->combine = Combine<uint64_t, F>; break;
  }
}

Status PrepareReference(Prepare& p) {
  const auto& a = p.op.attrs<Attrs>();
  const DType type = p.op.in(0)->dtype;
  auto* params = p.Params<Params>();
  *params = {MakeStarts(*p.op.in(1), a.index_vector_dim, a.scatter_dims_to_operand_dims), p.op.in(0)->shape, p.op.in(2)->shape, a.update_window_dims,
             a.inserted_window_dims, {}, static_cast<size_t>(p.op.in(0)->shape.elements() * BytesOf(type)), BytesOf(type), nullptr};
  const auto strides = Strides(p.op.in(0)->shape);
  std::copy_n(strides.begin(), kMaxRank, params->stride.begin());
  switch (WayOf(p.op)) {
    case Way::kAdd: SetFor<Add>(type, params); break;
    case Way::kMultiply: SetFor<Multiply>(type, params); break;
    case Way::kMaximum: SetFor<Maximum>(type, params); break;
    case Way::kMinimum: SetFor<Minimum>(type, params); break;
    default: SetFor<Replace>(type, params); break;
  }
  p.SetRun(Scatter, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "stablehlo_scatter", .code = BuiltinCode::kStablehloScatter, .attrs = Layout<Attrs>(OptionsTable::kStablehloScatter, kRows),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::stablehlo_scatter
