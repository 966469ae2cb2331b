// SPDX-License-Identifier: Apache-2.0
// AsString (TensorFlow's): numbers as printf would write them; truth as "true" and "false".
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "ops/text_util.h"

namespace octet::ops::flex_as_string {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}};
constexpr TypeRow kTypes[] = {{"T=i8|u8|i16|u16|i32|u32|i64|u64|bool|f32|f64 O=str"}};
constexpr int64_t kMostDigits = 64, kMostWidth = 1024;
constexpr size_t kMostText = 2048;  // The largest double has 309 digits before its point.

struct Options {
  int64_t precision, width;
  bool scientific, shortest;
  char fill;  // Of printf's flags; 0: none.
};

Options OptionsOf(const NodeDef& node) {
  const std::string_view fill = node.Text("fill", "");
  return {node.Int("precision", -1), node.Int("width", -1), node.Bool("scientific", false), node.Bool("shortest", false), fill.empty() ? '\0' : fill[0]};
}

Status Check(const OpView& op) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  const Options o = OptionsOf(node);
  const DType type = op.in(0)->dtype;
  if (o.precision > kMostDigits || o.width > kMostWidth)
    return op.Fail(Code::kUnsupported, "a precision of %lld and a width of %lld", static_cast<long long>(o.precision), static_cast<long long>(o.width));
  if (o.precision >= 0 && !IsFloat(type))
    return op.Fail(Code::kInvalidModel, "expected no precision for whole numbers, found %lld", static_cast<long long>(o.precision));
  if ((o.scientific || o.shortest) && (!IsFloat(type) || (o.scientific && o.shortest)))
    return op.Fail(Code::kInvalidModel, "'scientific' and 'shortest' are for floats, one of them");
  if (node.Text("fill", "").size() > 1 || (o.fill && std::string_view(" +-0#").find(o.fill) == std::string_view::npos))
    return op.Fail(Code::kInvalidModel, "fill is not one of ' ', '+', '-', '0', '#'");
  if (o.fill == '#') return op.Fail(Code::kUnsupported, "fill '#' (another form of numbers) is not written here; take ' ', '+', '-' or '0'");
  return {};
}

// With a sign where there is one; how many characters.
template <class T> size_t Digits(T v, const Options& o, std::span<char, kMostText> text) {
  char* const begin = text.data();
  char* const end = begin + text.size();
  if constexpr (std::is_same_v<T, bool>) {
    const std::string_view word = v ? "true" : "false";
    return static_cast<size_t>(std::ranges::copy(word, begin).out - begin);
  } else if constexpr (std::is_floating_point_v<T>) {
    const int precision = o.precision < 0 ? 6 : static_cast<int>(o.precision);
    const auto format = o.shortest ? std::chars_format::general : o.scientific ? std::chars_format::scientific : std::chars_format::fixed;
    return static_cast<size_t>(std::to_chars(begin, end, static_cast<double>(v), format, precision).ptr - begin);
  } else {
    return static_cast<size_t>(std::to_chars(begin, end, v).ptr - begin);
  }
}

// As printf's flags say: '-' pads behind, '0' between sign and digits, the others before.
size_t Pad(std::span<char, kMostText> text, size_t size, const Options& o, bool number) {
  const auto insert = [&](size_t at, size_t count, char c) {
    std::memmove(text.data() + at + count, text.data() + at, size - at);
    std::fill_n(text.data() + at, count, c);
    size += count;
  };
  const bool negative = text[0] == '-', signs = o.fill == '+' || o.fill == ' ';
  if (number && !negative && signs) insert(0, 1, o.fill);
  const auto width = static_cast<size_t>(std::max<int64_t>(o.width, 0));
  if (size >= width) return size;
  const bool zeros = o.fill == '0' && number && text[size - 1] != 'n' && text[size - 1] != 'f';  // Not "nan" and "inf".
  if (o.fill == '-') insert(size, width - size, ' ');
  else insert(zeros && negative ? 1 : 0, width - size, zeros ? '0' : ' ');
  return size;
}

struct Params {
  Options options;
  int64_t count;
};

template <class T> Status Write(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  for (int64_t i = 0; i < p.count; ++i) {
    std::array<char, kMostText> text;
    size_t size = Digits(run.input<T>(0)[i], p.options, text);
    size = Pad(text, size, p.options, !std::is_same_v<T, bool>);
    OCTET_ASSIGN(run.output<StringRef>(0)[i], Keep(run, {text.data(), size}));
  }
  return {};
}

RunFn WriterOf(DType type) {
  switch (type) {
    case DType::kI8: return Write<int8_t>;
    case DType::kU8: return Write<uint8_t>;
    case DType::kI16: return Write<int16_t>;
    case DType::kU16: return Write<uint16_t>;
    case DType::kI32: return Write<int32_t>;
    case DType::kU32: return Write<uint32_t>;
    case DType::kI64: return Write<int64_t>;
    case DType::kU64: return Write<uint64_t>;
    case DType::kBool: return Write<bool>;
    case DType::kF32: return Write<float>;
    default: return Write<double>;
  }
}

Status PrepareWrite(Prepare& p) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(p.op));
  auto* params = p.Params<Params>();
  *params = {OptionsOf(node), p.op.in(0)->shape.elements()};
  p.SetRun(WriterOf(p.op.in(0)->dtype), params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareWrite}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_as_string", .code = BuiltinCode::kCustom, .custom_name = "FlexAsString",
    .inputs = kInputs, .outputs = kTextOutput, .types = kTypes, .check = Check, .infer = InferText};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_as_string
