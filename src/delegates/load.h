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

// Null for "cpu", and for "flex", which is no delegate of parts: see flex/flex.h. A library has octet_delegate (octet/delegate.h), or TensorFlow Lite's
// tflite_plugin_create_delegate.
Result<std::shared_ptr<const runtime::Delegate>> Load(const Spec& spec);
// What "flex;library=PATH" names; empty: nothing does.
Result<std::string> FlexLibrary(const std::vector<std::string>& texts);
// In this order; "cpu" and "flex" add nothing.
Result<std::vector<std::shared_ptr<const runtime::Delegate>>> LoadAll(const std::vector<std::string>& texts);

}  // namespace octet::delegates
