// SPDX-License-Identifier: Apache-2.0
// Reduce window: one value per position of a window that slides over the input.
#include "ops/import.h"
#include "ops/operand_util.h"
#include "ops/window_util.h"

namespace octet::ops::reduce_window {
namespace {

struct Attrs {
  int32_t reduce_function = 0;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::reduce_function>("reduce_function", 0)};
constexpr Operand kInputs[] = {{.name = "input"},
                               {.name = "initial"},
                               {.name = "window", .type = 'S', .role = Role::kShape},
                               {.name = "strides", .type = 'S', .role = Role::kShape},
                               {.name = "dilations", .type = 'S', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|f64|i8|u8|i16|i32|i64|bool S=i64"}};

Status Check(const OpView& op) {
  const int32_t function = op.attrs<Attrs>().reduce_function;
  if (function < 1 || function > static_cast<int32_t>(WindowFunction::kAny)) return op.Fail(Code::kUnsupported, "there is no reduction %d", function);
  for (int i = 2; i < 5; ++i) OCTET_TRY(CheckVector(op, i, op.in(0)->shape.rank(), "window, strides and dilations"));
  return {};
}

// False: not known yet.
bool ReadWindows(const OpView& op, Windows* w) {
  IntList size, stride, dilation;
  if (!ReadInts(op, 2, &size) || !ReadInts(op, 3, &stride) || !ReadInts(op, 4, &dilation)) return false;
  w->function = static_cast<WindowFunction>(op.attrs<Attrs>().reduce_function);
  w->base.fill(1);
  for (int i = 0; i < op.in(0)->shape.rank(); ++i) {
    w->size[i] = size.v[i];
    w->stride[i] = stride.v[i];
    w->dilation[i] = dilation.v[i];
  }
  return true;
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  Windows w;
  out[0].dtype = op.in(0)->dtype;
  out[0].dynamic = !ReadWindows(op, &w);
  return out[0].dynamic ? Status() : InferWindows(op, w, &out[0].shape);
}

Status PrepareReference(Prepare& p) {
  Windows w;
  if (!ReadWindows(p.op, &w)) return p.op.Fail(Code::kUnsupported, "the windows are not known");
  return PrepareWindows(p, w);
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "reduce_window", .code = BuiltinCode::kReduceWindow, .attrs = Layout<Attrs>(OptionsTable::kReduceWindow, kRows),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::reduce_window
