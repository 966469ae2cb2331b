// SPDX-License-Identifier: Apache-2.0
#include "delegates/coreml/runner.h"

namespace octet::coreml {

bool Runner::IsHere() { return false; }
Result<std::unique_ptr<Runner>> Runner::Load(const std::string&, const std::string&, std::vector<End>, std::vector<End>) {
  return Error(Code::kDelegate, "%s", kNotHere);
}

}  // namespace octet::coreml
