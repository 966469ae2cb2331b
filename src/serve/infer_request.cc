// SPDX-License-Identifier: Apache-2.0
// Parsed by events, never into a tree: what a hostile text can make of memory is a few times its own size.
#include "serve/infer_request.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace octet::serve {
namespace {

constexpr size_t kMaxDepth = 32, kMaxTensors = 1024;

struct WireName {
  DType dtype;
  std::string_view name;
};
constexpr std::array kWireNames = {
    WireName{DType::kBool, "BOOL"},  WireName{DType::kU8, "UINT8"},     WireName{DType::kU16, "UINT16"}, WireName{DType::kU32, "UINT32"},
    WireName{DType::kU64, "UINT64"}, WireName{DType::kI8, "INT8"},      WireName{DType::kI16, "INT16"},  WireName{DType::kI32, "INT32"},
    WireName{DType::kI64, "INT64"},  WireName{DType::kF16, "FP16"},     WireName{DType::kBF16, "BF16"},  WireName{DType::kF32, "FP32"},
    WireName{DType::kF64, "FP64"},   WireName{DType::kString, "BYTES"},
};

// Where the parser is: the keys from the top, "[]" for a list's element. "inputs[].shape[]" is one of them.
class Path {
 public:
  bool Open(bool list) {
    if (ends_.size() >= kMaxDepth) return false;
    lists_.push_back(list);
    ends_.push_back(text_.size());
    if (list) text_ += "[]";
    return true;
  }
  void Close() {
    text_.resize(ends_.back());
    ends_.pop_back();
    lists_.pop_back();
  }
  void Key(const std::string& key) {
    text_.resize(ends_.back());
    if (!text_.empty()) text_ += '.';
    const bool plain = key.size() < 64 && key.find_first_of(".[]") == std::string::npos;  // What looks like a path is none.
    text_ += plain ? key : "?";
  }
  const std::string& text() const { return text_; }
  bool Inside(std::string_view prefix) const { return text_.starts_with(prefix); }

 private:
  std::string text_;
  std::vector<size_t> ends_;
  std::vector<bool> lists_;
};

// What the protocol's fields hold.
struct Known {
  std::string_view path;
  const char* what;
};
constexpr std::array kKnown = {
    Known{"id", "a text"},
    Known{"parameters", "an object"},
    Known{"parameters.timeout", "a number of microseconds"},
    Known{"parameters.binary_data_output", "true or false"},
    Known{"inputs", "a list"},
    Known{"inputs[]", "an object"},
    Known{"inputs[].name", "a text"},
    Known{"inputs[].datatype", "a text"},
    Known{"inputs[].shape", "a list"},
    Known{"inputs[].shape[]", "an integer that is not negative"},
    Known{"inputs[].data", "a list"},
    Known{"inputs[].parameters", "an object"},
    Known{"inputs[].parameters.binary_data_size", "a number of bytes"},
    Known{"outputs", "a list"},
    Known{"outputs[]", "an object"},
    Known{"outputs[].name", "a text"},
    Known{"outputs[].parameters", "an object"},
    Known{"outputs[].parameters.binary_data", "true or false"},
};

class Events {
 public:
  explicit Events(InferRequest* request) : request_(*request) {}
  std::string error;

  bool null() { return !Inside(kData) || Fail("a tensor's data must not hold null"); }  // Elsewhere: as if it were not there.
  bool boolean(bool value) {
    if (Inside(kData)) {
      Values().booleans = true;
      return Values().Add(int64_t{value}), true;
    }
    if (path_.text() == "parameters.binary_data_output") return request_.binary_output = value, true;
    if (path_.text() == "outputs[].parameters.binary_data") return request_.outputs.back().binary = value, true;
    return Other();
  }
  bool number_integer(int64_t value) {
    if (Inside(kData)) return Values().Add(value), true;
    return path_.text() == "inputs[].shape[]" ? Dimension(value) : Other();
  }
  bool number_unsigned(uint64_t value) {
    if (Inside(kData)) {
      JsonValues& values = Values();
      values.above_int64 |= value > INT64_MAX;
      return values.is_real ? values.Add(static_cast<double>(value)) : values.Add(static_cast<int64_t>(value)), true;
    }
    if (path_.text() == "inputs[].shape[]") return value <= INT32_MAX ? Dimension(static_cast<int64_t>(value)) : Fail("a dimension does not fit into 31 bits");
    if (path_.text() == "inputs[].parameters.binary_data_size") return request_.inputs.back().binary_bytes = value, true;
    if (path_.text() == "parameters.timeout") return request_.timeout_us = value, true;
    return Other();
  }
  bool number_float(double value, const std::string&) {
    if (Inside(kData)) return Values().Add(value), true;
    return Other();
  }
  bool string(std::string& value) {
    if (Inside(kData)) return Values().texts.push_back(std::move(value)), true;
    if (path_.text() == "id") return request_.id = std::move(value), true;
    if (path_.text() == "inputs[].name") return request_.inputs.back().name = std::move(value), true;
    if (path_.text() == "inputs[].datatype") return request_.inputs.back().datatype = std::move(value), true;
    if (path_.text() == "outputs[].name") return request_.outputs.back().name = std::move(value), true;
    return Other();
  }
  bool binary(std::vector<uint8_t>&) { return false; }
  bool start_object(size_t) {
    if (Inside(kData)) return Fail("a tensor's data must hold numbers, booleans or texts");
    if (path_.text() == "inputs[]") request_.inputs.emplace_back();
    else if (path_.text() == "outputs[]") request_.outputs.emplace_back();
    else if (!path_.text().ends_with("parameters") && !Other()) return false;
    if (request_.inputs.size() + request_.outputs.size() > kMaxTensors) return Fail("too many tensors");
    return Open(false);
  }
  bool key(std::string& key) { return path_.Key(key), true; }
  bool end_object() { return path_.Close(), true; }
  bool start_array(size_t) {
    if (path_.text() == "inputs[]" || path_.text() == "outputs[]" || path_.text().empty()) return Fail("expected an object, found a list");
    const bool list = path_.text() == "inputs" || path_.text() == "outputs" || path_.text() == "inputs[].shape" || path_.text() == "inputs[].data";
    if (!list && !Other()) return false;
    if (!Open(true)) return false;
    if (!Inside(kData)) return true;
    request_.inputs.back().has_data = true;
    return request_.inputs.back().nesting.Begin(), true;
  }
  bool end_array() {
    if (Inside(kData)) request_.inputs.back().nesting.End();
    return path_.Close(), true;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) { return Fail(Format("malformed JSON at byte %zu", position)); }

