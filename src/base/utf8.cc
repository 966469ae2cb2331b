// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <algorithm>

#include "base/status.h"

namespace octet {

// Source: RFC 3629. Neither longer forms than needed nor halves of UTF-16's pairs are well-formed.
int32_t DecodeUtf8(std::string_view text, size_t* length) {
  const auto byte = [&](size_t i) { return static_cast<int32_t>(static_cast<uint8_t>(text[i])); };
  const int32_t first = byte(0);
  *length = 1;
  if (first < 0x80) return first;
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return -1;
  int32_t rune = first & (0x7f >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return -1;
    rune = rune << 6 | (byte(i) & 0x3f);
  }
  constexpr int32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (rune < kLeast[size] || rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000)) return -1;
  *length = size;
  return rune;
}

size_t Utf8Length(std::string_view text) {
  size_t length = 0;
  return DecodeUtf8(text, &length) < 0 ? 0 : length;
}

// Source: Unicode 15, section 3.9, table 3-7 and "maximal subpart".
size_t MalformedLength(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<int32_t>(static_cast<uint8_t>(text[i])) : 0; };
  const int32_t first = byte(0);
  if (first < 0xc2 || first > 0xf4) return 1;
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const int32_t least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80, most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < least || byte(1) > most) return 1;
  size_t length = 2;
  while (length < size && (byte(length) & 0xc0) == 0x80) ++length;
  return length;
}

size_t EncodeUtf8(int32_t rune, char* to) {
  const size_t size = rune < 0x80 ? 1 : rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
  constexpr int32_t kFirst[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = size; i-- > 1; rune >>= 6) to[i] = static_cast<char>(0x80 | (rune & 0x3f));
  to[0] = static_cast<char>(kFirst[size] | rune);
  return size;
}

namespace {

bool IsControl(int32_t rune) { return rune < 0x20 || (rune >= 0x7f && rune < 0xa0); }

}  // namespace

std::string Printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    size_t length = 0;
    const int32_t rune = DecodeUtf8(text, &length);
    if (IsControl(rune) && rune != '\n' && rune != '\t') shown += '?';
    else shown += text.substr(0, length);
    text.remove_prefix(length);
  }
  return shown;
}

std::string OneLine(std::string_view text) {
  std::string line = Printable(text);
  std::ranges::replace_if(line, [](char c) { return c == '\n' || c == '\t'; }, '?');
  return line;
}

void AppendJsonText(std::string_view text, std::string* out) {
  *out += '"';
  while (!text.empty()) {
    size_t length = 0;
    const int32_t rune = DecodeUtf8(text, &length);
    if (rune < 0) *out += "\\ufffd";
    else if (IsControl(rune)) *out += Format("\\u%04x", static_cast<unsigned>(rune));
    else if (rune == '"' || rune == '\\') out->append(1, '\\').append(1, text[0]);
    else *out += text.substr(0, length);
    text.remove_prefix(length);
  }
  *out += '"';
}

}  // namespace octet
