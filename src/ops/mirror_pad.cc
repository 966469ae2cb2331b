// SPDX-License-Identifier: Apache-2.0
// MirrorPad: the frame repeats the input backwards, without (reflect) or with (symmetric) the edge element.
#include "base/thread_pool.h"
#include "ops/import.h"
#include "ops/pad_util.h"

namespace octet::ops::mirror_pad {
namespace {

struct Attrs {
  int8_t mode = 0;  // 0 reflect, 1 symmetric.
};
constexpr AttrRow kRows[] = {Attr<&Attrs::mode>("mode", 0)};

constexpr Operand kInputs[] = {{.name = "input"}, {.name = "paddings", .type = 'P', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {
    {"T=f32|f16|u8|i32|i64|bool P=i32|i64"}, {"T=i8 P=i32|i64", 2}, {"T=i16 P=i32|i64", 3}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone}};

Status Check(const OpView& op) {
  OCTET_TRY(CheckPaddings(op));
  const int8_t mode = op.attrs<Attrs>().mode;
  if (mode != 0 && mode != 1) return op.Fail(Code::kInvalidModel, "mode %d is neither reflect nor symmetric", mode);
  const Shape& in = op.in(0)->shape;
  IntList paddings;
  if (!ReadInts(op, 1, &paddings)) return {};
  for (int i = 0; i < 2 * in.rank(); ++i) {
    const int32_t size = in[i / 2];
    if (size != kUnknown && paddings.v[i] > std::max(size - (mode == 0), 0))
      return op.Fail(Code::kInvalidModel, "padding %lld is larger than what dimension %d of %s can mirror",
                     static_cast<long long>(paddings.v[i]), i / 2, in.text().c_str());
  }
  return {};
}

// The interior, then axis by axis from the innermost: each mirrors what the axes inside it completed.
struct Params {
  StridedCopy interior;
  int count;
  StridedCopy mirror[2 * kMaxRank];
};

Status Frame(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  Copy(p.interior, run.in[0], run.out[0], *run.pool);
  for (int i = 0; i < p.count; ++i) Copy(p.mirror[i], run.out[0], run.out[0]);
  return {};
}

// `n` slices along `axis` that start at output index `to`, read downwards from index `from`.
StridedCopy Mirror(const OpView& op, const IntList& paddings, int axis, int64_t n, int64_t from, int64_t to) {
  const Shape& in = op.in(0)->shape;
  const Shape& out = op.out(0)->shape;
  const int64_t bytes = BytesOf(op.in(0)->dtype);
  const auto stride = Strides(out);
  StridedCopy copy;
  for (int i = 0; i < in.rank(); ++i) {
    const int64_t step = stride[i] * bytes;
    if (i == axis) {
      copy.Add(n, -step, step);
      copy.src_offset += from * step;
      copy.dst_offset += to * step;
    } else if (i < axis) {  // Not padded yet: only the interior is there.
      copy.Add(in[i], step, step);
      copy.src_offset += paddings.v[2 * i] * step;
      copy.dst_offset += paddings.v[2 * i] * step;
    } else {
      copy.Add(out[i], step, step);
    }
  }
  copy.Finish(bytes);
  return copy;
}

Status PrepareMirror(Prepare& p) {
  const Shape& in = p.op.in(0)->shape;
  const int64_t skip = p.op.attrs<Attrs>().mode == 0 ? 1 : 0;
  IntList paddings;
  ReadInts(p.op, 1, &paddings);
  auto* params = p.Params<Params>();
  params->interior = PadInterior(p.op, paddings);
  for (int i = in.rank() - 1; i >= 0; --i) {
    const int64_t before = paddings.v[2 * i], after = paddings.v[2 * i + 1], end = before + in[i];
    if (before > 0) params->mirror[params->count++] = Mirror(p.op, paddings, i, before, 2 * before - 1 + skip, 0);
    if (after > 0) params->mirror[params->count++] = Mirror(p.op, paddings, i, after, end - 1 - skip, end);
  }
  p.SetRun(Frame, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareMirror}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "mirror_pad",
    .code = BuiltinCode::kMirrorPad,
    .attrs = Layout<Attrs>(OptionsTable::kMirrorPad, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kMovesBytes | kHomogeneous | kKeepsChannels,
    .check = Check,
    .infer = InferPadded,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::mirror_pad