 private:
  static constexpr std::string_view kData = "inputs[].data[]";

  // The values of the tensor whose data an element comes from.
  JsonValues& Values() {
    request_.inputs.back().nesting.Element();
    return request_.inputs.back().values;
  }
  // A value of another kind than is read here: passed over where nothing is known of it, and else wrong.
  bool Other() {
    const auto found = std::ranges::find(kKnown, path_.text(), &Known::path);
    return found == kKnown.end() || Fail(Format("'%s' must be %s", path_.text().c_str(), found->what));
  }
  bool Inside(std::string_view prefix) const { return path_.Inside(prefix); }
  bool Open(bool list) { return path_.Open(list) || Fail("nested too deeply"); }
  bool Fail(std::string why) {
    if (error.empty()) error = std::move(why);
    return false;
  }
  bool Dimension(int64_t value) {
    std::vector<int64_t>& shape = request_.inputs.back().shape;
    if (value < 0) return Fail("a dimension must not be negative");
    if (shape.size() >= kMaxRank) return Fail(Format("a shape has at most %d dimensions", kMaxRank));
    return shape.push_back(value), true;
  }

  InferRequest& request_;
  Path path_;
};

// The binary tensors lie behind the JSON in the order of the inputs and fill the body.
Status SplitBinary(std::string_view body, InferRequest* request) {
  for (RequestInput& input : request->inputs) {
    if (!input.binary_bytes) continue;
    if (input.has_data) return Error(Code::kInvalidArgument, "input '%s' has both data and binary_data_size", input.name.c_str());
    if (*input.binary_bytes > body.size())
      return Error(Code::kInvalidArgument, "input '%s' announces %llu binary bytes; the body has %zu left", input.name.c_str(),
                   static_cast<unsigned long long>(*input.binary_bytes), body.size());
    input.binary = std::as_bytes(std::span(body.data(), static_cast<size_t>(*input.binary_bytes)));
    body.remove_prefix(static_cast<size_t>(*input.binary_bytes));
  }
  if (!body.empty()) return Error(Code::kInvalidArgument, "%zu bytes behind the last binary tensor belong to none", body.size());
  return {};
}

}  // namespace

std::string_view WireType(DType dtype) {
  const auto found = std::ranges::find(kWireNames, dtype, &WireName::dtype);
  return found == kWireNames.end() ? std::string_view() : found->name;
}

DType FromWireType(std::string_view name) {
  const auto found = std::ranges::find(kWireNames, name, &WireName::name);
  return found == kWireNames.end() ? DType::kNone : found->dtype;
}

void JsonValues::Add(int64_t value) {
  negative |= value < 0 && !above_int64;
  if (is_real) reals.push_back(static_cast<double>(value));
  else integers.push_back(value);
}

void JsonValues::Add(double value) {
  if (!is_real) {
    reals.assign(integers.begin(), integers.end());
    integers = {};
    is_real = true;
  }
  reals.push_back(value);
}

void Nesting::Begin() {
  if (!open.empty()) ++open.back();
  open.push_back(0);
}

void Nesting::Element() {
  ++open.back();
  if (depth == 0) depth = open.size();
  even &= depth == open.size();
}

void Nesting::End() {
  const int64_t length = open.back();
  open.pop_back();
  lengths.resize(std::max(lengths.size(), open.size() + 1), -1);
  if (int64_t& known = lengths[open.size()]; known < 0) known = length;
  else even &= known == length;
}

Result<InferRequest> ParseInferRequest(std::string_view body, size_t json_bytes) {
  if (json_bytes > body.size()) return Error(Code::kInvalidArgument, "Inference-Header-Content-Length is %zu; the body has %zu bytes", json_bytes, body.size());
  InferRequest request;
  Events events(&request);
  const std::string_view text = body.substr(0, json_bytes);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &events)) return Error(Code::kInvalidArgument, "the request: %s", events.error.c_str());
  OCTET_TRY(SplitBinary(body.substr(json_bytes), &request));
  return request;
}

}  // namespace octet::serve
