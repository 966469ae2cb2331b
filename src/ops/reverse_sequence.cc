// SPDX-License-Identifier: Apache-2.0
// ReverseSequence: for entry b along batch_dim, the first lengths[b] slices along seq_dim turned around. The
// lengths are data: they are checked when it runs.
#include <cstring>

#include "base/thread_pool.h"
#include "ops/import.h"
#include "ops/move_util.h"

namespace octet::ops::reverse_sequence {
namespace {

struct Attrs {
  int32_t seq_dim = 0;
  int32_t batch_dim = 0;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::seq_dim>("seq_dim", 0), Attr<&Attrs::batch_dim>("batch_dim", 1)};
constexpr Operand kInputs[] = {{.name = "input"}, {.name = "lengths", .type = 'L', .role = Role::kIndex}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|u8|i16|i32|i64 L=i32|i64", 1}};

// [outer, first, middle, second, bytes]: first and second are the two axes in their order.
struct Params {
  int64_t outer, first, middle, second, bytes;
  bool sequence_first;
};

Status Check(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  const Shape &in = op.in(0)->shape, &lengths = op.in(1)->shape;
  const bool inside = a.seq_dim >= 0 && a.seq_dim < in.rank() && a.batch_dim >= 0 && a.batch_dim < in.rank();
  if (!inside || a.seq_dim == a.batch_dim)
    return op.Fail(Code::kInvalidModel, "seq_dim %d and batch_dim %d must be two dimensions of %s", a.seq_dim, a.batch_dim, in.text().c_str());
  if (lengths.rank() != 1 || (lengths[0] != in[a.batch_dim] && lengths[0] != kUnknown && in[a.batch_dim] != kUnknown))
    return op.Fail(Code::kInvalidModel, "lengths: expected one for each entry of dimension %d of %s, found shape %s", a.batch_dim, in.text().c_str(),
                   lengths.text().c_str());
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].shape = op.in(0)->shape;
  return {};
}

template <class L> Status RunReverse(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const L* lengths = run.input<L>(1);
  const int64_t steps = p.sequence_first ? p.first : p.second, batches = p.sequence_first ? p.second : p.first;
  for (int64_t b = 0; b < batches; ++b)
    if (lengths[b] > steps)
      return Error(Code::kInvalidArgument, "reverse_sequence: length %lld is above %lld", static_cast<long long>(lengths[b]), static_cast<long long>(steps));
  if (p.bytes == 0) return {};
  const auto turned = [&](int64_t step, int64_t batch) { return step < lengths[batch] ? lengths[batch] - 1 - step : step; };
  run.pool->For(p.outer * p.first, [&](int64_t task, int) {
    const int64_t outer = task / p.first, i = task % p.first;
    for (int64_t m = 0; m < p.middle; ++m) {
      for (int64_t j = 0; j < p.second; ++j) {
        const int64_t from_i = p.sequence_first ? turned(i, j) : i, from_j = p.sequence_first ? j : turned(j, i);
        const auto at = [&](int64_t a, int64_t b) { return (((outer * p.first + a) * p.middle + m) * p.second + b) * p.bytes; };
        std::memcpy(run.out[0] + at(i, j), run.in[0] + at(from_i, from_j), static_cast<size_t>(p.bytes));
      }
    }
  });
  return {};
}

Status PrepareReference(Prepare& p) {
  const Attrs& a = p.op.attrs<Attrs>();
  const Shape& in = p.op.in(0)->shape;
  const int low = std::min(a.seq_dim, a.batch_dim), high = std::max(a.seq_dim, a.batch_dim);
  auto* params = p.Params<Params>();
  *params = {in.elements(0, low), in[low], in.elements(low + 1, high), in[high], in.elements(high + 1, in.rank()) * BytesOf(p.op.in(0)->dtype),
             a.seq_dim < a.batch_dim};
  p.SetRun(p.op.in(1)->dtype == DType::kI32 ? RunReverse<int32_t> : RunReverse<int64_t>, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "reverse_sequence",
    .code = BuiltinCode::kReverseSequence,
    .attrs = Layout<Attrs>(OptionsTable::kReverseSequence, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::reverse_sequence
