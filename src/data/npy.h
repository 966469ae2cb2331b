// SPDX-License-Identifier: Apache-2.0
// The .npy format, versions 1 to 3: magic, version, header length, a Python dict in text, the elements.
#pragma once
#include <string>

#include "base/status.h"
#include "data/npz.h"

namespace octet::data {

// `where` names file and member in errors. The array's bytes point into `file`.
Result<Array> ParseNpy(std::span<const std::byte> file, const std::string& where);
// Everything before the elements; its size is a multiple of 64.
Result<std::string> NpyHeader(const Array& array);

}  // namespace octet::data
