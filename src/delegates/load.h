// SPDX-License-Identifier: Apache-2.0
// Delegates by name or by library: "gpu", "./libnpu.so;mode=fast;cache=/tmp".
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/delegate.h"

namespace octet::delegates {

struct Spec {
  std::string name;  // Of a built-in delegate, or a path.
  runtime::Delegate::Settings settings;
};
Result<Spec> ParseSpec(const std::string& text);

// Null for "cpu". A library has octet_delegate (octet/delegate.h).
Result<std::shared_ptr<const runtime::Delegate>> Load(const Spec& spec);
// In this order; "cpu" adds nothing.
Result<std::vector<std::shared_ptr<const runtime::Delegate>>> LoadAll(const std::vector<std::string>& texts);

}  // namespace octet::delegates
