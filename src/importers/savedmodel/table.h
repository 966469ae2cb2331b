// SPDX-License-Identifier: Apache-2.0
// LevelDB's table format, as TensorFlow's checkpoints use it for their index: sorted keys with values in blocks.
//   file  = data blocks, metaindex block, index block, footer of 48 bytes
//   block = entries (shared, unshared and value length as varints, rest of the key, value), restart offsets, their count;
//           behind it one byte of compression (0 none, 1 snappy) and a masked CRC-32C of block and byte.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "importers/savedmodel/graph_def.h"

namespace octet::importers::savedmodel {

// All entries; an index is small, and it is read once.
Result<std::map<std::string, std::vector<std::byte>>> ReadTable(Bytes file, const std::string& path);

}  // namespace octet::importers::savedmodel
