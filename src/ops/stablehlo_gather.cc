// SPDX-License-Identifier: Apache-2.0
// StableHLO gather: a window of the operand for every start vector; starts are moved so that windows lie inside.
#include <cstring>

#include "ops/import.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"
#include "ops/stablehlo_index_util.h"

namespace octet::ops::stablehlo_gather {
namespace {

struct Attrs {
  Longs offset_dims, collapsed_slice_dims, start_index_map;
  int64_t index_vector_dim = 0;
  Longs slice_sizes;
  bool indices_are_sorted = false;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::offset_dims>("offset_dims", 0),
                             Attr<&Attrs::collapsed_slice_dims>("collapsed_slice_dims", 1),
                             Attr<&Attrs::start_index_map>("start_index_map", 2),
                             Attr<&Attrs::index_vector_dim>("index_vector_dim", 3),
                             Attr<&Attrs::slice_sizes>("slice_sizes", 4),
                             Attr<&Attrs::indices_are_sorted>("indices_are_sorted", 5)};
constexpr Operand kInputs[] = {{.name = "operand"}, {.name = "start_indices", .type = 'I', .role = Role::kIndex}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|f16|f64|i8|u8|i16|u16|i32|u32|i64|u64|bool I=i32|i64"}};

Status Check(const OpView& op) {
  const auto& a = op.attrs<Attrs>();
  const Shape &in = op.in(0)->shape, &indices = op.in(1)->shape;
  if (!in.known() || !indices.known()) return {};
  if (a.index_vector_dim < 0 || a.index_vector_dim > indices.rank())
    return op.Fail(Code::kInvalidModel, "index_vector_dim is %lld for indices of rank %d", static_cast<long long>(a.index_vector_dim), indices.rank());
  const int batch = indices.rank() - (a.index_vector_dim < indices.rank());
  const int64_t length = a.index_vector_dim < indices.rank() ? indices[static_cast<int>(a.index_vector_dim)] : 1;
  const int rank = batch + a.offset_dims.count;
  if (rank > kMaxRank || !IsAxes(a.offset_dims, rank, true) || !IsAxes(a.collapsed_slice_dims, in.rank(), true) ||
      !IsAxes(a.start_index_map, in.rank(), false) || a.start_index_map.count != length || a.slice_sizes.count != in.rank() ||
      a.offset_dims.count + a.collapsed_slice_dims.count != in.rank())
    return op.Fail(Code::kInvalidModel, "its dimension numbers do not fit the operand %s and the indices %s", in.text().c_str(), indices.text().c_str());
  for (int i = 0; i < in.rank(); ++i)
    if (a.slice_sizes.v[i] < 0 || a.slice_sizes.v[i] > in[i] || (Contains(a.collapsed_slice_dims, i) && a.slice_sizes.v[i] != 1))
      return op.Fail(Code::kInvalidModel, "a slice of %lld along axis %d of %s", static_cast<long long>(a.slice_sizes.v[i]), i, in.text().c_str());
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const auto& a = op.attrs<Attrs>();
  const Shape &in = op.in(0)->shape, &indices = op.in(1)->shape;
  out[0].dtype = op.in(0)->dtype;
  out[0].dynamic = !in.known() || !indices.known();
  if (out[0].dynamic) return {};
  const int rank = indices.rank() - (a.index_vector_dim < indices.rank()) + a.offset_dims.count;
  for (int i = 0, slice = 0, batch = 0; i < rank; ++i) {
    if (Contains(a.offset_dims, i)) {
      while (Contains(a.collapsed_slice_dims, slice)) ++slice;
      out[0].shape.push_back(static_cast<int32_t>(a.slice_sizes.v[slice++]));
    } else {
      if (batch == a.index_vector_dim) ++batch;
      out[0].shape.push_back(indices[batch++]);
    }
  }
  return {};
}

struct Params {
  Starts starts;
  Shape in, out;
  Longs offset_dims, collapsed, sizes;
  Index stride;
  size_t bytes;
};

Status GatherAll(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  if (p.out.elements() == 0) return {};
  Index at{};
  std::byte* to = run.out[0];
  do {
    Index batch{}, offset{};
    for (int i = 0, b = 0, o = 0; i < p.out.rank(); ++i) (Contains(p.offset_dims, i) ? offset[o++] : batch[b++]) = at[i];
    const Index start = p.starts.At(run.in[1], batch);
    int64_t from = 0;
    for (int i = 0, o = 0; i < p.in.rank(); ++i) {
      const int64_t inside = std::clamp<int64_t>(start[i], 0, p.in[i] - p.sizes.v[i]);
      from += (inside + (Contains(p.collapsed, i) ? 0 : offset[o++])) * p.stride[i];
    }
    std::memcpy(to, run.in[0] + static_cast<size_t>(from) * p.bytes, p.bytes);
    to += p.bytes;
  } while (Next(at, p.out));
  return {};
}

Status PrepareReference(Prepare& p) {
  const auto& a = p.op.attrs<Attrs>();
  auto* params = p.Params<Params>();
  *params = {MakeStarts(*p.op.in(1), a.index_vector_dim, a.start_index_map), p.op.in(0)->shape, p.op.out(0)->shape, a.offset_dims,
             a.collapsed_slice_dims, a.slice_sizes, {}, static_cast<size_t>(BytesOf(p.op.in(0)->dtype))};
  const auto strides = Strides(p.op.in(0)->shape);
  std::copy_n(strides.begin(), kMaxRank, params->stride.begin());
  p.SetRun(GatherAll, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "stablehlo_gather", .code = BuiltinCode::kStablehloGather, .attrs = Layout<Attrs>(OptionsTable::kStablehloGather, kRows),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .traits = kMovesBytes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::stablehlo_gather
