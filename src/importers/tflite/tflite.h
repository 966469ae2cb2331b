// SPDX-License-Identifier: Apache-2.0
// An existing .tflite -> graph: to quantize it, or to write it again.
#pragma once
#include <cstddef>
#include <span>

#include "base/file.h"
#include "importers/importer.h"

namespace octet::importers::tflite {

bool Is(std::span<const std::byte> bytes);

// What octet lacks becomes findings, one per kind of operator with the number of its uses. Copies what it
// keeps: `bytes` may go afterwards. `file`: where they are mapped, to give back what was copied; null: they lie elsewhere.
Result<graph::Model> Import(std::span<const std::byte> bytes, const ImportOptions& options, std::vector<Finding>* findings, const MappedFile* file = nullptr);

}  // namespace octet::importers::tflite
