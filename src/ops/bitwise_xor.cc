// SPDX-License-Identifier: Apache-2.0
// y = a xor b, bit by bit, broadcast.
#include "ops/add_sub_util.h"
#include "ops/simple_binary_util.h"

namespace octet::ops::bitwise_xor {
namespace {

constexpr TypeRow kTypes[] = {{"T=i8|u8|i16|u16|i32|u32", 1}};

struct Apply {
  template <class T> T operator()(T a, T b) const { return static_cast<T>(a ^ b); }
};
Status PrepareReference(Prepare& p) { return PrepareSimple<Apply, int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "bitwise_xor",
    .code = BuiltinCode::kBitwiseXor,
    .attrs = Layout<NoAttrs>(OptionsTable::kBitwiseXor, {}),
    .inputs = kBinaryInputs,
    .outputs = kOneOutput,
    .types = kTypes,
    .traits = kElementwise,
    .check = CheckBinary,
    .infer = InferBinary,
    .cost = CostOfElementwise,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::bitwise_xor
