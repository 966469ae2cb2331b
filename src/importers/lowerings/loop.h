// SPDX-License-Identifier: Apache-2.0
// A loop over values whose types and shapes stay.
#pragma once
#include <functional>
#include <vector>

#include "importers/lowering.h"

namespace octet::importers {

using Carried = std::vector<Value>;

// While `more` of what is carried holds (a bool scalar), `step` makes the next. Both emit inside the loop: values from around it mean nothing there.
Result<Carried> Loop(Lowering& c, const Carried& start, const std::function<Result<Value>(const Carried&)>& more,
                     const std::function<Result<Carried>(const Carried&)>& step);

}  // namespace octet::importers
