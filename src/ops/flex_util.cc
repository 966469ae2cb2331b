// SPDX-License-Identifier: Apache-2.0
#include "ops/flex_util.h"

#include <deque>

#include "base/mutex.h"
#include "ops/flexbuffer_util.h"

namespace octet::ops {
namespace {

constexpr Operand kInputs[] = {{.name = "inputs", .type = 'X', .arity = Arity::kOptional}, {.name = "more", .type = 'Y', .arity = Arity::kMany}};
constexpr Operand kOutputs[] = {{.name = "outputs", .type = 'Z', .arity = Arity::kMany}};
constexpr TypeRow kTypes[] = {{""}};

// Only TensorFlow knows the shapes: its outputs are sized while running.
Status Infer(const OpView&, std::span<OutputType> out) {
  for (OutputType& o : out) o.dynamic = true;
  return {};
}

}  // namespace

void DefineFlex(OpDef* def) {
  def->custom_name = def->name;
  def->code = BuiltinCode::kCustom;
  def->inputs = kInputs;
  def->outputs = kOutputs;
  def->types = kTypes;
  def->traits = kRandom | kSizesOutputs;  // Neither folded nor merged; what nobody reads may go.
  def->infer = Infer;
}

bool HasOwnKernel(std::string_view custom_name) {
  const OpDef* def = custom_name.starts_with("Flex") ? Find(BuiltinCode::kCustom, custom_name) : nullptr;
  return def && def->name.starts_with("flex_");  // TensorFlow's are named as in the file.
}

const OpDef& FlexOp(std::string_view custom_name) {
  struct Named {
    std::string name;
    OpDef def;
  };
  static Mutex mutex;
  static auto& known = *new std::deque<Named>;  // Stay where they are.
  const Lock lock(mutex);
  for (const Named& n : known)
    if (n.name == custom_name) return n.def;
  Named& n = known.emplace_back(Named{std::string(custom_name), {}});
  n.def.name = n.name;
  DefineFlex(&n.def);
  return n.def;
}

std::vector<std::byte> FlexOptions(std::string_view op, std::string_view node_def) {
  constexpr uint8_t kVector = 10, kBytesOfOffset = 1;
  FlexBuffer b;
  uint8_t types[2];
  const size_t at[2] = {b.AddString(op, &types[0]), b.AddString(node_def, &types[1])};
  const int log = FlexBuffer::LogOf(b.size() + 32);  // No offset is larger.
  b.Align(log);
  b.Add(2, log);
  const size_t vector = b.size();
  for (const size_t text : at) b.Add(b.size() - text, log);
  for (const uint8_t type : types) b.Add(type, 0);
  b.Add(b.size() - vector, 0);
  b.Add(static_cast<uint64_t>(kVector << 2 | log), 0);
  b.Add(kBytesOfOffset, 0);
  return b.Take();
}

}  // namespace octet::ops
