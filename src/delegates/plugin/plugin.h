// SPDX-License-Identifier: Apache-2.0
// Delegates in shared libraries of their own: octet's interface (octet/delegate.h), or TensorFlow Lite's external delegates.
#pragma once
#include <memory>

#include "delegates/load.h"

namespace octet::delegates {

// `spec.name` is the library's path. The library stays loaded.
Result<std::shared_ptr<const runtime::Delegate>> LoadPlugin(const Spec& spec);

}  // namespace octet::delegates
