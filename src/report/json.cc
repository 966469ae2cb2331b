// SPDX-License-Identifier: Apache-2.0
#include "report/json.h"

#include <cmath>

#include "base/status.h"
#include "base/utf8.h"

namespace octet::report {
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
  AppendJsonText(key, &text_);
  text_ += ':';
  after_key_ = true;
  return *this;
}

Json& Json::Text(std::string_view value) {
  Separate();
  AppendJsonText(value, &text_);
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
