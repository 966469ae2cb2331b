// SPDX-License-Identifier: Apache-2.0
// y = a >> b, broadcast; signed types keep the sign. b is clamped to the bits of the type.
#include "ops/add_sub_util.h"
#include "ops/simple_binary_util.h"

namespace octet::ops::right_shift {
namespace {

constexpr TypeRow kTypes[] = {{"T=i8|u8|i16|u16|i32|u32", 1}};

struct Apply {
  template <class T> T operator()(T a, T b) const {
    constexpr int64_t kMost = static_cast<int64_t>(sizeof(T)) * 8 - 1;
    return static_cast<T>(a >> std::clamp<int64_t>(b, 0, kMost));
  }
};
Status PrepareReference(Prepare& p) { return PrepareSimple<Apply, int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "right_shift",
    .code = BuiltinCode::kRightShift,
    .attrs = Layout<NoAttrs>(OptionsTable::kRightShift, {}),
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

}  // namespace octet::ops::right_shift
