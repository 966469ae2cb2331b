// SPDX-License-Identifier: Apache-2.0
// StatelessRandomGetKeyCounter (TensorFlow's): two numbers as a seed become a key and a counter, mixed so that none of the
// seed's bits matters more than another.
#include "ops/stateless_util.h"
#include "ops/text_util.h"

namespace octet::ops::flex_stateless_random_get_key_counter {
namespace {

constexpr Operand kInputs[] = {{.name = "seed", .type = 'S'}};
constexpr Operand kOutputs[] = {{.name = "key", .type = 'K'}, {.name = "counter", .type = 'K'}};
constexpr TypeRow kTypes[] = {{"S=i32|i64 K=u64"}};

Status Check(const OpView& op) {
  OCTET_TRY(CheckNode(op));
  const Shape& seed = op.in(0)->shape;
  if (seed.rank() != 1 || (seed[0] != kUnknown && seed[0] != 2))
    return op.Fail(Code::kInvalidModel, "expected a seed of 2 numbers, found %s", seed.text().c_str());
  return {};
}

Status Infer(const OpView&, std::span<OutputType> out) {
  out[0] = {DType::kU64, Shape{1}};
  out[1] = {DType::kU64, Shape{2}};
  return {};
}

template <class T> Status Compute(const void*, const Run& run) {
  constexpr std::array<uint32_t, 2> kMixer = {0x3ec8f720, 0x02461e29};
  const auto first = static_cast<uint64_t>(run.input<T>(0)[0]), second = static_cast<uint64_t>(run.input<T>(0)[1]);
  const PhiloxWords mix = Philox4x32(kMixer, {static_cast<uint32_t>(first), static_cast<uint32_t>(first >> 32),
                                              static_cast<uint32_t>(second), static_cast<uint32_t>(second >> 32)});
  run.output<uint64_t>(0)[0] = uint64_t{mix[1]} << 32 | mix[0];
  run.output<uint64_t>(1)[0] = 0;
  run.output<uint64_t>(1)[1] = uint64_t{mix[3]} << 32 | mix[2];
  return {};
}

Status PrepareReference(Prepare& p) {
  p.SetRun(p.op.in(0)->dtype == DType::kI64 ? Compute<int64_t> : Compute<int32_t>, nullptr);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_stateless_random_get_key_counter", .code = BuiltinCode::kCustom, .custom_name = "FlexStatelessRandomGetKeyCounter",
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_stateless_random_get_key_counter
