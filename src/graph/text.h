// SPDX-License-Identifier: Apache-2.0
// The words and numbers of the text form (text.cc): what its printer and its reader share.
#pragma once
#include <algorithm>
#include <charconv>
#include <limits>
#include <string>
#include <string_view>

#include "graph/graph.h"

namespace octet::graph {

// Calls f with a value of the type's C++ type; false for types that have none: those are printed as bytes.
template <class F> bool WithNumber(DType type, const F& f) {
  switch (type) {
    case DType::kF32: return f(float{}), true;
    case DType::kF64: return f(double{}), true;
    case DType::kI8: return f(int8_t{}), true;
    case DType::kBool:
    case DType::kU8: return f(uint8_t{}), true;
    case DType::kI16: return f(int16_t{}), true;
    case DType::kU16: return f(uint16_t{}), true;
    case DType::kI32: return f(int32_t{}), true;
    case DType::kU32: return f(uint32_t{}), true;
    case DType::kI64: return f(int64_t{}), true;
    case DType::kU64: return f(uint64_t{}), true;
    default: return false;
  }
}

uint64_t HashOf(std::span<const std::byte> bytes);
std::string Quoted(std::string_view text);
std::string WordText(std::string_view word);  // Itself where it is a word, or in quotes.

inline bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("_./;+").find(c) != std::string_view::npos;
}

template <class T> std::string NumberText(T value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof(text), value).ptr};
}

// Walks over the text; every error says where, what was expected and what is there.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool done() const { return at_ == text_.size(); }
  size_t at() const { return at_; }
  char next() const { return done() ? '\0' : text_[at_]; }

  Status Fail(const std::string& expected) const { return Fail(at_, expected); }
  Status Fail(size_t at, const std::string& expected) const {
    const std::string_view before = text_.substr(0, at);
    const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0.
    const std::string_view rest = text_.substr(at, text_.find('\n', at) - at);
    const std::string found = rest.empty() ? "the end of the line" : Quoted(rest.substr(0, 24)) + (rest.size() > 24 ? " ..." : "");
    return Error(Code::kInvalidArgument, "line %td, column %zu: expected %s, found %s", std::ranges::count(before, '\n') + 1, at - line_start + 1,
                 expected.c_str(), found.c_str());
  }

  void SkipSpaces() {
    while (next() == ' ') ++at_;
  }
  void SkipEmptyLines() {
    while (next() == ' ' || next() == '\n') ++at_;
  }
  bool Take(std::string_view token) {
    SkipSpaces();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  Status Expect(std::string_view token) { return Take(token) ? Status() : Fail("'" + std::string(token) + "'"); }
  Status EndOfLine() {
    SkipSpaces();
    if (!done() && next() != '\n') return Fail("the end of the line");
    return {};
  }
  // A word, or anything in quotes.
  Result<std::string> Word(const char* what) {
    SkipSpaces();
    if (next() == '\'') return InQuotes();
    const size_t begin = at_;
    while (IsWordCharacter(next())) ++at_;
    if (at_ == begin) return Fail(what);
    return std::string(text_.substr(begin, at_ - begin));
  }
  template <class T> Status Number(T* value, auto... base) {
    SkipSpaces();
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), *value, base...);
    if (error == std::errc::result_out_of_range)
      return Fail("a number from " + NumberText(std::numeric_limits<T>::lowest()) + " to " + NumberText(std::numeric_limits<T>::max()));
    if (error != std::errc()) return Fail("a number");
    at_ = static_cast<size_t>(end - text_.data());
    return {};
  }
  template <class T> Result<std::vector<T>> List() {
    std::vector<T> list;
    OCTET_TRY(Expect("["));
    while (!Take("]")) {
      if (!list.empty()) OCTET_TRY(Expect(","));
      T value{};
      OCTET_TRY(Number(&value));
      list.push_back(value);
    }
    return list;
  }
  Result<std::vector<std::byte>> Hex() {
    std::vector<std::byte> bytes;
    OCTET_TRY(Expect("0x"));
    for (uint8_t b = 0; HexByte(&b);) bytes.push_back(std::byte{b});
    return bytes;
  }

 private:
  bool HexByte(uint8_t* value) {
    const char* digits = text_.data() + at_;
    if (text_.size() - at_ < 2 || std::from_chars(digits, digits + 2, *value, 16).ptr != digits + 2) return false;
    at_ += 2;
    return true;
  }
  Result<std::string> InQuotes() {
    std::string s;
    for (++at_; !done() && next() != '\'' && next() != '\n';) {
      const char c = text_[at_++];
      uint8_t code = 0;
      if (c != '\\') s += c;
      else if (next() == '\'' || next() == '\\') s += text_[at_++];
      else if (next() != 'x' || (++at_, !HexByte(&code))) return Fail("an escape: \\', \\\\ or \\xHH");
      else s += static_cast<char>(code);
    }
    if (next() != '\'') return Fail("a closing '");
    ++at_;
    return s;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace octet::graph
