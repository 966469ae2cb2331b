// SPDX-License-Identifier: Apache-2.0
#include "ops/arg_util.h"

#include <algorithm>
#include <cstring>

#include "kernels/elementwise.h"

namespace octet::ops {
namespace {

bool ReadAxis(const OpView& op, int* axis) {
  int64_t given = 0;
  return ReadInt(op, 1, &given) && NormalizeAxis(given, op.in(0)->shape.rank(), axis);
}

struct Params {
  int64_t outer, length, inner;
};

template <bool largest, class T> bool Better(T v, T best) { return largest ? v > best : v < best; }

// Of neighbours: the extreme value, in lanes, then its first place. A not-a-number wins in front, as nothing compares with it, and nowhere else.
template <class T, bool largest> [[gnu::noinline]] int64_t FirstExtreme(const T* in, int64_t n) {
  if constexpr (largest && std::is_same_v<T, int8_t>) {
    int8_t most = -128;
    kernels::Vectors().max_rows_s8(in, 1, n, &most);
    return static_cast<const int8_t*>(std::memchr(in, most, static_cast<size_t>(n))) - in;
  }
  if (in[0] != in[0]) return 0;
  T best = in[0];
  if constexpr (largest && std::is_same_v<T, float>) kernels::Vectors().max_rows_f32(in, 1, n, &best);
  else for (int64_t k = 1; k < n; ++k) best = Better<largest>(in[k], best) ? in[k] : best;
  return std::find(in, in + n, best) - in;
}

template <class T, class O, bool largest> Status Find(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  O* out = run.output<O>(0);
  for (int64_t o = 0; o < p.outer; ++o) {
    const T* in = run.input<T>(0) + o * p.length * p.inner;
    if (p.inner == 1) {
      *out++ = static_cast<O>(FirstExtreme<T, largest>(in, p.length));
      continue;
    }
    for (int64_t i = 0; i < p.inner; ++i, ++in, ++out) {
      T best = in[0];
      O at = 0;
      for (int64_t k = 1; k < p.length; ++k) {
        const T v = in[k * p.inner];
        if (Better<largest>(v, best)) best = v, at = static_cast<O>(k);
      }
      *out = at;
    }
  }
  return {};
}

template <class T, class O> RunFn Pick(bool largest) { return largest ? Find<T, O, true> : Find<T, O, false>; }
template <class T> RunFn Pick(DType out, bool largest) {
  return out == DType::kI64 ? Pick<T, int64_t>(largest) : Pick<T, int32_t>(largest);
}

}  // namespace

Status CheckArg(const OpView& op) {
  const Shape& in = op.in(0)->shape;
  OCTET_TRY(CheckScalar(op, 1, "axis"));
  const DType type = op.attrs<ArgAttrs>().output_type;
  if (type != DType::kI32 && type != DType::kI64)
    return op.Fail(Code::kUnsupported, "output_type %d is neither int32 nor int64", static_cast<int>(type));
  int64_t given = 0;
  int axis = 0;
  if (!ReadInt(op, 1, &given)) return {};
  if (!NormalizeAxis(given, in.rank(), &axis))
    return op.Fail(Code::kInvalidModel, "axis %lld is outside %s", static_cast<long long>(given),
                   in.text().c_str());
  if (in[axis] == 0)
    return op.Fail(Code::kInvalidModel, "there is nothing along axis %d of %s", axis, in.text().c_str());
  return {};
}

Status InferArg(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  int axis = 0;
  out[0].dtype = op.attrs<ArgAttrs>().output_type;
  out[0].dynamic = !ReadAxis(op, &axis);
  for (int i = 0; i < in.rank() && !out[0].dynamic; ++i)
    if (i != axis) out[0].shape.push_back(in[i]);
  return {};
}

Status PrepareArg(Prepare& p, bool largest) {
  const Shape& in = p.op.in(0)->shape;
  int axis = 0;
  ReadAxis(p.op, &axis);
  auto* params = p.Params<Params>();
  *params = {in.elements(0, axis), in[axis], in.elements(axis + 1, in.rank())};
  const DType out = p.op.out(0)->dtype;
  switch (p.op.in(0)->dtype) {
    case DType::kF32:
      p.SetRun(Pick<float>(out, largest), params);
      break;
    case DType::kI32:
      p.SetRun(Pick<int32_t>(out, largest), params);
      break;
    case DType::kI8:
      p.SetRun(Pick<int8_t>(out, largest), params);
      break;
    default:
      p.SetRun(Pick<uint8_t>(out, largest), params);
      break;  // uint8, and bool as 0 and 1.
  }
  return {};
}

}  // namespace octet::ops
