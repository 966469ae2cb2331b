// SPDX-License-Identifier: Apache-2.0
// Of a build without Flex: every model stays as it is, and TensorFlow's operators in it are unknown ones.
#include "delegates/flex/flex.h"

namespace octet::delegates {

Result<FlexModel> WithFlexOps(std::shared_ptr<const runtime::Model> model, const std::string&) { return FlexModel{std::move(model), {}}; }

}  // namespace octet::delegates
