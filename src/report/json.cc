// SPDX-License-Identifier: Apache-2.0
#include "report/json.h"

#include <cmath>

#include "base/status.h"

namespace octet::report {
namespace {

std::string Quoted(std::string_view value) {
  std::string s = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') s += '\\';
    if (static_cast<unsigned char>(c) < 0x20) s += Format("\\u%04x", static_cast<unsigned>(c));
    else s += c;
  }
  return s + "\"";
}

}  // namespace

void Json::Separate() {
  if (!first_ && !after_key_) text_ += ',';
  first_ = after_key_ = false;
}

Json& Json::Open(char open, char close) {
  Separate();
  text_ += open;
  closers_ += close;
  first_ = true;
  return *this;
}

Json& Json::End() {
  text_ += closers_.back();
  closers_.pop_back();
  first_ = false;
  return *this;
}

Json& Json::Key(std::string_view key) {
  Separate();
  text_ += Quoted(key) + ":";
  after_key_ = true;
  return *this;
}

Json& Json::Text(std::string_view value) {
  Separate();
  text_ += Quoted(value);
  return *this;
}

Json& Json::Number(double value) {
  Separate();
  text_ += std::isfinite(value) ? Format("%.9g", value) : "null";
  return *this;
}

Json& Json::Integer(int64_t value) {
  Separate();
  text_ += std::to_string(value);
  return *this;
}

Json& Json::Bool(bool value) {
  Separate();
  text_ += value ? "true" : "false";
  return *this;
}

}  // namespace octet::report
