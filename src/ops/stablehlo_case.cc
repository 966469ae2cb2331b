// SPDX-License-Identifier: Apache-2.0
// StableHLO case: runs the subgraph with the given number; any other number stands for the last one.
#include "ops/call_util.h"
#include "ops/import.h"

namespace octet::ops::stablehlo_case {
namespace {

struct Attrs {
  Subgraphs branch_subgraph_indices;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::branch_subgraph_indices>("branch_subgraph_indices", 0)};
constexpr Operand kInputs[] = {{.name = "index", .type = 'I'}, {.name = "inputs", .type = 'X', .arity = Arity::kMany}};
constexpr Operand kOutputs[] = {{.name = "outputs", .type = 'Y', .arity = Arity::kMany}};
constexpr TypeRow kTypes[] = {{"I=i32"}};

Status Check(const OpView& op) {
  if (op.callees.empty()) return op.Fail(Code::kInvalidModel, "it names no subgraph");
  if (op.in(0)->shape.known() && op.in(0)->shape.elements() != 1)
    return op.Fail(Code::kInvalidModel, "the index has the shape %s, expected one element", op.in(0)->shape.text().c_str());
  for (const Callee* callee : op.callees) OCTET_TRY(CheckCallee(op, *callee, 1, true));
  return {};
}

int Branch(int32_t index, int branches) { return index >= 0 && index < branches ? index : branches - 1; }

Status Infer(const OpView& op, std::span<OutputType> out) {
  const std::span<const int32_t> index = op.const_of<int32_t>(0);
  return InferCall(op, 1, out, index.empty() ? -1 : Branch(index[0], static_cast<int>(op.callees.size())));
}

int Choose(const Run& run, int callees) { return Branch(*run.input<int32_t>(0), callees); }
Status PrepareCase(Prepare& p) { return PrepareCall(p, 1, Choose); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareCase}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "stablehlo_case", .code = BuiltinCode::kStablehloCase, .attrs = Layout<Attrs>(OptionsTable::kStablehloCase, kRows),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .traits = kSideEffects | kSizesOutputs, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::stablehlo_case
