// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace octet {

// The first character and its length in bytes; -1 (of one byte) where there is none that is well-formed. `text` is not empty.
int32_t DecodeUtf8(std::string_view text, size_t* length);
// Bytes of the first character; 0 where there is none that is well-formed. `text` is not empty.
size_t Utf8Length(std::string_view text);
// Of what is malformed at the front: the bytes that one replacement character stands for (the longest begin of a character, or one byte).
size_t MalformedLength(std::string_view text);
// Its bytes, 1 to 4, written to `to`.
size_t EncodeUtf8(int32_t rune, char* to);

// For people: names come from files, so what a terminal would take for a command, and what is no UTF-8, becomes '?'. Line ends and tabs stay.
std::string Printable(std::string_view text);
std::string OneLine(std::string_view text);  // Line ends and tabs become '?', too.
// Appends a text of JSON with its quotes; U+FFFD stands for what is no UTF-8, and a terminal finds no command in it.
void AppendJsonText(std::string_view text, std::string* out);

}  // namespace octet
