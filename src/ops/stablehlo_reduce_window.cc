// SPDX-License-Identifier: Apache-2.0
// StableHLO reduce window: the reduction is a subgraph of one operator, which says what it is.
#include "ops/import.h"
#include "ops/window_util.h"

namespace octet::ops::stablehlo_reduce_window {
namespace {

struct Attrs {
  Longs window_dimensions, window_strides, base_dilations, window_dilations, padding;
  Subgraph body_subgraph_index{};
};
constexpr AttrRow kRows[] = {Attr<&Attrs::window_dimensions>("window_dimensions", 0), Attr<&Attrs::window_strides>("window_strides", 1),
                             Attr<&Attrs::base_dilations>("base_dilations", 2), Attr<&Attrs::window_dilations>("window_dilations", 3),
                             Attr<&Attrs::padding>("padding", 4), Attr<&Attrs::body_subgraph_index>("body_subgraph_index", 5)};
constexpr Operand kInputs[] = {{.name = "input"}, {.name = "initial"}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|f64|i8|u8|i16|i32|i64|bool"}};

WindowFunction FunctionOf(const OpView& op) {
  struct Row {
    BuiltinCode code;
    WindowFunction function;
  };
  constexpr Row kFunctions[] = {
      {BuiltinCode::kAdd, WindowFunction::kAdd},         {BuiltinCode::kStablehloAdd, WindowFunction::kAdd},
      {BuiltinCode::kMul, WindowFunction::kMul},         {BuiltinCode::kStablehloMultiply, WindowFunction::kMul},
      {BuiltinCode::kMinimum, WindowFunction::kMinimum}, {BuiltinCode::kStablehloMinimum, WindowFunction::kMinimum},
      {BuiltinCode::kMaximum, WindowFunction::kMaximum}, {BuiltinCode::kStablehloMaximum, WindowFunction::kMaximum},
      {BuiltinCode::kLogicalAnd, WindowFunction::kAll},  {BuiltinCode::kStablehloAnd, WindowFunction::kAll},
      {BuiltinCode::kLogicalOr, WindowFunction::kAny},   {BuiltinCode::kStablehloOr, WindowFunction::kAny}};
  const OpDef* body = op.callees.empty() ? nullptr : op.callees[0]->sole_op();
  for (const Row& row : kFunctions)
    if (body && row.code == body->code) return row.function;
  return WindowFunction::kNone;
}

Status Check(const OpView& op) {
  const auto& a = op.attrs<Attrs>();
  const int rank = op.in(0)->shape.rank();
  if (a.window_dimensions.count != rank || a.padding.count != 2 * rank)
    return op.Fail(Code::kInvalidModel, "windows of %d dimensions, paddings of %d numbers for %s", a.window_dimensions.count, a.padding.count,
                   op.in(0)->shape.text().c_str());
  for (const Longs* list : {&a.window_strides, &a.base_dilations, &a.window_dilations})
    if (list->count != rank) return op.Fail(Code::kInvalidModel, "%d strides or dilations for %s", list->count, op.in(0)->shape.text().c_str());
  if (FunctionOf(op) == WindowFunction::kNone) return op.Fail(Code::kUnsupported, "its subgraph is not one addition, product, minimum, maximum, and, or or");
  return {};
}

Windows WindowsOf(const OpView& op) {
  const auto& a = op.attrs<Attrs>();
  Windows w;
  w.function = FunctionOf(op);
  for (int i = 0; i < op.in(0)->shape.rank(); ++i) {
    w.size[i] = a.window_dimensions.v[i];
    w.stride[i] = a.window_strides.v[i];
    w.base[i] = a.base_dilations.v[i];
    w.dilation[i] = a.window_dilations.v[i];
    w.low[i] = a.padding.v[2 * i];
    w.high[i] = a.padding.v[2 * i + 1];
  }
  return w;
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = op.in(0)->dtype;
  return InferWindows(op, WindowsOf(op), &out[0].shape);
}

Status PrepareReference(Prepare& p) { return PrepareWindows(p, WindowsOf(p.op)); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "stablehlo_reduce_window", .code = BuiltinCode::kStablehloReduceWindow,
    .attrs = Layout<Attrs>(OptionsTable::kStablehloReduceWindow, kRows),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::stablehlo_reduce_window
