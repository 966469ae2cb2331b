// SPDX-License-Identifier: Apache-2.0
// StringToNumber (TensorFlow's): texts as numbers, with spaces around them. Decimal, and floats in hexadecimal, too.
#include <charconv>
#include <cmath>
#include <limits>

#include "ops/text_util.h"

namespace octet::ops::flex_string_to_number {
namespace {

constexpr TypeRow kTypes[] = {{"S=str O=f32|f64|i32|i64"}};

std::string_view Trimmed(std::string_view text) {
  const auto first = std::ranges::find_if_not(text, IsSpace);
  text.remove_prefix(static_cast<size_t>(first - text.begin()));
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

// Of a number without sign that no double holds: whether it is above all of them. Else it is next to nothing.
bool IsHuge(std::string_view text, bool hex) {
  const size_t mark = std::min(text.find_first_of(hex ? "pP" : "eE"), text.size());
  const std::string_view digits = text.substr(0, mark);
  const size_t point = std::min(digits.find('.'), digits.size()), first = digits.find_first_not_of("0.");
  std::string_view power = text.substr(std::min(mark + 1, text.size()));
  if (power.starts_with('+')) power.remove_prefix(1);
  int64_t exponent = 0;
  const auto [end, error] = std::from_chars(power.data(), power.data() + power.size(), exponent);
  if (error == std::errc::result_out_of_range) return !power.starts_with('-');
  const auto place = static_cast<int64_t>(point) - static_cast<int64_t>(std::min(first, digits.size()));  // Of the first digit that counts, before the point.
  return exponent > -place * (hex ? 4 : 1);
}

template <class T> bool ReadFloat(std::string_view text, T* value) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const bool hex = text.size() > 2 && text[0] == '0' && (text[1] | 0x20) == 'x';
  if (hex) text.remove_prefix(2);
  if (text.empty() || text[0] == '-' || text.back() == ')') return false;  // A second sign, "nan(…)".
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, *value, hex ? std::chars_format::hex : std::chars_format::general);
  if (end != last || error == std::errc::invalid_argument) return false;
  if (error == std::errc::result_out_of_range) *value = IsHuge(text, hex) ? std::numeric_limits<T>::infinity() : T{0};
  if (negative) *value = -*value;
  return true;
}

template <class T> bool ReadWhole(std::string_view text, T* value) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, *value);
  return end == last && error == std::errc();
}

template <class T> Status Read(const void* params, const Run& run) {
  for (int64_t i = 0; i < static_cast<const TextCount*>(params)->count; ++i) {
    const std::string_view text = run.input<StringRef>(0)[i].view();
    T* const value = run.output<T>(0) + i;
    bool good = false;
    if constexpr (std::is_floating_point_v<T>) good = ReadFloat(Trimmed(text), value);
    else good = ReadWhole(Trimmed(text), value);
    if (!good)
      return Error(Code::kInvalidArgument, "flex_string_to_number: '%.*s' is no number", static_cast<int>(std::min<size_t>(text.size(), 40)), text.data());
  }
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].shape = op.in(0)->shape;
  return {};
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<TextCount>();
  *params = {p.op.in(0)->shape.elements()};
  const DType type = p.op.out(0)->dtype;
  p.SetRun(type == DType::kF32 ? Read<float> : type == DType::kF64 ? Read<double> : type == DType::kI32 ? Read<int32_t> : Read<int64_t>, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_string_to_number", .code = BuiltinCode::kCustom, .custom_name = "FlexStringToNumber",
    .inputs = kTextInput, .outputs = kTextOutput, .types = kTypes, .check = CheckNode, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_string_to_number
