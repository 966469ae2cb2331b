// SPDX-License-Identifier: Apache-2.0
// Pad: the input inside a frame of zeros; for quantized types of the output's zero point.
#include <cstring>

#include "base/thread_pool.h"
#include "ops/import.h"
#include "ops/layout_util.h"
#include "ops/pad_util.h"

namespace octet::ops::pad {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}, {.name = "paddings", .type = 'P', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {
    {"T=f32|f16|bf16|u8|i32|i64|bool P=i32|i64"}, {"T=i8 P=i32|i64", 2}, {"T=i16 P=i32|i64", 3}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone}};

struct Params {
  StridedCopy interior;
  int64_t count;
  int64_t element_bytes;
  std::array<std::byte, 8> value;
};

Status Frame(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  FillElements(run.out[0], p.count, p.value.data(), p.element_bytes);
  Copy(p.interior, run.in[0], run.out[0], *run.pool);
  return {};
}

Status PreparePad(Prepare& p) {
  const TensorType& out = *p.op.out(0);
  IntList paddings;
  ReadInts(p.op, 1, &paddings);
  auto* params = p.Params<Params>();
  *params = {PadInterior(p.op, paddings), out.shape.elements(), BytesOf(out.dtype), {}};
  const int32_t zero = out.quant.zero0();  // Little endian: its low bytes are the element.
  if (!IsFloat(out.dtype))
    std::memcpy(params->value.data(), &zero, std::min<size_t>(sizeof zero, params->element_bytes));
  p.SetRun(Frame, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PreparePad}};

// Keras: `padding` is one number, one per axis, or [before, after] per axis; it arrives flattened.
Status FromKeras(ImportContext& c) {
  const Value x = c.Input(0);
  const size_t axes = static_cast<size_t>(std::max(c.rank(x) - 2, 0));
  const std::vector<int64_t> given = c.Ints("padding", {1});
  const size_t first = static_cast<size_t>(FirstSpatialAxis(c));
  std::vector<int32_t> table(2 * first, 0);
  for (size_t i = 0; i < axes; ++i) {
    for (size_t side = 0; side < 2; ++side) {
      const size_t at = given.size() == 2 * axes ? 2 * i + side : given.size() == axes ? i : 0;
      table.push_back(static_cast<int32_t>(given.empty() ? 0 : given[at]));
    }
  }
  table.resize(2 * (axes + 2), 0);
  const Value paddings = c.Constant<int32_t>(Shape{static_cast<int32_t>(axes) + 2, 2}, table);
  OCTET_ASSIGN(Value y, c.Emit("pad", {x, paddings}));
  c.SetOutput(0, y);
  return {};
}

constexpr ImportRule kRules[] = {{Source::kKeras, "ZeroPadding1D", 0, FromKeras},
                                 {Source::kKeras, "ZeroPadding2D", 0, FromKeras},
                                 {Source::kKeras, "ZeroPadding3D", 0, FromKeras}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "pad",
    .code = BuiltinCode::kPad,
    .attrs = Layout<NoAttrs>(OptionsTable::kPad, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kMovesBytes | kHomogeneous | kKeepsChannels,
    .check = CheckPaddings,
    .infer = InferPadded,
    .version = VersionOfPad,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::pad
