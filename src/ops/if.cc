// SPDX-License-Identifier: Apache-2.0
// If: runs one of two subgraphs.
#include "ops/call_util.h"
#include "ops/import.h"

namespace octet::ops::if_ {
namespace {

struct Attrs {
  Subgraph then_subgraph_index{}, else_subgraph_index{};
};
constexpr AttrRow kRows[] = {Attr<&Attrs::then_subgraph_index>("then_subgraph_index", 0),
                             Attr<&Attrs::else_subgraph_index>("else_subgraph_index", 1)};
constexpr Operand kInputs[] = {{.name = "condition", .type = 'C'}, {.name = "inputs", .type = 'X', .arity = Arity::kMany}};
constexpr Operand kOutputs[] = {{.name = "outputs", .type = 'Y', .arity = Arity::kMany}};
constexpr TypeRow kTypes[] = {{"C=bool"}};

Status Check(const OpView& op) {
  if (op.in(0)->shape.known() && op.in(0)->shape.elements() != 1)
    return op.Fail(Code::kInvalidModel, "the condition has the shape %s, expected one element", op.in(0)->shape.text().c_str());
  for (const Callee* callee : op.callees) OCTET_TRY(CheckCallee(op, *callee, 1, true));
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  return InferCall(op, 1, out, !op.has_const(0) ? -1 : op.constants[0][0] != std::byte{0} ? 0 : 1);
}

int Choose(const Run& run, int) { return *run.input<uint8_t>(0) ? 0 : 1; }
Status PrepareIf(Prepare& p) { return PrepareCall(p, 1, Choose); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareIf}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "if", .code = BuiltinCode::kIf, .attrs = Layout<Attrs>(OptionsTable::kIf, kRows),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .traits = kSideEffects | kSizesOutputs, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::if_
