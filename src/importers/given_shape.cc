// SPDX-License-Identifier: Apache-2.0
#include "importers/given_shape.h"

namespace octet::importers {

Status CheckGiven(const std::string& input, size_t rank, const Shape& given) {
  if (rank == static_cast<size_t>(given.rank())) return {};
  return Error(Code::kInvalidArgument, "input '%s' has %zu dimensions, %s was given", input.c_str(), rank, given.text().c_str());
}

}  // namespace octet::importers
