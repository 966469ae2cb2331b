// SPDX-License-Identifier: Apache-2.0
// Rfft2d: the discrete Fourier transform of real matrices, columns 0 … w/2 of it:
//   Y[k, l] = sum over m, n of x[m, n] * e^(-2 pi i (k m / h + l n / w)),
// where [h, w] = fft_length, powers of two; the input is cut or padded with zeros to that size. In double.
#include <bit>
#include <numbers>

#include "ops/fourier_util.h"
#include "ops/import.h"
#include "ops/operand_util.h"

namespace octet::ops::rfft2d {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}, {.name = "fft_length", .type = 'L', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output", .type = 'C'}};
constexpr TypeRow kTypes[] = {{"T=f32 L=i32 C=c64", 1}};

struct Params {
  int64_t slices, in_h, in_w, h, w;
};

Status Check(const OpView& op) {
  if (op.in(0)->shape.rank() < 2) return op.Fail(Code::kInvalidModel, "expected 2 dimensions or more, found %s", op.in(0)->shape.text().c_str());
  OCTET_TRY(CheckVector(op, 1, 2, "fft_length"));
  IntList length;
  if (!ReadInts(op, 1, &length)) return {};
  for (int64_t n : length.span())
    if (n < 1 || !std::has_single_bit(static_cast<uint64_t>(n)))
      return op.Fail(Code::kInvalidModel, "fft_length %lld is not a power of two", static_cast<long long>(n));
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  IntList length;
  out[0].dtype = DType::kC64;
  out[0].dynamic = !ReadInts(op, 1, &length);
  if (out[0].dynamic) return {};
  Shape shape = op.in(0)->shape;
  shape[shape.rank() - 2] = static_cast<int32_t>(length.v[0]);
  shape[shape.rank() - 1] = static_cast<int32_t>(length.v[1] / 2 + 1);
  out[0].shape = shape;
  return {};
}

int64_t RootsOf(const Params& p) { return std::max(p.h, p.w); }

Status RunTransforms(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const int64_t roots = RootsOf(p), columns = p.w / 2 + 1, rows = std::min(p.in_h, p.h);
  auto* root = reinterpret_cast<C128*>(run.workspace);
  C128 *row = root + roots, *plane = row + p.w;
  for (int64_t k = 0; k < roots; ++k) root[k] = std::polar(1.0, -2.0 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(roots));
  for (int64_t s = 0; s < p.slices; ++s) {
    std::fill_n(plane, p.h * columns, C128());
    for (int64_t y = 0; y < rows; ++y) {
      const float* x = run.input<float>(0) + (s * p.in_h + y) * p.in_w;
      for (int64_t i = 0; i < p.w; ++i) row[i] = i < p.in_w ? static_cast<double>(x[i]) : 0.0;
      RadixTwo(row, p.w, 1, root, roots);
      std::copy_n(row, columns, plane + y * columns);
    }
    for (int64_t c = 0; c < columns; ++c) RadixTwo(plane + c, p.h, columns, root, roots);
    C64* out = run.output<C64>(0) + s * p.h * columns;
    for (int64_t i = 0; i < p.h * columns; ++i) out[i] = C64(plane[i]);
  }
  return {};
}

Status PrepareReference(Prepare& p) {
  const Shape &in = p.op.in(0)->shape, &out = p.op.out(0)->shape;
  IntList length;
  ReadInts(p.op, 1, &length);
  auto* params = p.Params<Params>();
  *params = {in.elements(0, in.rank() - 2), in.back(2), in.back(1), length.v[0], length.v[1]};
  p.Workspace(sizeof(C128) * static_cast<size_t>(RootsOf(*params) + params->w + params->h * out.back()));
  p.SetRun(RunTransforms, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "rfft2d",
    .code = BuiltinCode::kRfft2d,
    .attrs = Layout<NoAttrs>(OptionsTable::kRfft2d, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::rfft2d
