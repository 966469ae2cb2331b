// SPDX-License-Identifier: Apache-2.0
#include "importers/keras/builder.h"
#include "importers/keras/rules.h"
namespace octet::importers::keras {
const std::span<const LayerRule> kAttentionRules = {};
}  // namespace octet::importers::keras
