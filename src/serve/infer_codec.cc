// SPDX-License-Identifier: Apache-2.0
#include "serve/infer_codec.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/float16.h"
#include "base/strings.h"

namespace octet::serve {
namespace {

// Calls f with a value of the C++ type that an element of `dtype` is; 16-bit floats and texts are the caller's.
template <class F> auto WithType(DType dtype, const F& f) {
  switch (dtype) {
    case DType::kBool: return f(bool{});
    case DType::kU8: return f(uint8_t{});
    case DType::kU16: return f(uint16_t{});
    case DType::kU32: return f(uint32_t{});
    case DType::kU64: return f(uint64_t{});
    case DType::kI8: return f(int8_t{});
    case DType::kI16: return f(int16_t{});
    case DType::kI32: return f(int32_t{});
    case DType::kI64: return f(int64_t{});
    case DType::kF64: return f(double{});
    default: return f(float{});
  }
}

const char* Text(const std::string& s) { return s.c_str(); }

Status BadValue(const RequestInput& in) {
  return Error(Code::kInvalidArgument, "input '%s': a value of its data is no %s", Text(in.name), Text(in.datatype));
}

double Real(const JsonValues& v, size_t i) { return v.is_real ? v.reals[i] : static_cast<double>(v.integers[i]); }

// JSON's numbers as elements; what does not fit exactly into an integer type is an error.
template <class T> bool Convert(const JsonValues& v, std::byte* out) {
  for (size_t i = 0; i < v.size(); ++i) {
    T value{};
    if constexpr (std::is_floating_point_v<T>) {
      value = static_cast<T>(Real(v, i));
      if (!std::isfinite(value)) return false;
    } else if constexpr (std::is_same_v<T, uint64_t>) {
      if (v.is_real || v.negative) return false;
      value = static_cast<uint64_t>(v.integers[i]);
    } else {
      if (v.is_real || v.above_int64 || !std::in_range<std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>>(v.integers[i])) return false;
      if (std::is_same_v<T, bool> && v.integers[i] > 1) return false;
      value = static_cast<T>(v.integers[i]);
    }
    std::memcpy(out + i * sizeof(T), &value, sizeof(T));
  }
  return true;
}

// Nested data must nest as the shape does.
Status CheckNesting(const RequestInput& in, const Shape& shape) {
  const Nesting& n = in.nesting;
  if (n.even && (n.depth <= 1 || std::ranges::equal(n.lengths, shape.dims()))) return {};
  std::string found;
  for (const int64_t length : n.lengths) found += (found.empty() ? "" : ",") + std::to_string(length);
  return Error(Code::kInvalidArgument, "input '%s': its data are lists of [%s]%s; expected the shape %s, or all in one list", Text(in.name), Text(found),
               n.even ? "" : " and others", Text(shape.text()));
}

Status FromJson(const RequestInput& in, DType dtype, BoundInput* bound) {
  const JsonValues& v = in.values;
  const auto elements = static_cast<size_t>(bound->shape.elements());
  const bool texts = dtype == DType::kString;
  if (v.size() != elements)
    return Error(Code::kInvalidArgument, "input '%s': the shape %s has %zu elements; its data has %zu", Text(in.name), Text(bound->shape.text()), elements,
                 v.size());
  OCTET_TRY(CheckNesting(in, bound->shape));
  if (v.texts.size() != (texts ? elements : 0)) return BadValue(in);
  if (texts) {
    std::vector<StringRef> refs;
    for (const std::string& t : v.texts) refs.push_back({t.data(), t.size()});
    bound->owned = WriteStrings(refs);
    return {};
  }
  bound->owned.resize(elements * static_cast<size_t>(BitsOf(dtype)) / 8);
  if (dtype == DType::kF16 || dtype == DType::kBF16) {
    for (size_t i = 0; i < elements; ++i) {
      const auto value = static_cast<float>(Real(v, i));
      const uint16_t bits = dtype == DType::kF16 ? F32ToF16(value) : F32ToBF16(value);
      std::memcpy(bound->owned.data() + 2 * i, &bits, 2);
    }
    return {};
  }
  const bool good = WithType(dtype, [&](auto zero) { return Convert<decltype(zero)>(v, bound->owned.data()); });
  return good ? Status() : BadValue(in);
}

// Each text of a binary BYTES tensor is its length in four bytes, then its characters.
Status TextsFromBinary(const RequestInput& in, int64_t elements, BoundInput* bound) {
  std::vector<StringRef> refs;
  std::span<const std::byte> rest = in.binary;
  while (!rest.empty()) {
    uint32_t size = 0;
    if (rest.size() >= 4) std::memcpy(&size, rest.data(), 4);
    if (rest.size() < 4 || size > rest.size() - 4 || static_cast<int64_t>(refs.size()) == elements)
      return Error(Code::kInvalidArgument, "input '%s': its binary texts are cut off or more than the shape says", Text(in.name));
    refs.push_back({reinterpret_cast<const char*>(rest.data() + 4), size});
    rest = rest.subspan(4 + size);
  }
  if (static_cast<int64_t>(refs.size()) != elements)
    return Error(Code::kInvalidArgument, "input '%s': the shape has %lld texts; %zu came", Text(in.name), static_cast<long long>(elements), refs.size());
  bound->owned = WriteStrings(refs);
  return {};
}

Status BindShape(const RequestInput& in, const TensorSpec& spec, Shape* shape) {
  const Shape& want = spec.shape;
  bool fits = static_cast<int>(in.shape.size()) == want.rank();
  for (int i = 0; fits && i < want.rank(); ++i) {
    fits = want[i] == kUnknown || want[i] == in.shape[static_cast<size_t>(i)];
    shape->push_back(static_cast<int32_t>(in.shape[static_cast<size_t>(i)]));
  }
  if (fits) return {};
  std::string found;
  for (const int64_t d : in.shape) found += (found.empty() ? "" : ",") + std::to_string(d);
  return Error(Code::kInvalidArgument, "input '%s': expected the shape %s, found [%s]", Text(in.name), Text(want.text()), Text(found));
}

Status BindInput(const RequestInput& in, const TensorSpec& spec, BoundInput* bound) {
  if (in.datatype != WireType(spec.dtype))
    return Error(Code::kInvalidArgument, "input '%s': expected datatype %s, found '%s'", Text(in.name), std::string(WireType(spec.dtype)).c_str(),
                 Text(in.datatype));
  OCTET_TRY(BindShape(in, spec, &bound->shape));
  uint64_t bytes = 0;
  if (!CheckedBytes(spec.dtype, bound->shape, &bytes))
    return Error(Code::kInvalidArgument, "input '%s': the shape %s has too many elements", Text(in.name), Text(bound->shape.text()));
  if (!in.has_data && !in.binary_bytes) return Error(Code::kInvalidArgument, "input '%s' has neither data nor binary_data_size", Text(in.name));
  if (in.has_data) {
    OCTET_TRY(FromJson(in, spec.dtype, bound));
  } else if (spec.dtype == DType::kString) {
    OCTET_TRY(TextsFromBinary(in, bound->shape.elements(), bound));
  } else {
    if (in.binary.size() != bytes)
      return Error(Code::kInvalidArgument, "input '%s': the shape %s of %s has %llu bytes; %zu came", Text(in.name), Text(bound->shape.text()),
                   Text(in.datatype), static_cast<unsigned long long>(bytes), in.binary.size());
    bound->bytes = in.binary;
    return {};
  }
  bound->bytes = bound->owned;
  return {};
}

std::string Names(std::span<const TensorSpec> specs) {
  std::string names;
  for (const TensorSpec& s : specs) names += (names.empty() ? "'" : ", '") + s.name + "'";
  return names;
}

Result<int> FindSpec(std::span<const TensorSpec> specs, const std::string& name, const char* kind) {
  const auto found = std::ranges::find(specs, name, &TensorSpec::name);
  if (found == specs.end()) return Error(Code::kInvalidArgument, "the model has no %s '%s'; there is: %s", kind, Text(name), Text(Names(specs)));
  return static_cast<int>(found - specs.begin());
}

std::string Quoted(std::string_view text) { return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

template <class T> bool AppendNumber(const std::byte* from, std::string* out) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  if constexpr (std::is_same_v<T, bool>) return out->append(value ? "true" : "false"), true;
  else {
    char text[40];
    if constexpr (std::is_floating_point_v<T>)
      if (!std::isfinite(value)) return false;
    out->append(text, std::to_chars(text, text + sizeof(text), value).ptr);  // The shortest that reads back to the same bits.
    return true;
  }
}

// False where JSON cannot hold a value: NaN, infinity, texts that are not UTF-8.
bool AppendJson(DType dtype, std::span<const std::byte> bytes, std::string* out) {
  const auto size = static_cast<size_t>(BitsOf(dtype)) / 8;
  for (size_t i = 0; i + size <= bytes.size(); i += size) {
    if (i) *out += ',';
    bool good = true;
    if (dtype == DType::kF16 || dtype == DType::kBF16) {
      uint16_t bits;
      std::memcpy(&bits, bytes.data() + i, 2);
      const float value = dtype == DType::kF16 ? F16ToF32(bits) : BF16ToF32(bits);
      good = AppendNumber<float>(reinterpret_cast<const std::byte*>(&value), out);
    } else {
      good = WithType(dtype, [&](auto zero) { return AppendNumber<decltype(zero)>(bytes.data() + i, out); });
    }
    if (!good) return false;
  }
  return true;
}

bool AppendTexts(const std::vector<StringRef>& texts, bool binary, std::string* out) {
  try {
    for (size_t i = 0; i < texts.size(); ++i) {
      if (binary) {
        const auto size = static_cast<uint32_t>(texts[i].size);
        out->append(reinterpret_cast<const char*>(&size), 4).append(texts[i].view());
      } else {
        *out += (i ? "," : "") + nlohmann::json(texts[i].view()).dump();
      }
    }
    return true;
  } catch (const nlohmann::json::exception&) {  // Not UTF-8.
    return false;
  }
}

bool AppendTensor(DType dtype, int output, const Outputs& outputs, bool binary, std::string* to) {
  if (dtype == DType::kString) {
    const auto buffer = outputs.strings(output);
    if (!buffer.ok()) return false;
    std::vector<StringRef> refs(static_cast<size_t>(outputs.shape(output).elements()));
    ReadStrings(*buffer, refs.data());
    return AppendTexts(refs, binary, to);
  }
  const std::span<const std::byte> bytes = outputs.bytes(output);
  if (binary) return to->append(reinterpret_cast<const char*>(bytes.data()), bytes.size()), true;
  return AppendJson(dtype, bytes, to);
}

std::string ShapeText(const Shape& shape) {
  std::string text;
  for (const int32_t d : shape.dims()) text += (text.empty() ? "" : ",") + std::to_string(d);
  return "[" + text + "]";
}

}  // namespace

Result<std::vector<BoundInput>> BindInputs(const InferRequest& request, std::span<const TensorSpec> specs) {
  std::vector<BoundInput> bound(specs.size());
  std::vector<bool> seen(specs.size(), false);
  for (const RequestInput& in : request.inputs) {
    OCTET_ASSIGN(const int i, FindSpec(specs, in.name, "input"));
    const auto at = static_cast<size_t>(i);
    if (seen[at]) return Error(Code::kInvalidArgument, "input '%s' came twice", Text(in.name));
    seen[at] = true;
    bound[at].index = i;
    OCTET_TRY(BindInput(in, specs[at], &bound[at]));
  }
  for (size_t i = 0; i < specs.size(); ++i)
    if (!seen[i]) return Error(Code::kInvalidArgument, "input '%s' is missing", Text(specs[i].name));
  return bound;
}

Result<std::vector<int>> BindOutputs(const InferRequest& request, std::span<const TensorSpec> specs) {
  std::vector<int> wanted;
  for (const RequestOutput& out : request.outputs) {
    OCTET_ASSIGN(const int i, FindSpec(specs, out.name, "output"));
    wanted.push_back(i);
  }
  if (request.outputs.empty())
    for (size_t i = 0; i < specs.size(); ++i) wanted.push_back(static_cast<int>(i));
  return wanted;
}

HttpResponse EncodeResponse(const InferRequest& request, const ServedModel& model, const std::vector<int>& wanted, const Outputs& outputs) {
  std::string json = "{\"model_name\":" + Quoted(model.config().name) + ",\"model_version\":" + Quoted(model.config().version);
  if (!request.id.empty()) json += ",\"id\":" + Quoted(request.id);
  json += ",\"outputs\":[";
  std::string tensors;
  bool any_binary = false;
  for (size_t k = 0; k < wanted.size(); ++k) {
    const int i = wanted[k];
    const TensorSpec& spec = model.outputs()[static_cast<size_t>(i)];
    const bool binary = k < request.outputs.size() && request.outputs[k].binary ? *request.outputs[k].binary : request.binary_output;
    json += (k ? ",{\"name\":" : "{\"name\":") + Quoted(spec.name) + ",\"datatype\":\"" + std::string(WireType(spec.dtype)) +
            "\",\"shape\":" + ShapeText(outputs.shape(i));
    const size_t before = tensors.size();
    if (!binary) json += ",\"data\":[";
    if (!AppendTensor(spec.dtype, i, outputs, binary, binary ? &tensors : &json))
      return JsonError(500, "output '" + spec.name + "' holds what JSON cannot (NaN, infinity, or bytes that are no UTF-8); ask for binary data");
    json += binary ? ",\"parameters\":{\"binary_data_size\":" + std::to_string(tensors.size() - before) + "}}" : "]}";
    any_binary |= binary;
  }
  json += "]}";
  HttpResponse response;
  if (any_binary) {
    response.content_type = "application/octet-stream";
    response.headers.emplace_back("Inference-Header-Content-Length", std::to_string(json.size()));
  }
  response.body = std::move(json);
  response.body += tensors;
  return response;
}

}  // namespace octet::serve
