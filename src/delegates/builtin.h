// SPDX-License-Identifier: Apache-2.0
// The delegates that are part of octet: one line each in builtin.cc.
#pragma once
#include <span>
#include <string_view>

#include "octet/delegate.h"

namespace octet::delegates {

struct Builtin {
  std::string_view name;
  const OctetDelegate* (*functions)();
};
std::span<const Builtin> Builtins();

}  // namespace octet::delegates
