// SPDX-License-Identifier: Apache-2.0
// StableHLO composite: an operator that exists by its decomposition, a subgraph. The name and the attributes
// are for delegates and compilers that have a kernel of their own.
#include "ops/call_util.h"
#include "ops/import.h"

namespace octet::ops::stablehlo_composite {
namespace {

struct Attrs {
  Text name;
  Subgraph decomposition_subgraph_index{};
  Bytes composite_attributes;
  int8_t composite_attributes_format = 0;
  int32_t version = 0;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::name>("name", 0),
                             Attr<&Attrs::decomposition_subgraph_index>("decomposition_subgraph_index", 1),
                             Attr<&Attrs::composite_attributes>("composite_attributes", 2),
                             Attr<&Attrs::composite_attributes_format>("composite_attributes_format", 3),
                             Attr<&Attrs::version>("version", 4)};
constexpr Operand kInputs[] = {{.name = "inputs", .type = 'X', .arity = Arity::kMany}};
constexpr Operand kOutputs[] = {{.name = "outputs", .type = 'Y', .arity = Arity::kMany}};
constexpr TypeRow kTypes[] = {{""}};

Status Check(const OpView& op) { return CheckCallee(op, *op.callees[0], 0, true); }
Status Infer(const OpView& op, std::span<OutputType> out) { return InferCall(op, 0, out, 0); }

int Only(const Run&, int) { return 0; }
Status PrepareComposite(Prepare& p) { return PrepareCall(p, 0, Only); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareComposite}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "stablehlo_composite", .code = BuiltinCode::kStablehloComposite,
    .attrs = Layout<Attrs>(OptionsTable::kStableHLOComposite, kRows),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .traits = kSideEffects | kSizesOutputs, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::stablehlo_composite
