// SPDX-License-Identifier: Apache-2.0
#include "runtime/foreign_op.h"

#include <deque>
#include <set>
#include <string>

#include "ops/op_def.h"
#include "runtime/shared_model.h"

namespace octet::runtime {
namespace {

constexpr std::string_view kEdgeTpu = "edgetpu-custom-op";
constexpr ops::Operand kInputs[] = {{.name = "inputs", .type = 'X', .arity = ops::Arity::kOptional}, {.name = "more", .type = 'Y', .arity = ops::Arity::kMany}};
constexpr ops::Operand kOutputs[] = {{.name = "outputs", .type = 'Z', .arity = ops::Arity::kMany}};
constexpr ops::TypeRow kTypes[] = {{""}};

Status Infer(const ops::OpView& op, std::span<ops::OutputType> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    const TensorType* declared = op.out(static_cast<int>(i));
    if (!declared || !declared->shape.known())
      return op.Fail(Code::kUnsupported, "only its delegate knows it, and the file does not say the shape of its output %zu", i);
    out[i].shape = declared->shape;
  }
  return {};
}

constexpr ops::OpKernel kKernel = {};  // None: whoever brings one may take the name.

struct Known {
  std::string name;
  ops::OpDef def;
};

}  // namespace

Status NeedsEdgeTpu(int nodes) {
  return Error(Code::kUnsupported,
               "the model is compiled for the Edge TPU (%d edgetpu-custom-op): those parts run on that device only. "
               "Give its delegate (--delegate libedgetpu.so.1), or run the model from before edgetpu_compiler",
               nodes);
}

Status NoKernel(const ops::OpView& op) {
  if (op.def->custom_name == kEdgeTpu) return NeedsEdgeTpu(1);
  return op.Fail(Code::kUnsupported, op.def->infer == Infer ? "octet has no kernel for it, and no delegate took it" : "octet has no kernel for it");
}

Result<std::shared_ptr<const Model>> AdmitForeignOps(std::shared_ptr<const Model> model) {
  static Mutex mutex;
  static auto& known = *new std::deque<Known>;  // For the rest of the process.
  std::set<std::string> names;
  for (const tflite::SubgraphInfo& g : static_cast<const SharedModel&>(*model).view().subgraphs())
    for (const tflite::OperatorInfo& op : g.operators)
      if (!op.op && !op.lacks && op.is_custom) names.emplace(op.code_name);
  if (names.empty()) return model;
  const Lock lock(mutex);
  for (const std::string& name : names) {
    if (ops::Find(ops::BuiltinCode::kCustom, name)) continue;
    Known& k = known.emplace_back(Known{name, {}});
    k.def.name = k.def.custom_name = k.name;
    k.def.code = ops::BuiltinCode::kCustom;
    k.def.inputs = kInputs;
    k.def.outputs = kOutputs;
    k.def.types = kTypes;
    k.def.traits = ops::kSideEffects;  // Never folded.
    k.def.infer = Infer;
    OCTET_TRY(ops::Register(&k.def, &kKernel));
  }
  return Model::Reopen(std::move(model));
}

}  // namespace octet::runtime
