// SPDX-License-Identifier: Apache-2.0
// The delegates that are part of octet: one line each in builtin.cc.
#pragma once
#include <span>
#include <string_view>

#include "octet/delegate.h"
#include "runtime/delegate.h"

namespace octet::delegates {

struct Builtin {
  std::string_view name;
  const OctetDelegate* (*functions)();
  Status (*check)(const runtime::Delegate::Settings& settings);  // What is wrong with its options, whatever the machine has.
};
std::span<const Builtin> Builtins();

}  // namespace octet::delegates
