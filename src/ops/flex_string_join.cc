// SPDX-License-Identifier: Apache-2.0
// StringJoin (TensorFlow's): texts one after the other with a separator between them; a scalar joins every one.
#include "ops/text_util.h"

namespace octet::ops::flex_string_join {
namespace {

constexpr Operand kInputs[] = {{.name = "inputs", .type = 'S', .arity = Arity::kMany}};

Status Check(const OpView& op) {
  if (op.num_inputs() < 1) return op.Fail(Code::kInvalidModel, "expected texts to join, found none");
  return CheckNode(op);
}

// All that are no scalars are of one shape.
Status Infer(const OpView& op, std::span<OutputType> out) {
  Shape shape;
  for (int i = 0; i < op.num_inputs(); ++i) {
    const Shape& in = op.in(i)->shape;
    if (in.rank() == 0) continue;
    if (shape.rank() == 0) shape = in;
    bool fits = in.rank() == shape.rank();
    for (int d = 0; fits && d < in.rank(); ++d) {
      fits = in[d] == shape[d] || in[d] == kUnknown || shape[d] == kUnknown;
      if (shape[d] == kUnknown) shape[d] = in[d];
    }
    if (!fits) return op.Fail(Code::kInvalidModel, "texts of %s and %s are joined", shape.text().c_str(), in.text().c_str());
  }
  out[0] = {DType::kString, shape};
  return {};
}

struct Params {
  int64_t count;
  int inputs;
  const bool* scalar;  // By input.
  std::string_view separator;
};

Status Join(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  for (int64_t i = 0; i < p.count; ++i) {
    OCTET_ASSIGN(run.output<StringRef>(0)[i],
                 KeepJoined(run, p.inputs, p.separator, [&](int64_t k) { return run.input<StringRef>(static_cast<int>(k))[p.scalar[k] ? 0 : i].view(); }));
  }
  return {};
}

Status PrepareReference(Prepare& p) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(p.op));
  auto* params = p.Params<Params>();
  auto* scalar = p.Array<bool>(static_cast<size_t>(p.op.num_inputs()));
  for (int i = 0; i < p.op.num_inputs(); ++i) scalar[i] = p.op.in(i)->shape.rank() == 0;
  *params = {p.op.out(0)->shape.elements(), p.op.num_inputs(), scalar, node.Text("separator", "")};
  p.SetRun(Join, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_string_join", .code = BuiltinCode::kCustom, .custom_name = "FlexStringJoin",
    .inputs = kInputs, .outputs = kTextOutput, .types = kTextToText, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_string_join
