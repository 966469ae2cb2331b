// SPDX-License-Identifier: Apache-2.0
// Writes JSON text in order; nothing is built in memory but the text.
//   Json j; j.Object().Key("runs").Number(3).Key("ops").Array()...End().End();
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace octet::report {

class Json {
 public:
  Json& Object() { return Open('{', '}'); }
  Json& Array() { return Open('[', ']'); }
  Json& End();
  Json& Key(std::string_view key);
  Json& Text(std::string_view value);
  Json& Number(double value);  // null when not finite.
  Json& Integer(int64_t value);
  Json& Bool(bool value);

  template <class T> Json& Field(std::string_view key, const T& value) {
    Key(key);
    if constexpr (std::is_same_v<T, bool>) return Bool(value);
    else if constexpr (std::is_integral_v<T>) return Integer(static_cast<int64_t>(value));
    else if constexpr (std::is_floating_point_v<T>) return Number(static_cast<double>(value));
    else return Text(value);
  }
  const std::string& text() const { return text_; }

 private:
  Json& Open(char open, char close);
  void Separate();
  std::string text_, closers_;
  bool first_ = true, after_key_ = false;
};

}  // namespace octet::report
