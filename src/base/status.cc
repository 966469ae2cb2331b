// SPDX-License-Identifier: Apache-2.0
#include "base/status.h"

#include <cstdarg>
#include <cstdio>

namespace octet {
namespace {

std::string FormatList(const char* format, va_list list) {
  va_list again;
  va_copy(again, list);
  const int length = std::vsnprintf(nullptr, 0, format, list);
  std::string text(length > 0 ? static_cast<size_t>(length) : 0, '\0');
  if (length > 0) std::vsnprintf(text.data(), text.size() + 1, format, again);
  va_end(again);
  return text;
}

}  // namespace

std::string Format(const char* format, ...) {
  va_list list;
  va_start(list, format);
  std::string text = FormatList(format, list);
  va_end(list);
  return text;
}

Status Error(Code code, const char* format, ...) {
  va_list list;
  va_start(list, format);
  Status status(code, FormatList(format, list));
  va_end(list);
  return status;
}

}  // namespace octet
