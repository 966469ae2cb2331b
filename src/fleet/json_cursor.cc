// SPDX-License-Identifier: Apache-2.0
#include "fleet/json_cursor.h"

#include <charconv>
#include <cstring>

namespace octet::fleet {

namespace {
constexpr int kMostDepth = 16;
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
}  // namespace

char JsonCursor::Peek() {
  while (at_ < end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\r')) ++at_;
  return at_ < end_ ? *at_ : '\0';
}

bool JsonCursor::Take(char c, const char* error) {
  if (Peek() == c && ok()) {
    ++at_;
    return true;
  }
  Fail(error);
  return false;
}

bool JsonCursor::AtEnd() { return ok() && Peek() == '\0' && at_ == end_; }

bool JsonCursor::Member(std::string_view* key, bool* first) {
  if (!ok()) return false;
  if (Peek() == '}') {
    ++at_;
    return false;
  }
  if (!*first && !Take(',', "expected ',' or '}'")) return false;
  *first = false;
  *key = String();
  if (key->find('\\') != std::string_view::npos)
    Fail("an escape in a field's name");  // Two spellings of one name would be checked as one and read as the other.
  return Take(':', "expected ':'");
}

bool JsonCursor::Element(bool* first) {
  if (!ok()) return false;
  if (Peek() == ']') {
    ++at_;
    return false;
  }
  if (!*first && !Take(',', "expected ',' or ']'")) return false;
  *first = false;
  return ok();
}

bool JsonCursor::Escape() {
  if (end_ - at_ < 2) return false;
  const char c = at_[1];
  if (c != 'u') {
    at_ += 2;
    return std::strchr("\"\\/bfnrt", c) != nullptr && c != '\0';
  }
  if (end_ - at_ < 6) return false;
  unsigned value = 0;
  for (int i = 2; i < 6; ++i)
    if (!IsHex(at_[i])) return false;
  std::from_chars(at_ + 2, at_ + 6, value, 16);
  at_ += 6;
  return value != 0 && (value < 0xd800 || value > 0xdfff);
}

std::string_view JsonCursor::String() {
  if (!Take('"', "expected a string")) return {};
  const char* start = at_;
  while (at_ < end_ && *at_ != '"') {
    if (*at_ == '\\') {
      if (!Escape()) return Fail("bad escape in a string"), std::string_view{};
    } else if (static_cast<unsigned char>(*at_) < 0x20) {
      return Fail("control character in a string"), std::string_view{};
    } else {
      ++at_;
    }
  }
  const std::string_view text(start, static_cast<size_t>(at_ - start));
  return Take('"', "string without an end") ? text : std::string_view{};
}

int64_t JsonCursor::Integer() {
  Peek();
  int64_t value = 0;
  const auto [next, error] = std::from_chars(at_, end_, value);
  if (error != std::errc() || (next < end_ && (*next == '.' || *next == 'e' || *next == 'E' || IsDigit(*next))))
    return Fail("expected an integer of 64 bits"), 0;
  at_ = next;
  return value;
}

bool JsonCursor::Bool() {
  const bool yes = Peek() == 't';
  const std::string_view word = yes ? "true" : "false";
  if (static_cast<size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0) return Fail("expected true or false"), false;
  at_ += word.size();
  return yes;
}

void JsonCursor::SkipNumber() {
  if (*at_ == '-') ++at_;
  const char* start = at_;
  while (at_ < end_ && (IsDigit(*at_) || std::strchr("+-.eE", *at_))) ++at_;
  if (at_ == start || !IsDigit(*start)) Fail("expected a value");
}

void JsonCursor::SkipWord() {
  for (std::string_view word : {"true", "false", "null"})
    if (static_cast<size_t>(end_ - at_) >= word.size() && std::memcmp(at_, word.data(), word.size()) == 0) {
      at_ += word.size();
      return;
    }
  Fail("expected a value");
}

void JsonCursor::SkipValue(int depth) {
  if (depth > kMostDepth) return Fail("nested too deeply");
  bool first = true;
  std::string_view key;
  switch (Peek()) {
    case '{':
      ++at_;
      while (Member(&key, &first)) SkipValue(depth + 1);
      return;
    case '[':
      ++at_;
      while (Element(&first)) SkipValue(depth + 1);
      return;
    case '"': String(); return;
    case 't': case 'f': case 'n': SkipWord(); return;
    case '\0': return Fail("line ends too soon");
    default: SkipNumber();
  }
}

std::string_view JsonCursor::Skip() {
  Peek();
  const char* start = at_;
  SkipValue(0);
  return ok() ? std::string_view(start, static_cast<size_t>(at_ - start)) : std::string_view{};
}

bool IsUtf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const auto* end = p + text.size();
  while (p < end) {
    uint64_t word;
    if (end - p >= 8 && (std::memcpy(&word, p, 8), (word & 0x8080808080808080u) == 0)) {
      p += 8;
      continue;
    }
    if (*p < 0x80) {
      ++p;
      continue;
    }
    const int more = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : 1;
    if (*p < 0xc2 || *p > 0xf4 || end - p <= more) return false;
    const unsigned second = p[1];  // Too long forms, surrogates and what lies above U+10FFFF.
    if ((*p == 0xe0 && second < 0xa0) || (*p == 0xed && second > 0x9f) || (*p == 0xf0 && second < 0x90) || (*p == 0xf4 && second > 0x8f)) return false;
    for (int i = 1; i <= more; ++i)
      if ((p[i] & 0xc0) != 0x80) return false;
    p += more + 1;
  }
  return true;
}

}  // namespace octet::fleet
