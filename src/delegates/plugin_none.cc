// SPDX-License-Identifier: Apache-2.0
// Of a build that loads no delegates from libraries.
#include "delegates/plugin/plugin.h"

namespace octet::delegates {

Result<std::shared_ptr<const runtime::Delegate>> LoadPlugin(const Spec& spec) {
  return Error(Code::kUnsupported, "'%s': this build loads no delegates; build octet with -DOCTET_DELEGATES=plugin", spec.name.c_str());
}

}  // namespace octet::delegates
