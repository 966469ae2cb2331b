// SPDX-License-Identifier: Apache-2.0
// How an integer LSTM forgets what an earlier sequence left.
#pragma once
#include "ops/state_reset.h"

namespace octet::ops {

StateReset LstmReset(const OpView& op);

}  // namespace octet::ops
