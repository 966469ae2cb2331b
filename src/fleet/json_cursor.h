// SPDX-License-Identifier: Apache-2.0
// A strict reader over one line of JSON that builds nothing: the caller asks for what it expects, in the order in which it comes.
// The first error sticks; afterwards every call is harmless and says no.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace octet::fleet {

class JsonCursor {
 public:
  explicit JsonCursor(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool ok() const { return error_ == nullptr; }
  const char* error() const { return error_; }
  void Fail(const char* error) { if (!error_) { error_ = error; at_ = end_; } }

  // while (c.Member(&key)) … reads the value of each member; the same for elements. `first` starts as true.
  bool OpenObject() { return Take('{', "expected an object"); }
  bool Member(std::string_view* key, bool* first);
  bool OpenArray() { return Take('[', "expected an array"); }
  bool Element(bool* first);

  // The characters between the quotes as written, escapes checked but not resolved. Refused: control characters, \u0000, surrogates.
  std::string_view String();
  int64_t Integer();
  bool Bool();
  std::string_view Skip();  // Any value, as text.
  bool AtEnd();             // Only blanks are left.
  char Peek();              // The next character that is no blank; 0 at the end.

 private:
  bool Take(char c, const char* error);
  bool Escape();
  void SkipNumber();
  void SkipWord();
  void SkipValue(int depth);

  const char* at_;
  const char* end_;
  const char* error_ = nullptr;
};

bool IsUtf8(std::string_view text);

}  // namespace octet::fleet
