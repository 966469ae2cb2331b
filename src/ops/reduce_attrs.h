// SPDX-License-Identifier: Apache-2.0
// Attributes of the reducing operators: mean, sum, reduce_max and their kin.
#pragma once

namespace octet::ops {

struct ReduceAttrs {
  bool keep_dims = false;
};

}  // namespace octet::ops
