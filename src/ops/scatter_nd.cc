// SPDX-License-Identifier: Apache-2.0
// ScatterNd: zeros of the given shape, to which every slice of `updates` is added where its row of
// `indices` says. Indices are data: they are checked when it runs.
#include <cstring>
#include <type_traits>

#include "ops/element_util.h"
#include "ops/import.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::scatter_nd {
namespace {

constexpr Operand kInputs[] = {{.name = "indices", .type = 'I', .role = Role::kIndex},
                               {.name = "updates"},
                               {.name = "shape", .type = 'I', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"I=i32 T=f32|i8|u8|i32|i64|bool"}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 1},
                               {.operand = 0, .kind = QuantKind::kNone},
                               {.operand = 2, .kind = QuantKind::kNone}};

Status Check(const OpView& op) {
  const Shape &index = op.in(0)->shape, &updates = op.in(1)->shape;
  if (index.rank() < 1 || op.in(2)->shape.rank() != 1)
    return op.Fail(Code::kInvalidModel, "expected indices of one dimension or more and a shape that is a vector, found %s and %s",
                   index.text().c_str(), op.in(2)->shape.text().c_str());
  IntList shape;
  if (!ReadInts(op, 2, &shape) || !index.known()) return {};
  const int32_t depth = index.back();
  bool fits = shape.count <= kMaxRank && depth <= shape.count &&
              updates.rank() == index.rank() - 1 + static_cast<int>(shape.count) - depth;
  for (int64_t d : shape.span()) fits &= FitsDimension(d);
  for (int i = 0; fits && i < updates.rank(); ++i) {
    const int64_t want = i < index.rank() - 1 ? index[i] : shape.v[depth + i - (index.rank() - 1)];
    fits = updates[i] == kUnknown || updates[i] == want;
  }
  if (!fits)
    return op.Fail(Code::kInvalidModel, "updates %s do not fit indices %s and the shape", updates.text().c_str(),
                   index.text().c_str());
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  IntList shape;
  out[0].dtype = op.in(1)->dtype;
  out[0].dynamic = !ReadInts(op, 2, &shape);
  if (out[0].dynamic) return {};
  for (int64_t d : shape.span()) out[0].shape.push_back(static_cast<int32_t>(d));
  return {};
}

struct Params {
  int64_t count, slice, bytes;  // Elements of a slice; bytes of the output.
  int depth;
  std::array<int64_t, kMaxRank> size, step;  // Of the named axes; steps in slices.
};

template <class T> T Plus(T a, T b) {
  if constexpr (std::is_same_v<T, Bool>) return a || b;
  else if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  else return a + b;
}

template <class T> Status Scatter(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  if (p.bytes > 0) std::memset(run.out[0], 0, static_cast<size_t>(p.bytes));
  const auto* index = run.input<int32_t>(0);
  const T* from = run.input<T>(1);
  for (int64_t i = 0; i < p.count; ++i, index += p.depth, from += p.slice) {
    int64_t at = 0;
    for (int d = 0; d < p.depth; ++d) {
      if (index[d] < 0 || index[d] >= p.size[d])
        return Error(Code::kInvalidArgument, "scatter_nd: index %d is outside [0, %lld)", index[d],
                     static_cast<long long>(p.size[d]));
      at += index[d] * p.step[d];
    }
    T* to = run.output<T>(0) + at * p.slice;
    for (int64_t k = 0; k < p.slice; ++k) to[k] = Plus(to[k], from[k]);
  }
  return {};
}

Status PrepareScatter(Prepare& p) {
  const Shape &index = p.op.in(0)->shape, &out = p.op.out(0)->shape;
  auto* params = p.Params<Params>();
  params->depth = index.back();
  params->count = index.elements(0, index.rank() - 1);
  params->slice = out.elements(params->depth, out.rank());
  params->bytes = out.elements() * BytesOf(p.op.out(0)->dtype);
  for (int d = 0; d < params->depth; ++d) {
    params->size[d] = out[d];
    params->step[d] = out.elements(d + 1, params->depth);
  }
  switch (p.op.in(1)->dtype) {
    case DType::kF32:
      p.SetRun(Scatter<float>, params);
      break;
    case DType::kI8:
      p.SetRun(Scatter<int8_t>, params);
      break;
    case DType::kU8:
      p.SetRun(Scatter<uint8_t>, params);
      break;
    case DType::kI32:
      p.SetRun(Scatter<int32_t>, params);
      break;
    case DType::kI64:
      p.SetRun(Scatter<int64_t>, params);
      break;
    default:
      p.SetRun(Scatter<Bool>, params);
      break;
  }
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareScatter}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "scatter_nd",
    .code = BuiltinCode::kScatterNd,
    .attrs = Layout<NoAttrs>(OptionsTable::kScatterNd, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::scatter_nd
